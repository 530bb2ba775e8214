"""Kraken: golden values by hand, WebSocket v2 and REST."""

import json

import pytest

from alphapulse.trade import Trade
from collectors.exchange import (
    ExchangeError,
    Farewell,
    Heartbeat,
    Refused,
    Request,
    Subscribed,
    UnexpectedMessage,
)
from collectors.exchanges import kraken
from tests.collectors.golden import NEW_YEAR, digits, frames, gap, trade

BTC = ("kraken", "BTC/USD")


def test_the_golden_frames_mean_exactly_this() -> None:
    events = [event for frame in frames("kraken") for event in kraken.parse(frame, 7)]
    assert events == [
        Heartbeat(),
        Subscribed(("BTC/USD",)),
        trade(*BTC, 70000001, "87650.10", "0.00120000", "buy", 123_456, "snapshot"),
        trade(*BTC, 70000002, "87650.0", "1", "sell", 123_456, "snapshot"),
        trade(*BTC, 70000003, "87651", "2.50", "buy", 1_500_000),  # by id, not as sent
        trade(*BTC, 70000004, "1.05E-8", "5E+3", "sell", 1_999_999),  # cut, not rounded
        Heartbeat(),
        Heartbeat(),
        Refused("FOO/USD", "Currency pair not supported FOO/USD"),
        Subscribed(("BTC/USD",)),
        Farewell("Exceeded msg rate"),
        Refused(None, "Malformed request"),
        Heartbeat(),  # a book that never traded
    ]


def test_digits_of_numbers_are_kept() -> None:
    events = [event for frame in frames("kraken") for event in kraken.parse(frame, 7)]
    assert [digits(event) for event in events if isinstance(event, Trade)] == [
        ("87650.10", "0.00120000"),
        ("87650.0", "1"),
        ("87651", "2.50"),
        ("1.05E-8", "5E+3"),
    ]


def test_a_snapshot_is_asked_for() -> None:
    assert json.loads(kraken.subscribe(["BTC/USD", "ETH/USD"])) == {
        "method": "subscribe",
        "params": {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"], "snapshot": True},
    }


@pytest.mark.parametrize(
    "change",
    [
        (b'"trade_id":70000004', b'"trade_id":1e30'),
        (b'"trade_id":70000004,', b""),
        (b'"side":"sell"', b'"side":"none"'),
        (b'"qty":5e3', b'"qty":0'),
        (b'"qty":5e3', b'"qty":-5e3'),
        (b'"qty":5e3', b'"qty":5e999999'),
        (b'"qty":5e3', b'"qty":null'),
        (b'"price":87651', b'"price":[87651]'),
        (b'"timestamp":"2026-01-01T00:00:01.5Z"', b'"timestamp":1.5'),
        (b'"type":"update"', b'"type":"delete"'),
        (b'"type":"update",', b""),
        (b'"channel":"trade"', b'"channel":"ticker"'),
        (b'"data":[', b'"data":[null,'),
        (b"}]}", b"}]"),
    ],
)
def test_a_damaged_frame_is_refused_as_a_whole(change: tuple[bytes, bytes]) -> None:
    frame = frames("kraken")[3].replace(*change)
    with pytest.raises(UnexpectedMessage) as caught:
        kraken.parse(frame, 7)
    assert caught.value.frame == frame


def test_a_frame_without_data_is_refused() -> None:
    with pytest.raises(UnexpectedMessage):
        kraken.parse(b'{"channel":"trade","type":"update"}', 7)


@pytest.mark.parametrize(
    ("symbol", "pair"),
    [
        ("BTC/USD", "XBTUSD"),
        ("ETH/BTC", "ETHXBT"),
        ("DOGE/USD", "XDGUSD"),
        ("SOL/USD", "SOLUSD"),
        ("AAPLx/USD", "AAPLxUSD"),
    ],
)
def test_rest_spells_some_assets_in_the_old_way(symbol: str, pair: str) -> None:
    assert kraken.page_request(gap("kraken", symbol, 1), None).params["pair"] == pair


def test_pages_are_asked_for_with_overlap() -> None:
    hole = gap("kraken", "BTC/USD", 10, 20)
    params = {"pair": "XBTUSD", "count": "1000"}
    second_before = {"since": str((NEW_YEAR - 1_000_000) * 1000)}
    path = "/0/public/Trades"
    assert kraken.page_request(hole, None) == Request(path, params | second_before)
    nanosecond_before = {"since": "1767225601353123455"}
    assert kraken.page_request(hole, "1767225601353123456") == Request(
        path, params | nanosecond_before
    )


PAGE = b"""{"error":[],"result":{"XXBTZUSD":[
["87650.10000","0.00027625",1767225601.9717445,"b","l","",11],
["87650.00000","0.00885072",1767225602,"s","m","",12,"something new"]],
"last":"1767225602000000000"}}"""


def test_a_page_means_exactly_this() -> None:
    page = kraken.parse_page(gap("kraken", "BTC/USD", 10, 20), PAGE, 7)
    assert list(page.trades) == [
        trade(*BTC, 11, "87650.10000", "0.00027625", "buy", 1_971_744, "backfill"),
        trade(*BTC, 12, "87650.00000", "0.00885072", "sell", 2_000_000, "backfill"),
    ]
    assert page.cursor == "1767225602000000000"


def test_the_last_page_has_no_cursor() -> None:
    assert kraken.parse_page(gap("kraken", "BTC/USD", 10, 13), PAGE, 7).cursor is None
    assert kraken.parse_page(gap("kraken", "BTC/USD", 5, 12), PAGE, 7).cursor is None
    empty = b'{"error":[],"result":{"XXBTZUSD":[],"last":"1767225602000000000"}}'
    assert kraken.parse_page(gap("kraken", "BTC/USD", 10), empty, 7).cursor is None


def test_a_page_wholly_before_the_gap_is_not_the_last() -> None:
    assert kraken.parse_page(gap("kraken", "BTC/USD", 99), PAGE, 7).cursor is not None


def test_an_error_with_status_200_is_its_own_words() -> None:
    body = b'{"error":["EGeneral:Too many requests","EAPI:Rate limit exceeded"]}'
    with pytest.raises(ExchangeError, match=r"^EGeneral:Too many requests; EAPI:Rate limit"):
        kraken.parse_page(gap("kraken", "BTC/USD", 10), body, 7)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error":[],"result":{}}',
        b'{"error":[]}',
        b'{"error":[],"result":{"XXBTZUSD":[]}}',
        b'{"error":[],"result":{"last":"1"}}',
        b'{"error":[],"result":{"A":[],"B":[],"last":"1"}}',
        b'{"error":[],"result":{"A":[],"last":"soon"}}',
        b'{"error":[],"result":{"A":[["1","1",1767225602,"b","l",""]],"last":"1"}}',
        b'{"error":[],"result":{"A":[["1","1",1767225602,"x","l","",1]],"last":"1"}}',
    ],
)
def test_a_damaged_page_is_refused_with_its_body(body: bytes) -> None:
    with pytest.raises(UnexpectedMessage) as caught:
        kraken.parse_page(gap("kraken", "BTC/USD", 10), body, 7)
    assert caught.value.frame == body
