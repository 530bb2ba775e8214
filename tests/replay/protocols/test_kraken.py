import json
from decimal import Decimal
from typing import Any

import pytest

from alphapulse.trade import Side
from replay.dialect import Desk
from replay.protocols import kraken
from replay.protocols.kraken import KrakenLine
from replay.protocols.kraken_rest import nanos, since_nanos
from replay.protocols.kraken_spelling import bare, key_of
from replay.tape import Print
from tests.replay.protocols.desk import NOW, desk_of, twelve

STAMPS = {"time_in": "2021-04-17T16:43:37.089723Z", "time_out": "2021-04-17T16:43:37.089723Z"}


@pytest.fixture
def desk() -> Desk:
    return desk_of("kraken", "BTC/USD", "DOGE/USD", twelve())


@pytest.fixture
def line(desk: Desk) -> KrakenLine:
    return kraken.line("", {}, desk)


def say(line: KrakenLine, method: str, *symbols: str, **more: object) -> list[dict[str, Any]]:
    params = {"channel": "trade", "symbol": symbols} | more
    request = {"method": method, "params": params, "req_id": 1}
    return [json.loads(frame) for frame in line.read(json.dumps(request))]


def test_a_trade_is_written_as_kraken_writes_it() -> None:
    at = 1_762_795_433_971_744
    print = Print(10218208, "105433.60000", "0.00027625", Side.BUY, at)
    assert kraken.trade_frames("v2", "BTC/USD", [print]) == [
        (
            '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy",'
            '"price":105433.6,"qty":0.00027625,"ord_type":"limit","trade_id":10218208,'
            '"timestamp":"2025-11-10T17:23:53.971744Z"}]}'
        )
    ]


@pytest.mark.parametrize(("text", "number"), [("40.000", "40.0"), ("40", "40.0"), ("0.10", "0.1")])
def test_numbers_are_bare_and_without_trailing_zeros(text: str, number: str) -> None:
    assert bare(text) == number


def test_trades_of_one_instant_share_a_frame() -> None:
    frames = [json.loads(f) for f in kraken.trade_frames("v2", "BTC/USD", twelve())]
    assert [len(frame["data"]) for frame in frames] == [1, 2, 2, 2, 2, 2, 1]
    assert [row["trade_id"] for f in frames for row in f["data"]] == list(range(101, 113))


def test_the_first_frame_is_the_status(line: KrakenLine) -> None:
    (status,) = line.open()
    assert status == (
        '{"channel":"status","type":"update","data":[{"api_version":"v2",'
        '"connection_id":13834774380200032777,"system":"online","version":"2.0.10"}]}'
    )


def test_each_symbol_is_acknowledged_alone_and_a_bad_one_spoils_nothing(line: KrakenLine) -> None:
    good, bad = say(line, "subscribe", "BTC/USD", "FOO/USD")
    assert (
        good
        == {
            "method": "subscribe",
            "req_id": 1,
            "result": {"channel": "trade", "snapshot": False, "symbol": "BTC/USD"},
            "success": True,
        }
        | STAMPS
    )
    assert (
        bad
        == {
            "error": "Currency pair not supported FOO/USD",
            "method": "subscribe",
            "req_id": 1,
            "success": False,
            "symbol": "FOO/USD",
        }
        | STAMPS
    )
    assert line.symbols == {"BTC/USD"}


def test_a_snapshot_follows_the_acknowledgement_oldest_first(line: KrakenLine) -> None:
    ack, snapshot = say(line, "subscribe", "BTC/USD", snapshot=True)
    assert ack["result"]["snapshot"] is True
    assert snapshot["type"] == "snapshot"
    assert [row["trade_id"] for row in snapshot["data"]] == list(range(101, 113))


def test_a_market_without_trades_has_no_snapshot(line: KrakenLine) -> None:
    assert len(say(line, "subscribe", "DOGE/USD", snapshot=True)) == 1


def test_what_is_held_or_not_held_is_said(line: KrakenLine) -> None:
    say(line, "subscribe", "BTC/USD")
    assert say(line, "subscribe", "BTC/USD")[0]["error"] == "Already subscribed"
    assert say(line, "unsubscribe", "BTC/USD")[0]["success"] is True
    assert say(line, "unsubscribe", "BTC/USD")[0]["error"] == "Subscription Not Found"


def test_a_ping_is_answered_by_a_pong(line: KrakenLine) -> None:
    (pong,) = line.read('{"method":"ping","req_id":42}')
    assert json.loads(pong) == {"method": "pong", "req_id": 42} | STAMPS


def test_what_is_no_request_is_refused(line: KrakenLine) -> None:
    assert json.loads(line.read("{")[0])["error"] == "Malformed request"
    assert say(line, "dance")[0]["error"] == "Unsupported method dance"


def test_heartbeats_come_only_after_a_subscription_and_when_idle(line: KrakenLine) -> None:
    assert kraken.MANNERS.beats_when_idle
    assert line.beat() == []
    say(line, "subscribe", "BTC/USD")
    assert line.beat() == ['{"channel":"heartbeat"}']


def test_a_symbol_that_is_refused_leaves_the_line_with_an_error(line: KrakenLine) -> None:
    say(line, "subscribe", "BTC/USD")
    (refusal,) = map(json.loads, line.refuse("BTC/USD"))
    assert (refusal["success"], refusal["symbol"]) == (False, "BTC/USD")
    assert not line.symbols
    assert line.refuse("BTC/USD") == line.farewell() == []


def get(desk: Desk, **params: str) -> tuple[list[list[Any]], str]:
    answer = kraken.respond("/0/public/Trades", {"pair": "XBTUSD"} | params, desk)
    found = json.loads(answer.body, parse_float=Decimal)
    assert (answer.status, found["error"]) == (200, [])
    return found["result"]["XXBTZUSD"], found["result"]["last"]


def test_a_row_has_a_float_of_seven_digits_and_the_takers_letter(desk: Desk) -> None:
    rows, last = get(desk, count="1")
    at = nanos(NOW + 56_000)
    time = Decimal(at) / 10**9
    assert rows == [["112.50", "0.02000000", time, "b", "l", "", 112]]
    assert last == str(at)
    assert str(time).startswith("1618677817.145723")


def test_rest_has_one_digit_more_but_the_same_for_the_same_instant() -> None:
    assert nanos(NOW) // 1000 == NOW
    assert nanos(7_000_001) == 7_000_001_100


@pytest.mark.parametrize("count", [3, 4, 12, 1000])
def test_walking_forward_with_an_overlap_gives_every_id(desk: Desk, count: int) -> None:
    found: list[int] = []
    cursor = "1"
    while fresh := [
        r[-1] for r in get(desk, since=cursor, count=str(count))[0] if r[-1] not in found
    ]:
        cursor = str(int(get(desk, since=cursor, count=str(count))[1]) - 1)
        found += fresh
    assert found == list(range(101, 113))


def test_since_is_exclusive_so_a_page_that_cuts_an_instant_loses_its_rest(desk: Desk) -> None:
    """Why a backfill must overlap: 102 and 103 share an instant, and the page ends between them."""
    rows, last = get(desk, since="1", count="2")
    assert [r[-1] for r in rows] == [101, 102]
    assert get(desk, since=last)[0][0][-1] == 104


def test_without_since_the_latest_are_given_and_an_empty_page_keeps_its_cursor(desk: Desk) -> None:
    assert [r[-1] for r in get(desk, count="3")[0]] == [110, 111, 112]
    future = str((NOW + 10**9) * 1000)
    assert get(desk, since=future) == ([], future)


def test_since_may_be_in_seconds(desk: Desk) -> None:
    assert len(get(desk, since="1618677817")[0]) == 12
    assert since_nanos("1618677817.5") == 1_618_677_817_500_000_000


@pytest.mark.parametrize("pair", ["XBTUSD", "XXBTZUSD", "XBT/USD", "BTC/USD"])
def test_a_pair_is_known_by_all_its_names(desk: Desk, pair: str) -> None:
    assert get(desk, pair=pair)[0]


@pytest.mark.parametrize(
    ("symbol", "key"),
    [
        ("BTC/USD", "XXBTZUSD"),
        ("BTC/USDT", "XBTUSDT"),
        ("ETH/BTC", "XETHXXBT"),
        ("SOL/USD", "SOLUSD"),
        ("DOGE/USD", "XDGUSD"),
    ],
)
def test_the_result_has_krakens_own_key(symbol: str, key: str) -> None:
    assert key_of(symbol) == key


@pytest.mark.parametrize(
    ("path", "params", "words"),
    [
        ("0/public/Trades", {"pair": "FOOUSD"}, "EQuery:Unknown asset pair"),
        ("0/public/Trades", {}, "EQuery:Unknown asset pair"),
        ("0/public/Trades", {"pair": "XBTUSD", "since": "soon"}, "EGeneral:Invalid arguments"),
        ("0/public/Depth", {}, "EGeneral:Unknown method"),
    ],
)
def test_an_error_has_the_status_200(
    desk: Desk, path: str, params: dict[str, str], words: str
) -> None:
    answer = kraken.respond(path, params, desk)
    assert (answer.status, json.loads(answer.body)) == (200, {"error": [words]})


def test_pairs_and_the_time_are_told(desk: Desk) -> None:
    pairs = json.loads(kraken.respond("0/public/AssetPairs", {}, desk).body)["result"]
    assert pairs["XDGUSD"]["wsname"] == "XDG/USD" and pairs["XXBTZUSD"]["altname"] == "XBTUSD"
    assert b"1618677817" in kraken.respond("0/public/Time", {}, desk).body


def test_too_many_requests_may_hide_behind_200_or_not() -> None:
    assert b"EGeneral:Too many requests" in kraken.failure(200, 1).body
    assert kraken.failure(503, 1).status == 503


def test_a_recorded_frame_is_read_with_exact_numbers() -> None:
    (frame,) = kraken.trade_frames("v2", "BTC/USD", twelve()[:1])
    ((symbol, print),) = kraken.read_frame(frame) or []
    assert (symbol, print.id, print.price, print.size) == ("BTC/USD", 101, "101.5", "0.02")
    assert print.traded_at == twelve()[0].traded_at
    assert kraken.read_frame('{"channel":"heartbeat"}') == []
    assert kraken.read_frame('{"channel":"status"}') is None
    assert kraken.read_frame('{"method":"subscribe","success":true}') is None


def test_a_shifted_frame_keeps_everything_but_its_day() -> None:
    (frame,) = kraken.trade_frames("v2", "BTC/USD", twelve()[:1])
    assert kraken.shift(frame, -17) == frame.replace("2021-04-17T", "2021-03-31T")
