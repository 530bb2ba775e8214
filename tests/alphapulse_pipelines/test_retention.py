"""Retention as Dagster runs it; and what Dagster forgets of itself without losing a partition."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import msgspec
import pytest

from alphapulse.archive.export import export_days
from alphapulse.day import MarketDay
from alphapulse.settings import Settings
from alphapulse.store.connect import Store, connect
from alphapulse.store.dagster_events import Pruned, prune_events
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import ranges, register
from alphapulse_pipelines.retention import old_days_leave, own_database
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_day, store_trades

PARQUET = dg.AssetKey("trades_parquet")
KEYS = [f"{day}|{market.key}" for day in (DAY, DAY + timedelta(days=1)) for market in (BTC, ETH)]
OLD_SECOND = """
INSERT INTO stream_seconds (at, sent, clients, deliver)
VALUES (now() - interval '4 days', 5, 1, '{}');
INSERT INTO due_minutes SELECT date_trunc('minute', at), '' FROM stream_seconds"""
LONG_AGO = """
UPDATE event_logs SET timestamp = timestamp - interval '100 days';
UPDATE asset_check_executions SET
    evaluation_event_timestamp = evaluation_event_timestamp - interval '100 days',
    create_timestamp = create_timestamp - interval '100 days'"""


def shown(done: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    (found,) = done.asset_materializations_for_node(name)
    return {key: value.value for key, value in found.metadata.items()}


def records(value: object) -> list[dg.TableRecord]:
    assert isinstance(value, dg.TableMetadataValue)
    return list(value.records)


def retain(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    job = definitions.resolve_job_def("nightly_retention")
    return job.execute_in_process(instance=instance)


def test_the_nightly_run_drops_what_may_leave_and_says_what_stays(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    list(export_days(house.url(), house.parquet, [store_day(store, BTC)]))
    store_day(store, ETH, DAY + timedelta(days=1))
    store.execute(OLD_SECOND)
    done = retain(definitions, instance)
    assert done.success
    told = shown(done, "retention")
    assert (told["days left"], told["days refused"], told["rows"]) == (1, 1, 3)
    assert told["which"] == str(DAY) and told["bytes freed"] > 0
    (found,) = done.asset_materializations_for_node("retention")
    (record,) = records(found.metadata["refusals"])
    assert record.data["why"] == "not exported" and record.data["market"] == ETH.key
    (check,) = done.get_asset_check_evaluations()
    assert not check.passed and check.severity == dg.AssetCheckSeverity.WARN
    assert check.metadata["days"].value == 1
    assert store.execute("SELECT count(*) FROM trades").fetchone() == (3,)
    assert (told["minutes added up"], told["statistics by the second forgotten"]) == (1, 1)
    assert store.execute("SELECT sent, seconds FROM stats_stream_minutes").fetchall() == [(5, 1)]


def test_where_nothing_stays_the_check_is_green(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    list(export_days(house.url(), house.parquet, [store_day(store, BTC)]))
    (check,) = retain(definitions, instance).get_asset_check_evaluations()
    assert check.passed


def test_rows_that_came_after_leaving_are_shown_until_they_joined_their_file(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    list(export_days(house.url(), house.parquet, [store_day(store, BTC)]))
    retain(definitions, instance)
    store_trades(store, BTC, [(9, f"{DAY} 12:00:00", "1", "1")])
    found = old_days_leave(house=house)
    assert isinstance(found, dg.AssetCheckResult) and not found.passed
    (record,) = records(found.metadata["refusals"])
    assert record.data["why"] == "late after leaving"
    done = retain(definitions, instance)
    events = done.get_asset_materialization_events()
    (told,) = [
        event.step_materialization_data.materialization
        for event in events
        if event.asset_key == dg.AssetKey("retention")
    ]
    assert told.metadata["rows"].value == told.metadata["late rows united"].value == 1
    assert "refusals" not in told.metadata
    assert BTC_DAY.key in instance.get_materialized_partitions(PARQUET)


def test_everything_stays_where_the_setting_says_so(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    list(export_days(house.url(), house.parquet, [store_day(store, BTC)]))
    settings = Settings(retention_days=0)
    calm = msgspec.structs.replace(house, settings=settings)
    told = shown(retain(build_definitions(settings, calm), instance), "retention")
    assert (told["days left"], told["stays"], told["next"]) == (0, "everything", "never")
    assert store.execute("SELECT count(*) FROM trades").fetchone() == (3,)


def test_it_runs_each_night(definitions: dg.Definitions) -> None:
    found = definitions.get_repository_def().get_schedule_def("nightly_retention")
    assert found.cron_schedule == "30 2 * * *" and found.execution_timezone == "UTC"


def export(definitions: dg.Definitions, instance: dg.DagsterInstance, *days: MarketDay) -> None:
    job = definitions.resolve_job_def("nightly_export")
    markets = register(instance, [BTC, ETH])
    for part in ranges(markets, days):
        job.execute_in_process(instance=instance, tags=part.tags, raise_on_error=False)


@pytest.fixture
def recorded(postgres_instance: dg.DagsterInstance, empty_database: str) -> Iterator[Store]:
    """Dagster's own database, which is not the trades'."""
    with connect(empty_database, "test") as connection:
        yield connection


@pytest.fixture
def history(
    store: Store,
    recorded: Store,
    definitions: dg.Definitions,
    postgres_instance: dg.DagsterInstance,
) -> dg.DagsterInstance:
    """Days that were exported, exported again, or failed; a hundred days ago."""
    next_day = DAY + timedelta(days=1)
    days = [store_day(store, BTC), store_day(store, ETH), store_day(store, BTC, next_day)]
    export(definitions, postgres_instance, *days)
    export(definitions, postgres_instance, *days[:2])
    store_trades(store, ETH, [(1, f"{next_day} 12:00:00", "NaN", "1")])
    export(definitions, postgres_instance, MarketDay(next_day, ETH))
    for lag in (1, 2, 3):
        observation = dg.AssetObservation("trades", metadata={"lag": lag})
        postgres_instance.report_runless_asset_event(observation)
    for statement in LONG_AGO.split(";"):
        recorded.execute(statement.encode())
    return postgres_instance


def standing(definitions: dg.Definitions, instance: dg.DagsterInstance) -> dict[str, Any]:
    """All that Dagster's pages, sensors and backfills ask of partitions and checks."""
    storage = instance.event_log_storage
    attempts = storage.get_latest_asset_partition_materialization_attempts_without_materializations
    partitions = definitions.resolve_asset_graph().get(PARQUET).partitions_def
    assert partitions is not None
    status = instance.get_status_by_partition(PARQUET, KEYS, partitions) or {}
    checks = [
        storage.get_latest_asset_check_execution_by_key([key])
        for key in definitions.resolve_asset_graph().asset_check_keys
    ]
    events = [
        instance.get_latest_materialization_event(dg.AssetKey(name))
        for name in ("trades_parquet", "market_data")
    ]
    (observed,) = instance.fetch_observations(dg.AssetKey("trades"), limit=1).records
    assert observed.asset_observation
    return {
        "status": {key: status.get(key) for key in KEYS},
        "materialized": instance.get_materialized_partitions(PARQUET),
        "attempts": attempts(PARQUET),
        "checks": [
            (str(key), record.id, record.status)
            for found in checks
            for key, record in found.items()
        ],
        "events": [(event.run_id, event.timestamp) for event in events if event],
        "observed": observed.asset_observation.metadata["lag"].value,
        "runs": instance.get_runs_count(),
    }


def test_partitions_are_as_before_when_old_events_are_gone(
    recorded: Store, definitions: dg.Definitions, history: dg.DagsterInstance
) -> None:
    before = standing(definitions, history)
    found = {key: status.value for key, status in before["status"].items() if status}
    assert found == dict(zip(KEYS, ["MATERIALIZED"] * 3 + ["FAILED"], strict=True))
    (count,) = recorded.execute("SELECT count(*) FROM event_logs").fetchone() or (0,)
    url = own_database(history)
    assert url is not None
    pruned = prune_events(recorded, 90, batch=7)
    assert pruned.events > count / 2 and pruned.check_executions > 0 and pruned.bytes > 0
    assert standing(definitions, history) == before
    left = recorded.execute(
        "SELECT DISTINCT dagster_event_type FROM event_logs ORDER BY 1"
    ).fetchall()
    assert all(name.startswith("ASSET_") for (name,) in left)
    again = prune_events(recorded, 90)
    assert (again.events, again.tags, again.check_executions) == (0, 0, 0)


def test_what_is_younger_stays(recorded: Store, history: dg.DagsterInstance) -> None:
    (count,) = recorded.execute("SELECT count(*) FROM event_logs").fetchone() or (0,)
    for days in (0, 101):
        pruned = prune_events(recorded, days)
        assert pruned == Pruned(bytes=pruned.bytes)
    assert recorded.execute("SELECT count(*) FROM event_logs").fetchone() == (count,)


def test_a_run_under_way_keeps_its_events(recorded: Store, history: dg.DagsterInstance) -> None:
    (run,) = history.get_runs(limit=1)
    recorded.execute("UPDATE runs SET status = 'STARTED' WHERE run_id = %s", [run.run_id])
    query = "SELECT count(*) FROM event_logs WHERE run_id = %s"
    before = recorded.execute(query, [run.run_id]).fetchone()
    prune_events(recorded, 90)
    assert recorded.execute(query, [run.run_id]).fetchone() == before != (0,)


def test_the_asset_prunes_the_very_database_that_records_it(
    recorded: Store, definitions: dg.Definitions, history: dg.DagsterInstance, dagster_home: Path
) -> None:
    output = dagster_home / "some run" / "compute_logs" / "step.err"
    output.parent.mkdir(parents=True)
    output.write_text("words")
    os.utime(output, (0, 0))
    fresh = output.with_name("fresh.out")
    fresh.write_text("words")
    told = shown(retain(definitions, history), "dagster_events")
    assert told["events"] > 0 and told["days kept"] == 90
    assert (told["files of output"], told["bytes of output"]) == (1, 5)
    assert fresh.exists() and not output.exists()
    assert BTC_DAY.key in history.get_materialized_partitions(PARQUET)


def test_an_instance_elsewhere_has_no_database_to_prune(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    assert own_database(instance) is None
    told = shown(retain(definitions, instance), "dagster_events")
    assert "events" not in told and told["days kept"] == 90
