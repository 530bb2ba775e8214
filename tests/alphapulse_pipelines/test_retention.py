"""Retention as Dagster runs it."""

from datetime import timedelta
from typing import Any

import dagster as dg
import msgspec

from alphapulse.archive.export import export_days
from alphapulse.settings import Settings
from alphapulse.store.connect import Store
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House
from alphapulse_pipelines.retention import old_days_leave, own_database
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_day, store_trades

PARQUET = dg.AssetKey("trades_parquet")
OLD_SECOND = """
INSERT INTO stream_seconds (at, sent, clients, deliver)
VALUES (now() - interval '4 days', 5, 1, '{}');
INSERT INTO due_minutes SELECT date_trunc('minute', at), '' FROM stream_seconds"""


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


def test_an_instance_elsewhere_has_no_database_to_prune(
    definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    assert own_database(instance) is None
    told = shown(retain(definitions, instance), "dagster_events")
    assert "events" not in told and told["days kept"] == 90
