import json
from typing import Any

import pytest

from alphapulse.trade import Side
from replay.dialect import Desk
from replay.protocols import binance
from replay.protocols.binance import BinanceLine
from replay.tape import Print
from tests.replay.protocols.desk import NOW, desk_of, twelve

TRADE = Print(3735683259, "61837.63000000", "0.02000000", Side.SELL, 1_723_161_255_342_000)
BARE = (
    '{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000",'
    '"q":"0.02000000","T":1723161255342,"m":true,"M":true}'
)
WRAPPED = '{"stream":"btcusdt@trade","data":' + BARE + "}"


@pytest.fixture
def desk() -> Desk:
    return desk_of("binance", "BTCUSDT", "ETHUSDT", twelve())


def line(desk: Desk, path: str = "stream", **params: str) -> BinanceLine:
    return binance.line(path, params, desk)


def say(line: BinanceLine, method: str, *streams: str) -> dict[str, Any]:
    (answer,) = line.read(json.dumps({"method": method, "params": streams, "id": 7}))
    found: dict[str, Any] = json.loads(answer)
    return found


def test_a_trade_is_written_as_binance_writes_it() -> None:
    assert binance.trade_frames("ws", "BTCUSDT", [TRADE]) == [BARE]
    assert binance.trade_frames("stream", "BTCUSDT", [TRADE]) == [WRAPPED]


def test_a_taker_who_buys_is_no_maker() -> None:
    (frame,) = binance.trade_frames("ws", "BTCUSDT", [twelve()[1]])
    assert json.loads(frame)["m"] is False


def test_an_address_may_name_its_streams(desk: Desk) -> None:
    combined = line(desk, streams="btcusdt@trade/ethusdt@trade")
    assert (combined.form, combined.symbols) == ("stream", {"BTCUSDT", "ETHUSDT"})
    raw = line(desk, "ws/btcusdt@trade")
    assert (raw.form, raw.symbols) == ("ws", {"BTCUSDT"})


def test_a_subscription_is_acknowledged_by_its_id(desk: Desk) -> None:
    one = line(desk)
    assert one.open() == []
    assert say(one, "SUBSCRIBE", "btcusdt@trade") == {"result": None, "id": 7}
    assert one.symbols == {"BTCUSDT"}
    assert say(one, "LIST_SUBSCRIPTIONS") == {"result": ["btcusdt@trade"], "id": 7}
    assert say(one, "UNSUBSCRIBE", "btcusdt@trade") == {"result": None, "id": 7}
    assert not one.symbols


@pytest.mark.parametrize("stream", ["nosuch@trade", "BTCUSDT@trade", "btcusdt@depth"])
def test_an_unknown_stream_is_acknowledged_and_stays_silent(desk: Desk, stream: str) -> None:
    one = line(desk)
    assert say(one, "SUBSCRIBE", stream) == {"result": None, "id": 7}
    assert not one.symbols


def test_what_is_no_request_has_a_code(desk: Desk) -> None:
    assert json.loads(line(desk).read("{")[0])["code"] == 3
    answer = say(line(desk), "DANCE")
    assert (answer["code"], answer["id"], "result" in answer) == (2, 7, False)


def test_there_are_no_heartbeats_and_a_refused_symbol_falls_silent(desk: Desk) -> None:
    one = line(desk, streams="btcusdt@trade")
    assert one.beat() == one.refuse("BTCUSDT") == []
    assert not one.symbols


def test_a_shutdown_is_announced(desk: Desk) -> None:
    event = f'{{"e":"serverShutdown","E":{NOW // 1000}}}'
    assert line(desk, "ws").farewell() == [event]
    assert line(desk).farewell() == ['{"stream":"!serverShutdown","data":' + event + "}"]


def get(desk: Desk, path: str = "historicalTrades", **params: str) -> list[dict[str, Any]]:
    answer = binance.respond(f"/api/v3/{path}", {"symbol": "BTCUSDT"} | params, desk)
    assert answer.status == 200
    found: list[dict[str, Any]] = json.loads(answer.body)
    return found


def test_a_row_is_written_as_binance_writes_it(desk: Desk) -> None:
    assert get(desk, limit="1") == [
        {
            "id": 112,
            "price": "112.50",
            "qty": "0.02000000",
            "quoteQty": "2.25000000",
            "time": (NOW + 56_000) // 1000,
            "isBuyerMaker": False,
            "isBestMatch": True,
        }
    ]


@pytest.mark.parametrize("limit", [1, 5, 12, 1000])
def test_walking_forward_gives_every_id_once(desk: Desk, limit: int) -> None:
    found: list[int] = []
    while rows := get(desk, fromId=str(found[-1] + 1 if found else 0), limit=str(limit)):
        found += [row["id"] for row in rows]
    assert found == list(range(101, 113))


def test_from_id_is_inclusive_and_without_it_the_latest_are_given(desk: Desk) -> None:
    assert get(desk, fromId="104")[0]["id"] == 104
    assert [row["id"] for row in get(desk, limit="2")] == [111, 112]
    assert [row["id"] for row in get(desk, "trades", limit="2", fromId="101")] == [111, 112]


def test_the_weight_that_was_used_is_told(desk: Desk) -> None:
    answer = binance.respond("api/v3/historicalTrades", {"symbol": "BTCUSDT"}, desk)
    assert answer.headers["X-MBX-USED-WEIGHT-1M"] == "25"


@pytest.mark.parametrize(
    ("path", "params", "code"),
    [
        ("api/v3/historicalTrades", {"symbol": "NOSUCH"}, -1121),
        ("api/v3/historicalTrades", {"symbol": "BTCUSDT", "fromId": "x"}, -1100),
        ("api/v3/historicalTrades", {"symbol": "BTCUSDT", "limit": "x"}, -1100),
        ("api/v3/klines", {}, -1000),
    ],
)
def test_a_wrong_request_has_a_code(
    desk: Desk, path: str, params: dict[str, str], code: int
) -> None:
    answer = binance.respond(path, params, desk)
    assert answer.status >= 400
    assert json.loads(answer.body)["code"] == code


def test_symbols_and_the_time_are_told(desk: Desk) -> None:
    listed = json.loads(binance.respond("api/v3/exchangeInfo", {}, desk).body)["symbols"]
    assert listed[0] == {"symbol": "BTCUSDT", "status": "TRADING"}
    assert json.loads(binance.respond("api/v3/time", {}, desk).body) == {"serverTime": NOW // 1000}


def test_too_many_requests_say_when_to_come_back() -> None:
    answer = binance.failure(429, 3)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "3")
    assert json.loads(answer.body)["code"] == -1003


@pytest.mark.parametrize("raw", [BARE, WRAPPED])
def test_a_recorded_trade_is_read_bare_or_wrapped(raw: str) -> None:
    assert binance.read_frame(raw) == [("BTCUSDT", TRADE)]


def test_other_recorded_frames_have_no_trades() -> None:
    assert binance.read_frame('{"result":null,"id":1}') is None
    assert binance.read_frame('{"e":"serverShutdown","E":1}') == []


def test_a_shifted_frame_keeps_everything_but_its_times() -> None:
    shifted = binance.shift(WRAPPED, 1)
    assert json.loads(shifted)["data"]["E"] == 1_723_161_255_343 + 86_400_000
    assert json.loads(shifted)["data"]["T"] == 1_723_161_255_342 + 86_400_000
    assert json.loads(shifted)["data"]["t"] == 3735683259
