"""Binance: golden values by hand, from the documented messages."""

import json

import pytest

from collectors.exchange import (
    ExchangeError,
    Farewell,
    Refused,
    Request,
    Subscribed,
    UnexpectedMessage,
)
from collectors.exchanges import binance
from tests.collectors.golden import digits, frames, gap, trade


def test_the_golden_frames_mean_exactly_this() -> None:
    events = [event for frame in frames("binance") for event in binance.parse(frame, 7)]
    assert events == [
        Subscribed(),
        # m true: the buyer is the maker, so the taker sold
        trade("binance", "BTCUSDT", 4100000001, "87650.10000000", "0.00120000", "sell", 123_000),
        trade("binance", "BTCUSDT", 4100000002, "87650.11000000", "1.50000000", "buy", 123_000),
        trade("binance", "ETHUSDT", 0, "2971.4", "12", "buy", 999_000),
        Refused(None, "Invalid request: unknown variant"),
        Refused(None, "Invalid request: duplicate"),
        Farewell("the server shuts down"),
        Farewell("the server shuts down"),
    ]


def test_digits_are_kept() -> None:
    (event,) = binance.parse(frames("binance")[1], 7)
    assert digits(event) == ("87650.10000000", "0.00120000")  # type: ignore[arg-type]


def test_streams_are_asked_for_in_lower_case() -> None:
    assert json.loads(binance.subscribe(["BTCUSDT", "ETHUSDT"])) == {
        "method": "SUBSCRIBE",
        "params": ["btcusdt@trade", "ethusdt@trade"],
        "id": 1,
    }


@pytest.mark.parametrize(
    "change",
    [
        (b'"t":4100000001', b'"t":9223372036854775807'),
        (b'"t":4100000001', b'"t":-1'),
        (b'"t":4100000001', b'"t":"4100000001"'),
        (b'"t":4100000001,', b""),
        (b'"p":"87650.10000000"', b'"p":"NaN"'),
        (b'"p":"87650.10000000"', b'"p":"1e999999"'),
        (b'"q":"0.00120000"', b'"q":"0.00000000"'),
        (b'"q":"0.00120000"', b'"q":"-1"'),
        (b'"T":1767225600123', b'"T":1767225600123000'),
        (b'"T":1767225600123', b'"T":0'),
        (b'"m":true', b'"m":null'),
        (b'"e":"trade"', b'"e":"aggTrade"'),
        (b'"s":"BTCUSDT"', b'"s":""'),
    ],
)
def test_a_damaged_trade_is_refused_with_its_frame(change: tuple[bytes, bytes]) -> None:
    frame = frames("binance")[1].replace(*change)
    with pytest.raises(UnexpectedMessage) as caught:
        binance.parse(frame, 7)
    assert caught.value.frame == frame


def test_a_page_is_asked_for_from_the_first_missing_id() -> None:
    hole = gap("binance", "BTCUSDT", 10, 20)
    params = {"symbol": "BTCUSDT", "fromId": "11", "limit": "1000"}
    path = "/api/v3/historicalTrades"
    assert binance.page_request(hole, None) == Request(path, params)
    assert binance.page_request(hole, "15") == Request(path, params | {"fromId": "15"})


PAGE = b"""[{"id":11,"price":"87650.10","qty":"0.5","quoteQty":"43825.05","time":1767225600123,
"isBuyerMaker":true,"isBestMatch":true},{"id":12,"price":"87651","qty":"1","quoteQty":"87651",
"time":1767225600124,"isBuyerMaker":false,"isBestMatch":true}]"""


def test_a_page_means_exactly_this() -> None:
    page = binance.parse_page(gap("binance", "BTCUSDT", 10, 20), PAGE, 7)
    assert list(page.trades) == [
        trade("binance", "BTCUSDT", 11, "87650.10", "0.5", "sell", 123_000, "backfill"),
        trade("binance", "BTCUSDT", 12, "87651", "1", "buy", 124_000, "backfill"),
    ]
    assert page.cursor == "13"


def test_the_last_page_has_no_cursor() -> None:
    assert binance.parse_page(gap("binance", "BTCUSDT", 10, 13), PAGE, 7).cursor is None
    assert binance.parse_page(gap("binance", "BTCUSDT", 10), b"[]", 7).cursor is None
    assert binance.parse_page(gap("binance", "BTCUSDT", 10), PAGE, 7).cursor == "13"


def test_a_complaint_instead_of_a_page_is_its_own_words() -> None:
    body = b'{"code":-1121,"msg":"Invalid symbol."}'
    with pytest.raises(ExchangeError, match=r"^Invalid symbol\.$"):
        binance.parse_page(gap("binance", "XXX", 10), body, 7)
