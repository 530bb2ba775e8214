from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from alphapulse import lake
from alphapulse.archive.export import export_days
from alphapulse.store.connect import Store
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import MARKETS, RANGE_END, RANGE_START
from alphapulse_pipelines.schedules import nightly_schedule
from tests.stored import BTC, DAY, ETH, SOL, store_day, store_market

NIGHT = datetime(2024, 8, 9, 0, 10, tzinfo=UTC)


@pytest.fixture
def instance(opened_again: dg.DagsterInstance) -> dg.DagsterInstance:
    """A tick's context opens it anew, by its reference."""
    return opened_again


def tick(
    house: House, instance: dg.DagsterInstance, at: datetime = NIGHT, first_day: str = "2024-01-01"
) -> list[dg.RunRequest]:
    context = dg.build_schedule_context(
        instance, scheduled_execution_time=at, resources={"house": house}
    )
    found = nightly_schedule(first_day).evaluate_tick(context)
    return list(found.run_requests or [])


def spans(requests: list[dg.RunRequest]) -> list[tuple[str, str]]:
    return [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in requests]


def test_after_midnight_yesterday_is_asked_for_in_one_run(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    for market in (BTC, ETH, SOL):
        store_day(store, market)
    assert spans(tick(house, instance)) == [(f"{DAY}|{BTC.key}", f"{DAY}|{SOL.key}")]


def test_markets_become_partitions_on_the_way(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    store_day(store, BTC)
    store_market(store, ETH)
    tick(house, instance)
    assert list(instance.get_dynamic_partitions(MARKETS)) == [BTC.key, ETH.key]


def test_a_market_that_did_not_trade_is_not_asked_for(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    store_market(store, BTC)
    store_day(store, ETH)
    assert spans(tick(house, instance)) == [(f"{DAY}|{ETH.key}", f"{DAY}|{ETH.key}")]


def test_today_is_not_asked_for(store: Store, house: House, instance: dg.DagsterInstance) -> None:
    store_day(store, BTC, NIGHT.date())
    assert tick(house, instance) == []


def test_an_archived_day_is_not_asked_for_again(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    list(export_days(house.url(), house.parquet, [store_day(store, BTC)]))
    assert tick(house, instance) == []


def test_nights_that_were_missed_are_caught_up_for_a_week(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    for back in (0, 3, 7, 8):
        store_day(store, BTC, DAY - timedelta(days=back))
    first = [span[0][:10] for span in spans(tick(house, instance))]
    assert first == ["2024-08-01", "2024-08-05", "2024-08-08"]


def test_days_before_the_first_partition_are_not_asked_for(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    for day in (DAY, DAY - timedelta(days=1)):
        store_day(store, BTC, day)
    assert len(tick(house, instance, first_day=str(DAY))) == 1


def test_the_schedule_runs_after_midnight_utc() -> None:
    schedule = nightly_schedule("2024-01-01")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("10 0 * * *", "UTC")


@pytest.mark.parametrize("at", [datetime(2024, 8, 9, 2, 10, tzinfo=UTC), NIGHT])
def test_the_day_is_utcs(
    store: Store, house: House, instance: dg.DagsterInstance, at: datetime
) -> None:
    store_day(store, BTC)
    assert len(tick(house, instance, at)) == 1


def test_a_request_is_what_a_run_can_do(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    days = [store_day(store, market) for market in (BTC, ETH)]
    (request,) = tick(house, instance)
    job = definitions.resolve_job_def("nightly_export")
    assert job.execute_in_process(instance=instance, tags=dict(request.tags)).success
    assert all(lake.find_certificate(house.parquet, day) for day in days)
    assert date.fromisoformat(request.tags[RANGE_START][:10]) == DAY
