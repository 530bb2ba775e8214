"""Trades, candles and tickers over HTTP are what the database holds."""

from datetime import date

import pytest

from tests.api.conftest import Site
from tests.stored import BTC, ETH, store_trades

ROWS = [
    (1, "2026-11-20 23:59:59.999999", "100.10", "0.50"),
    (2, "2026-11-21 00:00:00", "100.20", "1"),
    (3, "2026-11-21 00:00:00", "99.5", "0.000000000000000001"),
    (4, "2026-11-21 00:00:59.5", "101", "2.00"),
    (5, "2026-11-21 00:01:00", "101.0", "3"),
]


@pytest.fixture(scope="module")
def stocked(site: Site) -> Site:
    store_trades(site.store, BTC, ROWS)
    store_trades(site.store, ETH, [(7, "2026-11-21 10:00:00", "2000", "1")], side="s")
    site.forget()
    return site


def test_a_market_is_found_in_every_spelling(stocked: Site) -> None:
    for spelling in ("ETH_USD", "ETH-USD", "ETH%2FUSD", "ETH/USD", "ethusd"):
        found = stocked.get(f"/v1/markets/kraken/{spelling}/trades").json()
        assert found["market"] == {
            "key": "kraken/ETH_USD",
            "exchange": "kraken",
            "symbol": "ETH/USD",
        }
        assert [one["id"] for one in found["trades"]] == ["7"]


def test_trades_are_told_digit_by_digit_as_they_are_stored(stocked: Site) -> None:
    found = stocked.get("/v1/markets/coinbase/BTC-USD/trades").json()
    assert found["trades"][0] == {
        "id": "1", "price": "100.10", "size": "0.50", "side": "buy",
        "time": "2026-11-20T23:59:59.999999Z", "received": "2026-11-20T23:59:59.999999Z",
        "source": "live",
    }  # fmt: skip
    assert [(t["id"], t["price"], t["size"]) for t in found["trades"]] == [
        (str(id), price, size) for id, _, price, size in ROWS
    ]


def test_markets_exchanges_and_config_say_what_there_is(stocked: Site) -> None:
    (btc, eth) = stocked.get("/v1/markets").json()["markets"]
    assert (btc["key"], eth["key"]) == ("coinbase/BTC-USD", "kraken/ETH_USD")
    assert (btc["first_day"], btc["last_day"]) == ("2026-11-20", "2026-11-21")
    assert eth["last_trade"]["side"] == "sell"
    names = {
        one["exchange"]: one["markets"] for one in stocked.get("/v1/exchanges").json()["exchanges"]
    }
    assert names == {"coinbase": 1, "kraken": 1}
    assert stocked.get("/v1/config").json()["writable"] is True
    assert stocked.get("/v1/markets/kraken/ETH_USD/ticker").json()["last"]["id"] == "7"
    assert stocked.get("/v1/health/ready").json()["ready"] is True


def test_candles_fold_the_trades_of_whole_bars(stocked: Site) -> None:
    found = stocked.get(
        "/v1/markets/coinbase/BTC-USD/candles", start="2026-11-21", end="2026-11-21T00:00:30Z"
    ).json()
    bars = found["candles"]
    assert bars["opened_at"] == ["2026-11-21T00:00:00.000000Z"]
    assert (bars["open"], bars["high"], bars["low"], bars["close"]) == (
        ["100.2"],
        ["101"],
        ["99.5"],
        ["101"],
    )
    assert bars["volume"] == ["3.000000000000000001"] and bars["trades"] == [3]
    assert date.fromisoformat(found["start"][:10]) == date(2026, 11, 21)
