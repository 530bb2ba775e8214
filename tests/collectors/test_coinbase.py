"""Coinbase: golden values by hand; its `side` is the maker's, ours is the taker's."""

import json

import pytest

from alphapulse.trade import Trade
from collectors.exchange import (
    ExchangeError,
    Heartbeat,
    Refused,
    Request,
    Subscribed,
    UnexpectedMessage,
)
from collectors.exchanges import coinbase
from tests.collectors.golden import digits, frames, gap, trade


def test_the_golden_frames_mean_exactly_this() -> None:
    events = [event for frame in frames("coinbase") for event in coinbase.parse(frame, 7)]
    btc = ("coinbase", "BTC-USD")
    assert events == [
        Subscribed(("ETH-USD", "BTC-USD")),
        # the maker sold, so the taker bought
        trade(*btc, 900000001, "87650.1", "0.25", "buy", 123_400, "snapshot"),
        trade(*btc, 900000002, "87649.99", "0.00100000", "sell", 1_000_001),
        trade(*btc, 900000003, "0.00001305", "1000", "buy", 2_000_000),
        Heartbeat("BTC-USD", 900000003),
        Heartbeat("ETH-USD", 0),
        Refused("XYZ-USD", "Failed to subscribe: XYZ-USD is not a valid product"),
        Refused(None, "Malformed request"),
        Heartbeat(),  # a state without the channel `matches` confirms nothing of ours
    ]


def test_digits_are_kept() -> None:
    events = [event for frame in frames("coinbase") for event in coinbase.parse(frame, 7)]
    assert [digits(event) for event in events if isinstance(event, Trade)] == [
        ("87650.1", "0.25"),
        ("87649.99", "0.00100000"),
        ("0.00001305", "1000"),
    ]


def test_matches_and_heartbeats_are_asked_for() -> None:
    assert json.loads(coinbase.subscribe(["BTC-USD", "ETH-USD"])) == {
        "type": "subscribe",
        "product_ids": ["BTC-USD", "ETH-USD"],
        "channels": ["matches", "heartbeat"],
    }


def test_each_product_that_a_refusal_names_is_refused() -> None:
    frame = b'{"type":"error","message":"Failed","reason":"AA-USD, BB-USD are not valid products"}'
    symbols = [event.symbol for event in coinbase.parse(frame, 7) if isinstance(event, Refused)]
    assert symbols == ["AA-USD", "BB-USD"]


@pytest.mark.parametrize(
    "change",
    [
        (b'"trade_id":900000002', b'"trade_id":99999999999999999999'),
        (b'"trade_id":900000002', b'"trade_id":1.5'),
        (b'"side":"buy"', b'"side":"BUY"'),
        (b'"side":"buy",', b""),
        (b'"size":"0.00100000"', b'"size":"0"'),
        (b'"price":"87649.99"', b'"price":87649.99'),
        (b'"price":"87649.99"', b'"price":"Infinity"'),
        (b'"time":"2026-01-01T00:00:01.000001Z"', b'"time":"2026-01-01T00:00:01"'),
        (b'"time":"2026-01-01T00:00:01.000001Z"', b'"time":1767225600'),
        (b'"type":"match"', b'"type":"ticker"'),
        (b'"type":"match",', b""),
        (b'"product_id":"BTC-USD",', b""),
        (b"}", b""),
    ],
)
def test_a_damaged_trade_is_refused_with_its_frame(change: tuple[bytes, bytes]) -> None:
    frame = frames("coinbase")[2].replace(*change)
    with pytest.raises(UnexpectedMessage) as caught:
        coinbase.parse(frame, 7)
    assert caught.value.frame == frame


def test_pages_are_asked_for_backwards_from_the_end_of_the_gap() -> None:
    path = "/products/BTC-USD/trades"
    hole = gap("coinbase", "BTC-USD", 10, 20)
    assert coinbase.page_request(hole, None) == Request(path, {"limit": "1000", "after": "20"})
    assert coinbase.page_request(hole, "15") == Request(path, {"limit": "1000", "after": "15"})
    open_ended = gap("coinbase", "BTC-USD", 10)
    assert coinbase.page_request(open_ended, None) == Request(path, {"limit": "1000"})


def test_a_symbol_cannot_leave_its_place_in_the_path() -> None:
    assert coinbase.page_request(gap("coinbase", "../x?", 1), None).path == (
        "/products/..%2Fx%3F/trades"
    )


PAGE = b"""[{"time":"2026-01-01T00:00:01.5Z","trade_id":14,"price":"2.50","size":"1","side":"sell"},
{"time":"2026-01-01T00:00:01.353Z","trade_id":13,"price":"2.51","size":"3","side":"buy"}]"""


def test_a_page_means_exactly_this() -> None:
    page = coinbase.parse_page(gap("coinbase", "BTC-USD", 10, 15), PAGE, 7)
    assert list(page.trades) == [
        trade("coinbase", "BTC-USD", 14, "2.50", "1", "buy", 1_500_000, "backfill"),
        trade("coinbase", "BTC-USD", 13, "2.51", "3", "sell", 1_353_000, "backfill"),
    ]
    assert page.cursor == "13"


def test_the_last_page_has_no_cursor() -> None:
    assert coinbase.parse_page(gap("coinbase", "BTC-USD", 12, 15), PAGE, 7).cursor is None
    assert coinbase.parse_page(gap("coinbase", "BTC-USD", 13), PAGE, 7).cursor is None
    assert coinbase.parse_page(gap("coinbase", "BTC-USD", 10), b"[]", 7).cursor is None


def test_a_complaint_instead_of_a_page_is_its_own_words() -> None:
    with pytest.raises(ExchangeError, match=r"^NotFound$"):
        coinbase.parse_page(gap("coinbase", "XX-YY", 10), b'{"message":"NotFound"}', 7)
