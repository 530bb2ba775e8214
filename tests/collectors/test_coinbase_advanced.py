"""Coinbase Advanced Trade: golden values by hand; maker's side, newest first, numbered frames."""

import json

import pytest

from alphapulse.trade import Trade
from collectors.exchange import Heartbeat, Numbered, Refused, Subscribed, UnexpectedMessage
from collectors.exchanges import coinbase, coinbase_advanced
from tests.collectors.golden import digits, frames, gap, trade

NAME = "coinbase-advanced"
BTC = (NAME, "BTC-USD")


def test_the_golden_frames_mean_exactly_this() -> None:
    events = [event for frame in frames(NAME) for event in coinbase_advanced.parse(frame, 7)]
    assert events == [
        Numbered(0),
        # oldest first; where the maker bought, the taker sold
        trade(*BTC, 500000001, "87650.1", "1", "sell", 1_500_000, "snapshot"),
        trade(*BTC, 500000002, "87650.10", "0.00120000", "sell", 1_500_000, "snapshot"),
        trade(*BTC, 500000003, "87651", "2.50", "buy", 1_999_999, "snapshot"),  # cut, not rounded
        Numbered(1),
        Heartbeat(),  # a state without our channel confirms nothing of ours
        Numbered(2),
        Subscribed(("ETH-USD", "SHIB-EUR", "ETH-USDC")),
        Numbered(3),
        trade(*BTC, 500000004, "87649.99", "0.25", "buy", 2_000_000),
        trade(*BTC, 500000005, "0.00001305", "1000", "sell", 2_000_001),
        trade(NAME, "ETH-USD", 600000001, "2.5", "4", "buy", 2_123_456),
        Numbered(4),
        Heartbeat(),
        Numbered(5),  # a product that never traded
        Refused("XYZ-USD", "XYZ-USD is not a valid product"),
        Refused(None, "authentication failure"),
    ]


def test_digits_are_kept() -> None:
    events = [event for frame in frames(NAME) for event in coinbase_advanced.parse(frame, 7)]
    assert [digits(event) for event in events if isinstance(event, Trade)] == [
        ("87650.1", "1"),
        ("87650.10", "0.00120000"),
        ("87651", "2.50"),
        ("87649.99", "0.25"),
        ("0.00001305", "1000"),
        ("2.5", "4"),
    ]


def test_each_channel_is_asked_for_in_a_frame_of_its_own() -> None:
    assert json.loads(coinbase_advanced.GREETING) == {"type": "subscribe", "channel": "heartbeats"}
    assert json.loads(coinbase_advanced.subscribe(["BTC-USD", "ETH-USD"])) == {
        "type": "subscribe",
        "product_ids": ["BTC-USD", "ETH-USD"],
        "channel": "market_trades",
    }


@pytest.mark.parametrize(
    "change",
    [
        (b'"trade_id":"500000004"', b'"trade_id":500000004'),
        (b'"trade_id":"500000004"', b'"trade_id":""'),
        (b'"trade_id":"500000004"', b'"trade_id":"-5"'),
        (b'"trade_id":"500000004"', b'"trade_id":" 5_0"'),
        (b'"trade_id":"500000004"', '"trade_id":"٥"'.encode()),
        (b'"trade_id":"500000004"', b'"trade_id":"9223372036854775807"'),
        (b'"side":"BUY"', b'"side":"buy"'),
        (b'"side":"BUY"', b'"side":"UNKNOWN_ORDER_SIDE"'),
        (b'"price":"87649.99"', b'"price":87649.99'),
        (b'"price":"87649.99"', b'"price":"NaN"'),
        (b'"size":"0.25"', b'"size":"0"'),
        (b'"time":"2026-01-01T00:00:02Z"', b'"time":"2026-01-01 00:00:02"'),
        (b'"type":"update"', b'"type":"delete"'),
        (b'"sequence_num":3', b'"sequence_num":-1'),
        (b'"sequence_num":3', b'"sequence_num":"3"'),
        (b'"sequence_num":3,', b""),
        (b'"channel":"market_trades"', b'"channel":"ticker"'),
        (b'"channel":"market_trades",', b""),
        (b"}]}", b"}]"),
    ],
)
def test_a_damaged_frame_is_refused_as_a_whole(change: tuple[bytes, bytes]) -> None:
    frame = frames(NAME)[3].replace(*change)
    assert frame != frames(NAME)[3]
    with pytest.raises(UnexpectedMessage) as caught:
        coinbase_advanced.parse(frame, 7)
    assert caught.value.frame == frame


def test_its_past_is_coinbases_under_its_own_name() -> None:
    hole = gap(NAME, "BTC-USD", 10, 15)
    page = b"""[{"time":"2026-01-01T00:00:01.5Z","trade_id":14,"price":"2.50","size":"1",
        "side":"sell"}]"""
    found = coinbase_advanced.parse_page(hole, page, 7)
    assert list(found.trades) == [trade(*BTC, 14, "2.50", "1", "buy", 1_500_000, "backfill")]
    assert coinbase_advanced.page_request(hole, None) == coinbase.page_request(hole, None)
