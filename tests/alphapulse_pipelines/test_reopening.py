from datetime import timedelta

import dagster as dg

from alphapulse import lake
from alphapulse.archive.export import export_days
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.store.judgements import list_coverage, today_of
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import MARKETS, RANGE_END, RANGE_START, register
from alphapulse_pipelines.reopening import judge_days, reopened_days_sensor
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_day, store_trades

LATE = [(99, "2024-08-08 12:00:00", "1", "1")]


def look(
    house: House, instance: dg.DagsterInstance, cursor: str | None = None, first: str = "2024-01-01"
) -> dg.SensorResult:
    context = dg.build_sensor_context(instance, cursor=cursor, resources={"house": house})
    found = reopened_days_sensor(first)(context)
    assert isinstance(found, dg.SensorResult)
    return found


def spans(found: dg.SensorResult) -> list[tuple[str, str]]:
    requests = found.run_requests or []
    return [(request.tags[RANGE_START], request.tags[RANGE_END]) for request in requests]


def export(house: House, instance: dg.DagsterInstance, *days: MarketDay) -> None:
    register(instance, [day.market for day in days])
    list(export_days(house.url(), house.parquet, days))


def test_a_late_row_is_exported_once_and_then_all_is_quiet(
    store: Store, house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    export(house, instance, store_day(store, BTC))
    quiet = look(house, instance)
    assert spans(quiet) == []
    store_trades(store, BTC, LATE)
    asked = look(house, instance, quiet.cursor)
    assert spans(asked) == [(BTC_DAY.key, BTC_DAY.key)]
    assert spans(look(house, instance, asked.cursor)) == [], "it was asked for"
    (request,) = asked.run_requests or []
    job = definitions.resolve_job_def("nightly_export")
    assert job.execute_in_process(instance=instance, tags=dict(request.tags)).success
    certificate = lake.find_certificate(house.parquet, BTC_DAY)
    assert certificate and (certificate.rows, certificate.last_id) == (4, 99)
    done = look(house, instance, asked.cursor)
    assert spans(done) == [] and list_coverage(store)[0].reopened_at is None


def test_another_late_row_after_the_export_is_another_request(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    export(house, instance, store_day(store, BTC))
    keys, cursor = set(), None
    for id in (50, 60):
        store_trades(store, BTC, [(id, "2024-08-08 12:00:00", "1", "1")])
        found = look(house, instance, cursor)
        cursor = found.cursor
        (request,) = found.run_requests or []
        keys.add(request.run_key)
        export(house, instance, BTC_DAY)
    assert len(keys) == 2


def test_a_tick_that_is_repeated_asks_under_the_same_key(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    export(house, instance, store_day(store, BTC), store_day(store, ETH))
    for market in (BTC, ETH):
        store_trades(store, market, LATE)
    first, again = look(house, instance), look(house, instance)
    assert spans(first) == [(BTC_DAY.key, f"{DAY}|{ETH.key}")]
    assert [r.run_key for r in first.run_requests or []] == [
        r.run_key for r in again.run_requests or []
    ]


def test_days_that_dagster_does_not_know_are_not_asked_for(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    list(export_days(house.url(), house.parquet, [store_day(store, BTC)]))
    store_trades(store, BTC, LATE)
    unknown = look(house, instance)
    assert spans(unknown) == []
    instance.add_dynamic_partitions(MARKETS, [BTC.key])
    assert spans(look(house, instance, unknown.cursor, first="2024-08-09")) == []
    assert len(spans(look(house, instance, unknown.cursor))) == 1


def test_recent_days_are_judged_without_a_run(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    today = today_of(store)
    for back in (0, 1):
        store_day(store, BTC, today - timedelta(days=back))
    found = judge_days(dg.build_sensor_context(instance, resources={"house": house}))
    assert isinstance(found, dg.SkipReason)
    assert found.skip_message == "judged 2 market-days"
    assert [row.day for row in list_coverage(store)] == [today - timedelta(days=1), today]
    assert instance.get_runs_count() == 0


def test_a_verdict_that_changed_asks_for_another_export(
    store: Store, house: House, instance: dg.DagsterInstance
) -> None:
    """The next trade came: the day before it is proven."""
    yesterday = MarketDay(today_of(store) - timedelta(days=1), BTC)
    before, after = (yesterday.date + timedelta(days=n) for n in (-1, 1))
    store_trades(store, BTC, [(0, f"{before} 12:00:00", "1", "1")])
    export(house, instance, store_day(store, BTC, yesterday.date))
    assert list_coverage(store)[0].verdict == "incomplete"
    store_trades(store, BTC, [(4, f"{after} 00:00:00", "1", "1")])
    judge_days(dg.build_sensor_context(instance, resources={"house": house}))
    assert spans(look(house, instance)) == [(yesterday.key, yesterday.key)]
    export(house, instance, yesterday)
    assert [row.verdict for row in list_coverage(store, yesterday.date)] == ["complete"]
    assert spans(look(house, instance)) == []
