"""How people spell the markets of an exchange."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.spelling import UnknownMarket
from alphapulse.trade import Market, spell
from collectors.exchange import Exchange
from collectors.exchanges import binance, coinbase, kraken
from launcher.market import find_market


@pytest.mark.parametrize(
    ("exchange", "spelling", "symbol"),
    [
        (kraken, "BTC/USD", "BTC/USD"),
        (kraken, "BTC_USD", "BTC/USD"),
        (kraken, "BTC-USD", "BTC/USD"),
        (kraken, "btc-usd", "BTC/USD"),
        (kraken, "BTCUSD", "BTC/USD"),
        (kraken, "AAPLx-EUR", "AAPLx/EUR"),
        (coinbase, "BTC-USD", "BTC-USD"),
        (coinbase, "BTC_USD", "BTC-USD"),
        (coinbase, "BTC/USD", "BTC-USD"),
        (binance, "BTCUSDT", "BTCUSDT"),
        (binance, "BTC-USDT", "BTCUSDT"),
        (binance, "BTC/USDT", "BTCUSDT"),
        (binance, "PEPEUSDC", "PEPEUSDC"),
    ],
)
def test_each_spelling_means_one_market(exchange: Exchange, spelling: str, symbol: str) -> None:
    found = find_market(exchange, spelling, exchange.MARKETS)
    assert found == Market(exchange.NAME, symbol)


@pytest.mark.parametrize("spelling", ["BTCUSDD", "BTC", "BTC-USD-PERP", "-USD", "/"])
def test_what_cannot_be_meant_is_answered_with_similar_names(spelling: str) -> None:
    with pytest.raises(UnknownMarket, match="BTC/USD"):
        find_market(kraken, spelling, kraken.MARKETS)


def test_what_may_be_two_markets_is_asked_back() -> None:
    with pytest.raises(UnknownMarket, match=r"A-BC or AB-C"):
        find_market(coinbase, "ABC", ["A-BC", "AB-C"])
    assert find_market(coinbase, "AB-C", ["A-BC", "AB-C"]).symbol == "AB-C"


@given(st.text(min_size=1, max_size=20).filter(lambda text: text.isprintable()))
def test_a_known_market_is_found_by_its_key(symbol: str) -> None:
    assert find_market(kraken, spell(symbol), [symbol, "X/Y"]) == Market("kraken", symbol)
