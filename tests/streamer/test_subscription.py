"""What clients ask for, and the markets that they mean."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.cursor import Cursor
from alphapulse.trade import Market
from streamer.subscription import (
    EVERYTHING,
    BadRequest,
    Ping,
    Subscribe,
    Unsubscribe,
    Wanted,
    read_query,
    read_request,
    read_wanted,
    similar_to,
)

MARKETS = [
    Market("kraken", "BTC/USD"),
    Market("kraken", "ETH/USD"),
    Market("coinbase", "BTC-USD"),
    Market("gate", "BTC_USDT"),
]


def matching(name: str) -> list[str]:
    wanted = read_wanted(name)
    return [f"{m.exchange} {m.symbol}" for m in MARKETS if wanted.matches(m)]


@pytest.mark.parametrize(
    ("name", "markets"),
    [
        ("*", ["kraken BTC/USD", "kraken ETH/USD", "coinbase BTC-USD", "gate BTC_USDT"]),
        ("kraken", ["kraken BTC/USD", "kraken ETH/USD"]),
        ("kraken/*", ["kraken BTC/USD", "kraken ETH/USD"]),
        ("kraken/BTC_USD", ["kraken BTC/USD"]),
        ("kraken/BTC/USD", ["kraken BTC/USD"]),
        ("*/BTC-USD", ["coinbase BTC-USD"]),
        ("gate/BTC_USDT", ["gate BTC_USDT"]),
        ("gate/BTC%5FUSDT", ["gate BTC_USDT"]),
        ("Kraken", []),
        ("kraken/BTC", []),
    ],
)
def test_a_name_means_markets(name: str, markets: list[str]) -> None:
    assert matching(name) == markets


@given(st.text(min_size=1, max_size=10), st.text(min_size=1, max_size=10))
def test_every_market_is_meant_by_its_key(exchange: str, symbol: str) -> None:
    market = Market(exchange.replace("/", "-"), symbol)
    if "*" not in market.exchange:
        assert read_wanted(market.key).matches(market)
        assert Wanted(market.exchange, symbol).matches(market)


def test_requests_are_read_strictly() -> None:
    assert read_request('{"type":"ping"}') == Ping()
    assert read_request('{"type":"unsubscribe"}') == Unsubscribe()
    request = read_request('{"type":"subscribe","markets":["kraken",{"symbol":"X"}],"last":5}')
    assert isinstance(request, Subscribe)
    assert request.filter == {Wanted("kraken"), Wanted(symbol="X")}
    assert (request.last, request.place) == (5, None)
    with pytest.raises(BadRequest, match="unknown field `pin`"):
        read_request('{"type":"ping","pin":1}')


def test_a_subscription_without_markets_means_all() -> None:
    assert Subscribe().filter == EVERYTHING


def test_the_order_of_names_makes_no_other_filter() -> None:
    assert Subscribe(markets=("a", "b")).filter == Subscribe(markets=("b", "a", "b")).filter


def test_the_address_may_ask() -> None:
    assert read_query("/") is None
    assert read_query("/stream?") is None
    request = read_query(
        "/?exchange=kraken&symbol=BTC/USD&symbol=ETH%2FUSD&last=10&cursor=a1-7,3;9.1"
    )
    assert request is not None
    assert request.filter == {Wanted("kraken", "BTC/USD"), Wanted("kraken", "ETH/USD")}
    assert (request.last, request.place) == (10, Cursor("a1", 7, ((3, 4),), 9, 1))


@given(st.text(max_size=60))
def test_any_address_is_read_or_refused(query: str) -> None:
    with suppress(BadRequest):
        read_query(f"/?{query}")


def test_similar_markets_are_proposed() -> None:
    assert similar_to(Wanted("coinbase", "BTC/USD"), MARKETS)[0] == "kraken/BTC/USD"
    assert "kraken/ETH/USD" in similar_to(Wanted("krakn", "ETH/USD"), MARKETS)
    assert similar_to(Wanted("x", "y"), MARKETS) == []
