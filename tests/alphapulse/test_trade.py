"""The words of the market."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.trade import SAFE, Gap, Market, Side

SYMBOLS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def test_the_opposite_of_a_side_is_the_other() -> None:
    assert Side.BUY.opposite is Side.SELL
    assert Side.SELL.opposite is Side.BUY


@given(SYMBOLS)
def test_a_market_comes_back_from_its_key(symbol: str) -> None:
    market = Market("kraken", symbol)
    assert Market.from_key(market.key) == market


@given(st.lists(SYMBOLS, unique=True, min_size=2, max_size=5))
def test_two_markets_never_share_a_key(symbols: list[str]) -> None:
    keys = {Market("kraken", symbol).key for symbol in symbols}
    assert len(keys) == len(symbols)


@given(SYMBOLS)
def test_a_key_is_two_safe_path_segments(symbol: str) -> None:
    exchange, spelling = Market("kraken", symbol).key.split("/")
    assert exchange == "kraken"
    assert set(spelling) <= set(SAFE) | {"_", "%"}
    assert not spelling.startswith(".")


@pytest.mark.parametrize(
    ("symbol", "key"),
    [("BTC/USD", "kraken/BTC_USD"), ("a_b", "kraken/a%5Fb"), ("..", "kraken/%2E.")],
)
def test_keys_look_as_people_expect(symbol: str, key: str) -> None:
    assert Market("kraken", symbol).key == key


@pytest.mark.parametrize("key", ["", "kraken", "kraken/", "/BTC_USD"])
def test_what_is_no_key_is_named(key: str) -> None:
    with pytest.raises(ValueError, match="no market key"):
        Market.from_key(key)


@given(st.integers(-10, 10), st.integers(1, 10), st.integers(-30, 30))
def test_a_gap_holds_what_lies_between_its_edges(after_id: int, width: int, id: int) -> None:
    gap = Gap(Market("kraken", "BTC/USD"), after_id, 0, after_id + width, 1)
    assert gap.holds(id) == (id in range(after_id + 1, after_id + width))
    assert Gap(gap.market, after_id, 0).holds(id) == (id > after_id)
