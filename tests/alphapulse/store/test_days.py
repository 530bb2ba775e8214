from datetime import date, timedelta

import pytest

from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.store.days import count_rows, market_ids, standings, traded_days
from tests.stored import BTC, BTC_DAY, DAY, ETH, store_day, store_market, store_trades

TOMORROW = DAY + timedelta(days=1)

EDGES = [
    (1, "2024-08-07 23:59:59.999999", "1", "1"),
    (2, "2024-08-08 00:00:00.000000", "2", "1"),
    (3, "2024-08-08 23:59:59.999999", "3", "1"),
    (4, "2024-08-09 00:00:00.000000", "4", "1"),
]


def test_markets_come_oldest_first_with_their_ids(store: Store) -> None:
    first, second = store_market(store, ETH), store_market(store, BTC)
    assert list(market_ids(store).items()) == [(ETH, first), (BTC, second)]


def test_a_day_is_half_open(store: Store) -> None:
    store_trades(store, BTC, EDGES)
    market_id = market_ids(store)[BTC]
    assert count_rows(store, market_id, BTC_DAY) == 2


def test_each_trade_at_midnight_belongs_to_exactly_one_day(store: Store) -> None:
    store_trades(store, BTC, EDGES)
    days = traded_days(store)
    assert [day.date for day in days] == [date(2024, 8, 7), DAY, TOMORROW]
    assert sum(count_rows(store, market_ids(store)[BTC], day) for day in days) == len(EDGES)


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "Europe/Berlin"])
def test_the_days_are_utc_whatever_the_sessions_time_zone(store: Store, zone: str) -> None:
    store_trades(store, BTC, EDGES)
    store.execute("SELECT set_config('timezone', %s, false)", [zone])
    assert [day.date for day in traded_days(store)] == [date(2024, 8, 7), DAY, TOMORROW]


def test_the_hour_that_new_york_loses_and_repeats_is_an_hour_like_others(store: Store) -> None:
    store.execute("SET timezone TO 'America/New_York'")
    times = [f"2024-11-03 {hour:02}:30:00" for hour in range(24)]
    store_trades(store, BTC, [(n, time, "1", "1") for n, time in enumerate(times)])
    assert count_rows(store, market_ids(store)[BTC], MarketDay(date(2024, 11, 3), BTC)) == 24


def test_days_without_a_trade_are_not_listed(store: Store) -> None:
    store_trades(
        store, BTC, [(1, "2024-08-01 12:00:00", "1", "1"), (2, "2024-08-04 12:00:00", "1", "1")]
    )
    store_market(store, ETH)
    assert traded_days(store) == [
        MarketDay(date(2024, 8, 1), BTC),
        MarketDay(date(2024, 8, 4), BTC),
    ]


def test_days_are_listed_between_two_given_ones(store: Store) -> None:
    for day in (1, 2, 3, 4):
        store_day(store, BTC, date(2024, 8, day))
    found = traded_days(store, date(2024, 8, 2), date(2024, 8, 3))
    assert [day.date.day for day in found] == [2, 3]


def test_standings_tell_rows_and_lag_of_each_exchange(store: Store) -> None:
    store_day(store, BTC, trades=5)
    store_market(store, ETH)
    store.execute("ANALYZE trades")
    coinbase, kraken = standings(store)
    assert (coinbase.exchange, coinbase.markets, coinbase.rows_estimated) == ("coinbase", 1, 5)
    assert coinbase.newest_at == "2024-08-08T00:05:00+00:00"
    assert coinbase.lag is not None and coinbase.lag > 0
    assert (kraken.exchange, kraken.newest_at, kraken.lag, kraken.rows_last_minute) == (
        "kraken",
        None,
        None,
        0,
    )


def test_the_last_minute_is_counted(store: Store) -> None:
    (now,) = store.execute("SELECT to_char(now(), 'YYYY-MM-DD HH24:MI:SS')").fetchone() or ("",)
    store_trades(store, BTC, [(1, now, "1", "1"), (2, "2024-08-08 12:00:00", "1", "1")])
    (standing,) = standings(store)
    assert standing.rows_last_minute == 1
