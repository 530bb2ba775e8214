"""Bars that are kept are, whatever is stored meanwhile, those that the trades make."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import api.context
import api.kept
from alphapulse.archive.candles import make_days
from alphapulse.archive.export import export_days
from alphapulse.candles import BarSize
from alphapulse.columns import Columns, length
from alphapulse.lake.candle_files import path_of_candles
from alphapulse.settings import Settings
from alphapulse.store.bars import Sight, fold_bars
from alphapulse.store.connect import Store, connect
from alphapulse.store.readers import of_one_instant
from api.bars import Shelf
from api.context import House
from api.kept import HOUR, MINUTE, Kept, Latest, hours_of
from tests.stored import BTC, BTC_DAY, DAY, Row, store_day, store_market, store_trades

START = datetime(DAY.year, DAY.month, DAY.day, 10, tzinfo=UTC)
SECONDS = st.integers(0, 4 * 3600 - 1)
BATCHES = st.lists(
    st.tuples(st.lists(SECONDS, max_size=8), SECONDS, SECONDS), min_size=1, max_size=6
)


def rows(ids: Iterator[int], seconds: list[int]) -> list[Row]:
    return [
        (id, str((START + timedelta(seconds=at)).replace(tzinfo=None)), f"{100 + id % 7}.5", "0.10")
        for id, at in zip(ids, seconds, strict=False)
    ]


def kept_minutes(reader: Store, kept: Kept, market_id: int, hours: int = 4) -> Columns:
    with of_one_instant(reader):
        return kept.minutes(reader, market_id, START, START + hours * HOUR)


@pytest.fixture
def reader(database_url: str) -> Iterator[Store]:
    with connect(database_url, "test", read_only=True) as connection:
        yield connection


@given(batches=BATCHES)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_kept_minutes_are_those_of_the_trades_whenever_each_came(
    store: Store, reader: Store, batches: list[tuple[list[int], int, int]]
) -> None:
    store.execute("TRUNCATE trades")
    kept, ids, market_id = Kept(), iter(range(1, 10_000)), store_market(store, BTC)
    for seconds, one, other in batches:
        store_trades(store, BTC, rows(ids, seconds))
        start, end = (START + MINUTE * (at // 60) for at in sorted((one, other)))
        with of_one_instant(reader):
            found = kept.minutes(reader, market_id, start, end)
        assert found == fold_bars(reader, market_id, MINUTE, start, end, 10_000)


@pytest.mark.parametrize("size", BarSize)
def test_wider_bars_made_of_kept_minutes_are_those_folded_from_the_trades(
    store: Store, reader: Store, tmp_path: Path, size: BarSize
) -> None:
    market_id, kept = store_market(store, BTC), Kept()
    length_of_bar = timedelta(microseconds=size.micros)
    day = START.replace(hour=0)
    for first in (1, 40):  # the second time most of it is kept
        store_trades(
            store, BTC, rows(iter(range(first, 10_000)), [first + 417 * n for n in range(30)])
        )
        shelf = Shelf(reader, kept, tmp_path, BTC, market_id, size)
        found = shelf.read(day, day + timedelta(days=1), 2_000)
        expected = fold_bars(
            reader, market_id, length_of_bar, day, day + timedelta(days=1), 2_000
        )  # fmt: skip
        assert found == expected and length(found) > 0


def test_a_sum_that_no_file_could_hold_is_folded_all_the_same(
    store: Store, reader: Store, tmp_path: Path
) -> None:
    huge = [(n, f"{DAY} 10:0{n}:00", "1", "6E+19") for n in (1, 2)]
    store_trades(store, BTC, huge)
    shelf = Shelf(reader, Kept(), tmp_path, BTC, store_market(store, BTC), BarSize.ONE_HOUR)
    assert shelf.read(START, START + HOUR, 10)["volume"] == ["120000000000000000000"]


def test_a_transaction_that_was_open_while_we_folded_is_seen_once_it_ends(
    store: Store, reader: Store, database_url: str
) -> None:
    kept, market_id = Kept(), store_market(store, BTC)
    store_trades(store, BTC, [(3, f"{DAY} 12:00:00", "1", "1")])  # now nobody has to make its chunk
    with connect(database_url, "test") as slow, slow.transaction():
        store_trades(slow, BTC, [(1, f"{DAY} 10:00:01", "1", "1")])  # the older transaction
        store_trades(store, BTC, [(2, f"{DAY} 10:00:02", "2", "1")])
        assert kept_minutes(reader, kept, market_id)["first_id"] == ["2", "3"]
    assert kept_minutes(reader, kept, market_id)["trades"] == [2, 1]


def test_only_what_changed_is_folded_anew(
    store: Store, reader: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[datetime, datetime]] = []

    def watched(*given: object) -> Columns:
        asked.append(given[3:5])  # type: ignore[arg-type]
        return fold_bars(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(api.kept, "fold_bars", watched)
    kept, market_id = Kept(), store_market(store, BTC)
    store_trades(store, BTC, rows(iter(range(1, 10)), [60, 3600, 7300]))
    kept_minutes(reader, kept, market_id)
    assert [start for start, _ in asked] == hours_of(START, START + 4 * HOUR)
    asked.clear()
    kept_minutes(reader, kept, market_id)
    assert asked == []
    store_trades(store, BTC, [(99, f"{DAY} 11:30:30", "1", "1")])
    kept_minutes(reader, kept, market_id)
    assert asked == [(START + 90 * MINUTE, START + 2 * HOUR)]


def test_what_another_life_of_the_server_saw_is_folded_anew(store: Store, reader: Store) -> None:
    kept, market_id = Kept(), store_market(store, BTC)
    store_trades(store, BTC, rows(iter(range(1, 10)), [60]))
    kept_minutes(reader, kept, market_id, 1)
    found = kept.hours.get((market_id, START))
    assert found is not None
    false = dict(found.columns) | {"close": ["7"]}
    kept.hours.put((market_id, START), replace(found, columns=false))
    assert kept_minutes(reader, kept, market_id, 1)["close"] == ["7"]  # it is what is used
    older = Sight("an earlier start", found.sight.snapshot)
    kept.hours.put((market_id, START), replace(found, sight=older, columns=false))
    assert kept_minutes(reader, kept, market_id, 1)["close"] == ["101.5"]


def test_a_file_that_was_replaced_is_read_anew(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    parquet, candles, kept = tmp_path / "parquet", tmp_path / "candles", Kept()
    assert kept.day(candles, BarSize.ONE_MINUTE, BTC_DAY) is None
    store_day(store, BTC, trades=3)
    for bars in (3, 4):
        list(export_days(database_url, parquet, [BTC_DAY]))
        list(make_days(parquet, candles, [BTC_DAY]))
        first = kept.day(candles, BarSize.ONE_MINUTE, BTC_DAY)
        assert first is not None and length(first.columns) == bars == first.certificate.bars
        assert kept.day(candles, BarSize.ONE_MINUTE, BTC_DAY) is first
        store_trades(store, BTC, [(bars + 1, f"{DAY} 20:0{bars}:00", "1", "1")])
    path_of_candles(candles, BarSize.ONE_MINUTE, BTC_DAY).unlink()
    assert kept.day(candles, BarSize.ONE_MINUTE, BTC_DAY) is None


def test_the_later_of_two_sights_is_the_greater() -> None:
    texts = ["10:10:", "10:12:10,11", "10:12:10", "12:12:", "12:15:12,13"]
    ages = [Sight("x", text).age() for text in texts]
    assert ages == sorted(ages) and len(set(ages)) == len(ages)


def test_what_was_used_last_stays() -> None:
    held: Latest[str, Decimal] = Latest(2)
    for name in "ab":
        held.put(name, Decimal(1))
    assert held.get("a") is not None
    held.put("c", Decimal(2))
    assert [held.get(name) for name in "abc"] == [1, None, 2]


def test_nothing_is_kept_for_long_nor_beyond_a_lost_connection(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(Settings(home=tmp_path), database_url)
    first = house.kept()
    assert house.kept() is first
    house.readers.lost += 1
    second = house.kept()
    assert second is not first and house.kept() is second
    monkeypatch.setattr(api.context, "KEPT_SECONDS", 0.0)
    assert house.kept() is not second
    house.close()
