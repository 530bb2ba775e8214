"""How people spell markets and times."""

from datetime import UTC, date, datetime, timedelta, timezone

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.spelling import (
    BadTime,
    UnknownMarket,
    find_known,
    instant_of,
    read_instant,
    read_time,
    write_time,
)
from alphapulse.trade import Market

DAY = 86_400_000_000
FIRST = 1_793_491_200_000_000  # 2026-11-01

BTC = Market("kraken", "BTC/USD")
USDT = Market("binance", "BTCUSDT")
DASHED = Market("coinbase", "BTC-USD")
KNOWN = (BTC, USDT, DASHED)


@pytest.mark.parametrize(
    ("spelling", "market"),
    [
        ("kraken/BTC/USD", BTC),
        ("kraken/BTC-USD", BTC),
        ("kraken/BTC_USD", BTC),
        ("Kraken/btcusd", BTC),
        (BTC, BTC),
        (Market("kraken", "BTC-USD"), BTC),
        ("coinbase/BTC/USD", DASHED),
        ("binance/BTC-USDT", USDT),
    ],
)
def test_each_spelling_means_one_known_market(spelling: str | Market, market: Market) -> None:
    assert find_known(spelling, KNOWN) == market


@pytest.mark.parametrize(
    ("spelling", "answer"),
    [
        ("kraken/BTC-USDD", "kraken/BTC-USDD is no market that we know; similar: .*kraken/BTC/USD"),
        ("coinbace/BTC-USD", "no trades of exchange 'coinbace'; similar: coinbase/BTC-USD"),
        ("BTC-USD", "write EXCHANGE/SYMBOL, such as kraken/BTC/USD"),
        ("kraken/", "write EXCHANGE/SYMBOL"),
        ("zzz/QQQQQQQQQQ", "known: binance/BTCUSDT, coinbase/BTC-USD, kraken/BTC/USD"),
    ],
)
def test_what_is_not_known_is_answered_with_names_that_come_close(
    spelling: str, answer: str
) -> None:
    with pytest.raises(UnknownMarket, match=answer):
        find_known(spelling, KNOWN)


def test_where_nothing_is_known_the_answer_shows_how_to_write() -> None:
    with pytest.raises(UnknownMarket, match="such as kraken/BTC-USD"):
        find_known("BTC", ())


MIDNIGHT = datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "when",
    [
        "2026-11-01",
        "2026-11-01T01:00+01:00",
        date(2026, 11, 1),
        datetime(2026, 11, 1),  # noqa: DTZ001 - a zone that is not said is UTC
        MIDNIGHT,
        datetime(2026, 11, 1, 2, tzinfo=timezone(timedelta(hours=2))),
        pd.Timestamp("2026-11-01"),
    ],
)
def test_an_instant_is_given_in_many_ways_and_is_utc(when: date | datetime | str) -> None:
    found = read_instant(when)
    assert found == MIDNIGHT
    assert found.tzinfo is UTC


@pytest.mark.parametrize("when", [None, 1_793_491_200, date(1999, 1, 1), date(2100, 1, 1)])
def test_other_things_are_no_instant(when: object) -> None:
    with pytest.raises(BadTime):
        read_instant(when)  # type: ignore[arg-type]


@given(st.integers(FIRST - 10_000 * DAY // 2, FIRST + 10_000 * DAY))
def test_an_instant_keeps_its_microseconds(at: int) -> None:
    assert read_instant(instant_of(at)) == read_instant(write_time(at)) == instant_of(at)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-01", FIRST),
        ("2026-11-01T00:00Z", FIRST),
        ("2026-11-01T00:00:00", FIRST),
        ("2026-11-01T02:00:00+02:00", FIRST),
        ("2026-11-02T00:00:00.000001Z", FIRST + DAY + 1),
    ],
)
def test_a_time_is_a_date_or_rfc_3339(text: str, at: int) -> None:
    assert read_time(text) == at


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "1793491200", "0001-01-01"])
def test_other_words_are_no_time(text: str) -> None:
    with pytest.raises(BadTime):
        read_time(text)


@given(st.integers(FIRST - 10_000 * DAY // 2, FIRST + 10_000 * DAY))
def test_a_time_is_read_as_it_was_written(at: int) -> None:
    assert read_time(write_time(at)) == at
