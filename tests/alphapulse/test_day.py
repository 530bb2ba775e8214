from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.day import MarketDay, days_between
from alphapulse.trade import Market

SYMBOLS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def test_a_key_names_the_day_and_the_market() -> None:
    day = MarketDay(date(2026, 11, 21), Market("coinbase", "BTC-USD"))
    assert day.key == "2026-11-21|coinbase/BTC-USD"


def test_a_slash_in_a_symbol_becomes_an_underscore() -> None:
    day = MarketDay(date(2026, 11, 21), Market("kraken", "BTC/USD"))
    assert day.key == "2026-11-21|kraken/BTC_USD"


@given(st.dates(), SYMBOLS)
def test_a_key_gives_its_market_day_back(day: date, symbol: str) -> None:
    there = MarketDay(day, Market("kraken", symbol))
    assert MarketDay.from_key(there.key) == there


@pytest.mark.parametrize(
    "key", ["", "2026-11-21", "2026-11-21|kraken", "2026-13-01|kraken/A", "|kraken/A"]
)
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        MarketDay.from_key(key)


@given(st.dates(date(1970, 1, 1), date(9999, 12, 30)))
def test_a_day_ends_where_the_next_one_starts(day: date) -> None:
    market = Market("kraken", "BTC/USD")
    tomorrow = MarketDay(day + timedelta(days=1), market)
    assert MarketDay(day, market).ends_at == tomorrow.starts_at


def test_a_day_that_europe_shortens_has_twenty_four_hours() -> None:
    day = MarketDay(date(2024, 3, 31), Market("kraken", "BTC/USD"))
    assert day.starts_at == datetime(2024, 3, 31, tzinfo=UTC)
    assert day.ends_at - day.starts_at == timedelta(hours=24)


def test_days_between_includes_both_ends() -> None:
    found = list(days_between(date(2024, 2, 28), date(2024, 3, 1)))
    assert found == [date(2024, 2, 28), date(2024, 2, 29), date(2024, 3, 1)]


def test_there_are_no_days_before_the_first() -> None:
    assert list(days_between(date(2024, 3, 1), date(2024, 2, 28))) == []
