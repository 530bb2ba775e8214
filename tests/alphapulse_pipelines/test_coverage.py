from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from alphapulse.archive.export import export_days
from alphapulse.store.connect import Store
from alphapulse.store.days import market_ids
from alphapulse.store.judgements import judge_again, today_of
from alphapulse_pipelines.coverage import (
    changed_verdicts_sensor,
    judge_coverage,
    nightly_coverage,
    stretches,
)
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import RANGE_END, RANGE_START
from tests.stored import BTC, DAY, ETH, store_day, store_trades

COVERAGE = dg.AssetKey("coverage")
NEXT = DAY + timedelta(days=1)


def spans(found: dg.SensorResult) -> list[tuple[str, str]]:
    requests = found.run_requests or []
    return [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in requests]


def look(
    house: House, instance: dg.DagsterInstance, cursor: str | None = None, first: str = "2024-01-01"
) -> dg.SensorResult:
    context = dg.build_sensor_context(instance, cursor=cursor, resources={"house": house})
    found = changed_verdicts_sensor(first)(context)
    assert isinstance(found, dg.SensorResult)
    return found


def test_each_day_shows_its_markets_verdicts(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    """One market was exported, the other one nobody has judged yet."""
    days = [store_day(store, BTC, day) for day in (DAY, NEXT)]
    list(export_days(house.url(), house.parquet, days))
    store_trades(store, ETH, [(n, f"{DAY} 1{n}:00:00", "1", "1") for n in (1, 2, 3)])
    job = definitions.resolve_job_def(judge_coverage.name)
    tags = {RANGE_START: str(DAY), RANGE_END: str(NEXT)}
    assert job.execute_in_process(instance=instance, tags=tags).success
    assert instance.get_materialized_partitions(COVERAGE) == {str(DAY), str(NEXT)}
    records = instance.fetch_materializations(COVERAGE, limit=9).records
    said = {record.partition_key: record.asset_materialization for record in records}
    first = said[str(DAY)]
    assert first is not None
    assert (first.metadata["markets"].value, first.metadata["incomplete"].value) == (2, 2)
    table = first.metadata["verdicts"]
    assert isinstance(table, dg.TableMetadataValue)
    rows = {row.data["market"]: row.data for row in table.records}
    assert (rows[BTC.key]["exported"], rows[ETH.key]["exported"]) == ("yes", "no")
    assert rows[ETH.key]["stored"] == 3


def test_a_day_without_trades_has_no_table(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    job = definitions.resolve_job_def(judge_coverage.name)
    assert job.execute_in_process(instance=instance, partition_key=str(DAY)).success
    (record,) = instance.fetch_materializations(COVERAGE, limit=2).records
    assert record.asset_materialization is not None
    assert record.asset_materialization.metadata["markets"].value == 0
    assert "verdicts" not in record.asset_materialization.metadata


def test_a_verdict_that_changed_is_shown_once(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    yesterday = today_of(store) - timedelta(days=1)
    day = store_day(store, BTC, yesterday)
    store_trades(store, BTC, [(0, f"{yesterday - timedelta(days=1)} 23:00:00", "1", "1")])
    ids = market_ids(store)
    judge_again(store, ids[BTC], day)
    first = look(house, instance)
    assert spans(first) == [(str(yesterday), str(yesterday))]
    judge_again(store, ids[BTC], day)
    assert spans(look(house, instance, first.cursor)) == [], "judged again, and the same"
    store_trades(store, BTC, [(4, f"{today_of(store)} 00:00:00", "1", "1")])
    judge_again(store, ids[BTC], day)
    again = look(house, instance, first.cursor)
    assert spans(again) == [(str(yesterday), str(yesterday))]
    assert (again.run_requests or [])[0].run_key != (first.run_requests or [])[0].run_key
    assert spans(look(house, instance, again.cursor)) == []


def test_an_old_day_is_shown_again_whenever_it_was_judged(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    """Its verdict is not remembered: history that is loaded is seen, no cursor grows for ever."""
    day = store_day(store, BTC)
    judge_again(store, market_ids(store)[BTC], day)
    first = look(house, instance)
    assert spans(first) == [(str(DAY), str(DAY))]
    assert spans(look(house, instance, first.cursor)) == []
    judge_again(store, market_ids(store)[BTC], day)
    assert len(spans(look(house, instance, first.cursor))) == 1


def test_the_running_day_and_days_before_the_first_are_left_alone(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    for at in (today_of(store), DAY):
        day = store_day(store, BTC, at)
        judge_again(store, market_ids(store)[BTC], day)
    assert spans(look(house, instance, first="2024-08-09")) == []


def test_yesterday_is_shown_after_the_nightly_export(instance: dg.DagsterInstance) -> None:
    at = datetime(2024, 8, 9, 0, 40, tzinfo=UTC)
    found = nightly_coverage(dg.build_schedule_context(instance, scheduled_execution_time=at))
    assert isinstance(found, dg.RunRequest)
    assert found.partition_key == str(DAY)


@pytest.mark.parametrize(
    ("days", "parts"),
    [([], []), ([1], [[1]]), ([1, 2, 3], [[1, 2, 3]]), ([1, 3, 4], [[1], [3, 4]])],
)
def test_days_that_follow_one_another_are_one_run(days: list[int], parts: list[list[int]]) -> None:
    found = [[day.day for day in part] for part in stretches([date(2024, 8, n) for n in days])]
    assert found == parts
