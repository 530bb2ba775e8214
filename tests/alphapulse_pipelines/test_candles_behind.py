from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg
import pytest

from alphapulse import lake
from alphapulse.archive.candles import make_days, widen_days
from alphapulse.candles import WIDER, BarSize
from alphapulse.day import MarketDay
from alphapulse.lake.candle_files import path_of_candles
from alphapulse.trade import Trade
from alphapulse_pipelines import candles_behind
from alphapulse_pipelines.candles import CANDLES
from alphapulse_pipelines.candles_behind import Seen, candles_behind_sensor
from alphapulse_pipelines.house import House
from alphapulse_pipelines.jobs import renew_candles
from alphapulse_pipelines.partitions import register
from tests.archived import archive_trades, trade
from tests.stored import BTC, DAY, ETH, SOL

FIRST_DAY = "2024-01-01"
IN_ORDER = [SOL, BTC, ETH]  # of their keys, so that a range of neighbours has no holes


def tick(
    house: House, instance: dg.DagsterInstance, cursor: str | None = None
) -> tuple[list[dg.RunRequest], str]:
    """What the sensor asks for, and its cursor afterwards."""
    context = dg.build_sensor_context(instance, cursor=cursor, resources={"house": house})
    found = candles_behind_sensor(FIRST_DAY)(context)
    assert isinstance(found, dg.SensorResult), found
    return list(found.run_requests or []), found.cursor or ""


def make(house: House, days: Sequence[MarketDay]) -> None:
    list(make_days(house.parquet, house.candles, days))
    for size in WIDER:
        list(widen_days(house.candles, days, size))


def test_missing_candles_are_asked_for_once_and_made(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    register(instance, [BTC, ETH])
    days = {archive_trades(house.parquet, [trade(1, 0, market=m)]).key for m in (BTC, ETH)}
    (request,), cursor = tick(house, instance)
    assert tick(house, instance, cursor)[0] == []
    job = definitions.resolve_job_def(renew_candles.name)
    assert job.execute_in_process(instance=instance, tags=request.tags).success
    assert instance.get_materialized_partitions(CANDLES[BarSize.ONE_DAY]) == days
    requests, cursor = tick(house, instance, cursor)
    assert requests == []
    assert Seen.read(cursor).settled.keys() == {BTC.key, ETH.key}
    assert Seen.read(cursor).asked == {}


def test_a_repeated_tick_has_the_same_run_key_and_another_state_another(
    house: House, instance: dg.DagsterInstance
) -> None:
    register(instance, [BTC])
    archive_trades(house.parquet, [trade(1, 0)])
    (first,), cursor = tick(house, instance)
    (again,), _ = tick(house, instance)
    assert first.run_key == again.run_key
    archive_trades(house.parquet, [trade(1, 0), trade(2, 1)])
    (later,), _ = tick(house, instance, cursor)
    assert later.run_key != first.run_key


def test_a_day_that_was_exported_again_is_asked_for(
    house: House, instance: dg.DagsterInstance
) -> None:
    register(instance, [BTC])
    make(house, [archive_trades(house.parquet, [trade(1, 0)])])
    requests, cursor = tick(house, instance)
    assert requests == []
    replace_trades(house, [trade(1, 0), trade(2, 1)])
    (request,), _ = tick(house, instance, cursor)
    assert request.tags["dagster/asset_partition_range_start"] == f"{DAY}|{BTC.key}"


def replace_trades(house: House, tape: list[Trade]) -> None:
    """Aside and renamed, as the export does: a folder's time tells of it."""
    aside = house.parquet.with_name("aside")
    path = lake.path_of(aside, archive_trades(aside, tape))
    lake.put_in_place(path, lake.path_of(house.parquet, MarketDay(DAY, BTC)))


def test_another_export_of_the_same_trades_asks_for_nothing(
    house: House, instance: dg.DagsterInstance
) -> None:
    register(instance, [BTC])
    make(house, [archive_trades(house.parquet, [trade(1, 0)])])
    replace_trades(house, [trade(1, 0)])
    requests, cursor = tick(house, instance)
    assert requests == [] and BTC.key in Seen.read(cursor).settled


@pytest.mark.parametrize("size", BarSize)
def test_one_lost_size_is_enough(house: House, instance: dg.DagsterInstance, size: BarSize) -> None:
    register(instance, [BTC])
    day = archive_trades(house.parquet, [trade(1, 0)])
    make(house, [day])
    _, cursor = tick(house, instance)
    path_of_candles(house.candles, size, day).unlink()
    requests, _ = tick(house, instance, cursor)
    assert len(requests) == 1


def test_candles_that_cannot_be_read_are_made_again(
    house: House, instance: dg.DagsterInstance
) -> None:
    register(instance, [BTC])
    day = archive_trades(house.parquet, [trade(1, 0)])
    make(house, [day])
    path_of_candles(house.candles, BarSize.ONE_HOUR, day).write_bytes(b"no file")
    replace_trades(house, [trade(1, 0)])
    assert len(tick(house, instance)[0]) == 1


def test_a_tick_asks_for_so_many_and_the_next_one_for_the_rest(
    house: House, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(instance, IN_ORDER)
    for market in (BTC, ETH, SOL):
        for ahead in range(2):
            day = DAY + timedelta(days=ahead)
            archive_trades(house.parquet, [trade(1, 0, market=market, day=day)])
    monkeypatch.setattr(candles_behind, "MOST", 3)
    asked: list[str] = []
    cursor: str | None = None
    for expected in (3, 3, 0):
        requests, cursor = tick(house, instance, cursor)
        assert sum(map(partitions, requests)) == expected
        asked += [request.run_key or "" for request in requests]
    assert len(set(asked)) == len(asked)


def partitions(request: dg.RunRequest) -> int:
    """How many of the registered markets the request's range holds."""
    order = [market.key for market in IN_ORDER]
    ends = [request.tags[f"dagster/asset_partition_range_{end}"] for end in ("start", "end")]
    first, last = (order.index(key.partition("|")[2]) for key in ends)
    return last - first + 1


def test_nothing_is_asked_while_a_run_is_under_way(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    archive_trades(house.parquet, [trade(1, 0)])
    job = definitions.resolve_job_def(renew_candles.name)
    instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
    context = dg.build_sensor_context(instance, resources={"house": house})
    found = candles_behind_sensor(FIRST_DAY)(context)
    assert isinstance(found, dg.SkipReason) and "under way" in (found.skip_message or "")


def test_damaged_trades_strange_files_and_days_before_the_first_are_left_alone(
    house: House, instance: dg.DagsterInstance
) -> None:
    register(instance, [BTC])
    old = archive_trades(house.parquet, [trade(1, 0, day=date(2023, 12, 31))])
    folder = lake.path_of(house.parquet, old).parent
    (folder / "2024-08-08.parquet").write_bytes(b"PAR1")
    (folder / "notes.parquet").write_bytes(b"PAR1")
    (house.parquet / "stray").write_text("a file among folders")
    (house.parquet / "kraken" / "A%b").mkdir(parents=True)
    requests, cursor = tick(house, instance)
    assert requests == [] and Seen.read(cursor).settled.keys() == {BTC.key}


def test_a_damaged_footer_stops_no_look(house: House, instance: dg.DagsterInstance) -> None:
    register(instance, [BTC])
    day = archive_trades(house.parquet, [trade(1, 0)])
    path = lake.path_of(house.parquet, day)
    honest = path.read_bytes()
    damaged = bytearray(honest)
    damaged[-400:-300] = bytes(100)
    path.write_bytes(damaged)
    path.with_name("2024-07.parquet").write_bytes(damaged)
    assert tick(house, instance)[0] == []
    path.write_bytes(honest)
    assert len(tick(house, instance)[0]) == 1


def test_a_month_without_candles_is_asked_for_and_made(
    house: House, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    register(instance, [BTC])
    days = [
        archive_trades(house.parquet, [trade(n, 0, day=DAY + timedelta(days=n))]) for n in range(2)
    ]
    paths = [lake.path_of(house.parquet, day) for day in days]
    places = [lake.Place(path, day.date) for path, day in zip(paths, days, strict=True)]
    lake.write_month(lake.month_of(paths[0]), places)
    for path in paths:
        path.unlink()
    requests, cursor = tick(house, instance)
    job = definitions.resolve_job_def(renew_candles.name)
    for request in requests:
        assert job.execute_in_process(instance=instance, tags=request.tags).success
    assert all(
        path_of_candles(house.candles, size, day).exists() for size in BarSize for day in days
    )
    requests, cursor = tick(house, instance, cursor)
    assert requests == [] and Seen.read(cursor).settled.keys() == {BTC.key}


def test_without_an_archive_there_is_nothing_to_do(
    house: House, instance: dg.DagsterInstance
) -> None:
    assert tick(house, instance) == ([], str(Seen()))
