"""Failed runs, checks and ticks: an alert each, until the same succeeds."""

from pathlib import Path
from time import time

import dagster as dg
import pytest
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster_shared.error import SerializableErrorInfo

from alphapulse.store.alerts import standing
from alphapulse.store.connect import Store
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import Range, register
from alphapulse_pipelines.watching_runs import FAILURES, failed_checks, failed_runs, failed_ticks
from tests.alphapulse_pipelines.watched import ends, house_at, keys, look
from tests.stored import BTC, DAY, store_day, store_trades

PASSES = "it passes, or is no more"
BTC_TO_BTC = f"{DAY}|{BTC.key} to {DAY}|{BTC.key}"


@pytest.fixture
def home(database_url: str, tmp_path: Path) -> House:
    return house_at(tmp_path / "home", database_url)


def export(home: House, instance: dg.DagsterInstance) -> bool:
    """A real run of the nightly export over one market's day."""
    register(instance, [BTC])
    tags = Range(f"{DAY}|{BTC.key}", f"{DAY}|{BTC.key}").tags
    job = build_definitions(home.settings, home).resolve_job_def("nightly_export")
    return job.execute_in_process(instance=instance, tags=tags, raise_on_error=False).success


def break_day(store: Store) -> None:
    """A price that the archive refuses to round."""
    store_trades(store, BTC, [(99, f"{DAY} 12:00:00", "NaN", "1")])


def mend_day(store: Store) -> None:
    store.execute("DELETE FROM trades WHERE price = 'NaN'")


def test_a_failed_run_is_an_alert_until_the_same_succeeds(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    store_day(store, BTC)
    break_day(store)
    assert not export(home, instance)
    first = look(failed_runs, home, instance)
    (one,) = standing(store)
    assert one.alert.key == f"run/nightly_export/{BTC_TO_BTC}"
    assert one.alert.title == f"nightly_export failed ({BTC_TO_BTC})"
    (run,) = instance.get_runs()
    assert one.alert.link == f"http://127.0.0.1:3001/runs/{run.run_id}"
    again = look(failed_runs, home, instance, first.cursor)
    assert len(keys(store)) == 1, "it is not over because nothing new ended"
    mend_day(store)
    assert export(home, instance)
    look(failed_runs, home, instance, again.cursor)
    assert keys(store) == []
    ((_, _, resolution),) = ends(store)
    assert resolution == "a later run succeeded"


def test_a_failed_run_that_nobody_repeats_is_over_after_a_week(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    store_day(store, BTC)
    break_day(store)
    assert not export(home, instance)
    first = look(failed_runs, home, instance)
    store.execute("UPDATE alerts SET since = since - interval '8 days'")
    look(failed_runs, home, instance, first.cursor)
    ((_, _, resolution),) = ends(store)
    assert resolution == "not run again within 7 days"


def test_a_run_is_looked_at_once(home: House, store: Store, instance: dg.DagsterInstance) -> None:
    store_day(store, BTC)
    assert export(home, instance)
    first = look(failed_runs, home, instance)
    break_day(store)
    assert not export(home, instance)
    second = look(failed_runs, home, instance, first.cursor)
    assert len(keys(store)) == 1
    third = look(failed_runs, home, instance, second.cursor)
    assert third.cursor == second.cursor


def test_a_check_that_fails_is_an_alert_until_it_passes(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    definitions = build_definitions(home.settings, home)
    store_day(store, BTC)
    look(failed_checks, home, instance, definitions=definitions)
    assert keys(store) == [], "nothing was evaluated"
    assert export(home, instance)
    look(failed_checks, home, instance, definitions=definitions)
    assert keys(store) == ["check/trades_parquet/coverage_is_complete"]
    (one,) = standing(store)
    assert one.alert.link == "http://127.0.0.1:3001/assets/trades_parquet?view=checks"
    passed = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("trades_parquet"), check_name="coverage_is_complete", passed=True
    )
    instance.report_runless_asset_event(passed)
    look(failed_checks, home, instance, definitions=definitions)
    assert ends(store) == [("check/trades_parquet/coverage_is_complete", "warning", PASSES)]


def test_silent_markets_are_not_told_as_a_failed_check_too(
    store: Store, home: House, instance: dg.DagsterInstance
) -> None:
    failed = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("trades"), check_name="fresh_by_own_rhythm", passed=False
    )
    instance.report_runless_asset_event(failed)
    definitions = build_definitions(home.settings, home)
    look(failed_checks, home, instance, definitions=definitions)
    assert keys(store) == []


def tick(instance: dg.DagsterInstance, name: str, status: TickStatus, at: float) -> None:
    """As the daemon records it."""
    location = RegisteredCodeLocationOrigin(location_name="alphapulse")
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)
    state = InstigatorState(
        origin,
        InstigatorType.SENSOR,
        InstigatorStatus.DECLARED_IN_CODE,
        SensorInstigatorData(min_interval=30),
    )
    if not instance.get_instigator_state(origin.get_id(), state.selector_id):
        instance.add_instigator_state(state)
    is_failure = status is TickStatus.FAILURE
    error = SerializableErrorInfo("PostgreSQL is away\n", [], "StoreUnavailable")
    instance.create_tick(
        TickData(
            origin.get_id(),
            name,
            InstigatorType.SENSOR,
            status,
            at,
            error=error if is_failure else None,
            selector_id=state.selector_id,
        )
    )


def test_a_sensor_that_fails_again_and_again_is_an_alert_until_it_works(
    store: Store, home: House, opened_again: dg.DagsterInstance
) -> None:
    instance = opened_again  # only in files are there ticks
    definitions = build_definitions(home.settings, home)
    start = time() - 600
    for n in range(FAILURES):
        look(failed_ticks, home, instance, definitions=definitions)
        assert keys(store) == []
        tick(instance, "new_markets", TickStatus.FAILURE, start + n)
        tick(instance, "a_sensor_of_yesterday", TickStatus.FAILURE, start + n)
    look(failed_ticks, home, instance, definitions=definitions)
    (one,) = standing(store)
    assert one.alert.title == "sensor new_markets fails"
    assert "PostgreSQL is away" in one.alert.text
    tick(instance, "new_markets", TickStatus.SKIPPED, start + 60)
    look(failed_ticks, home, instance, definitions=definitions)
    assert keys(store) == []
