from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.store.shipping import WALK, Summary, is_simulated, rows_of, summaries, unfit_id
from alphapulse.trade import Market
from tests.stored import BTC, BTC_DAY, DAY, ETH, SOL, store_day, store_market, store_trades

NOON = "2024-08-08 12:00:00"
EDGES = [
    (1, "2024-08-07 23:59:59.999999", "1", "1"),
    (2, "2024-08-08 00:00:00.000000", "2", "1"),
    (3, "2024-08-08 23:59:59.999999", "3", "1"),
    (4, "2024-08-09 00:00:00.000000", "4", "1"),
]


def read(store: Store, *ids: int) -> list[tuple[Any, ...]]:
    return store.execute(rows_of(ids, BTC_DAY).encode()).fetchall()


def summary(store: Store, market_id: int) -> Summary:
    (found,) = summaries(store, [market_id], BTC_DAY)
    return found


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin"])
def test_the_day_is_a_half_open_utc_day_whatever_the_sessions_zone(store: Store, zone: str) -> None:
    store_trades(store, BTC, EDGES)
    store_trades(store, ETH, EDGES)
    ids = store_market(store, BTC), store_market(store, ETH)
    store.execute("SELECT set_config('timezone', %s, false)", [zone])
    assert [row[1] for row in read(store, ids[0])] == [2, 3]
    assert sorted(row[:2] for row in read(store, *ids)) == [(1, 2), (1, 3), (2, 2), (2, 3)]
    assert [found.rows for found in summaries(store, ids, BTC_DAY)] == [2, 2]


def test_only_the_markets_asked_for_come_each_under_its_place(store: Store) -> None:
    for market in (BTC, ETH, SOL):
        store_day(store, market)
    ids = [store_market(store, market) for market in (SOL, BTC)]
    assert {row[0] for row in read(store, *ids)} == {1, 2}
    assert {found.market_id for found in summaries(store, ids, BTC_DAY)} == set(ids)


MICROS = st.integers(0, 86_400_000_000 - 1)
TAPES = st.lists(st.lists(MICROS, max_size=30), min_size=1, max_size=4)


@given(TAPES, st.booleans())
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_row_comes_once_and_each_markets_in_order(
    store: Store, tapes: list[list[int]], walks: bool
) -> None:
    store.execute("DELETE FROM trades")
    ids = []
    for place, tape in enumerate(tapes):
        market = Market("kraken", f"M{place}")
        times = [BTC_DAY.starts_at + timedelta(microseconds=micros) for micros in tape]
        rows = [(id, f"{at:%Y-%m-%d %H:%M:%S.%f}", "1", "1") for id, at in enumerate(times)]
        store_trades(store, market, rows)
        ids.append(store_market(store, market))
    with store.transaction():
        if walks:
            store.execute(WALK)
        found = read(store, *ids)
    for place, tape in enumerate(tapes, 1):
        pairs = [(row[2], row[1]) for row in found if row[0] == place]
        assert len(pairs) == len(tape)
        assert pairs == sorted(pairs)


def test_the_pass_walks_the_days_index_and_sorts_nothing(store: Store) -> None:
    store_day(store, BTC)
    store_day(store, ETH)
    with store.transaction():
        store.execute(WALK)
        lines = store.execute(b"EXPLAIN " + rows_of([1, 2], BTC_DAY).encode()).fetchall()
    plan = "\n".join(line for (line,) in lines)
    assert "Index Scan" in plan
    assert "Seq Scan" not in plan
    assert not [line for line in plan.splitlines() if line.strip(" ->").startswith("Sort ")]


def test_a_summary_counts_and_sums_exactly(store: Store) -> None:
    store_trades(store, BTC, [(7, NOON, "0.10", "1.000"), (8, NOON, "0.200", "2.5")])
    found = summary(store, store_market(store, BTC))
    assert (found.rows, found.first_id, found.last_id) == (2, 7, 8)
    assert (found.price_sum, found.size_sum, found.notional_sum) == ("0.3", "3.5", "0.6")
    assert found.fits


@pytest.mark.parametrize(
    "value",
    ["0.0000000000000000001", "100000000000000000000", "NaN", "Infinity", "-Infinity", "-1e20"],
)
def test_a_summary_tells_of_a_number_that_would_be_changed(store: Store, value: str) -> None:
    store_trades(store, BTC, [(7, NOON, "1", "1"), (8, NOON, value, "1"), (9, NOON, "1", value)])
    store_day(store, ETH)
    market_id = store_market(store, BTC)
    assert not summary(store, market_id).fits
    assert unfit_id(store, market_id, BTC_DAY) == 8
    assert summary(store, store_market(store, ETH)).fits
    assert unfit_id(store, store_market(store, ETH), BTC_DAY) is None


@pytest.mark.parametrize("value", ["-99999999999999999999.999999999999999999", "0", "1e-18"])
def test_what_fits_is_not_refused(store: Store, value: str) -> None:
    store_trades(store, BTC, [(7, NOON, value, value)])
    assert summary(store, store_market(store, BTC)).fits


def test_a_market_without_rows_has_no_summary(store: Store) -> None:
    assert list(summaries(store, [store_market(store, BTC)], BTC_DAY)) == []


def test_the_store_says_that_its_data_is_real(store: Store) -> None:
    assert not is_simulated(store)


def test_no_symbol_gets_into_a_statement(store: Store) -> None:
    odd = Market("kraken", "'; DROP TABLE trades; --")
    assert "DROP" not in rows_of([store_market(store, odd)], MarketDay(DAY, odd))
