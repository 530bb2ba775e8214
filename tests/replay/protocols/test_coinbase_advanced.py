import json
from typing import Any

import pytest

from alphapulse.trade import Side
from replay.dialect import Desk
from replay.frames import payload, text_frame
from replay.protocols import coinbase, coinbase_advanced
from replay.protocols.coinbase_advanced import AdvancedLine
from replay.tape import Print
from tests.replay.protocols.desk import NOW, desk_of, twelve


@pytest.fixture
def desk() -> Desk:
    return desk_of("coinbase-advanced", "BTC-USD", "ETH-USD", twelve())


@pytest.fixture
def line(desk: Desk) -> AdvancedLine:
    return coinbase_advanced.line("", {}, desk)


def say(line: AdvancedLine, type: str, channel: str, *products: str) -> list[dict[str, Any]]:
    request = {"type": type, "channel": channel, "product_ids": products}
    return [json.loads(frame) for frame in line.read(json.dumps(request))]


def subscriptions(frame: dict[str, Any]) -> object:
    assert frame["channel"] == "subscriptions"
    return frame["events"][0]["subscriptions"]


def test_trades_come_newest_first_with_the_makers_side_and_without_trailing_zeros() -> None:
    prints = [
        Print(7, "65083.67", "0.002186", Side.BUY, NOW),
        Print(8, "65083.60", "1", Side.SELL, NOW - 89_723),
    ]
    (text,) = coinbase_advanced.trade_frames("market_trades", "BTC-USD", prints)
    assert json.loads(text) == {
        "channel": "market_trades",
        "timestamp": "2021-04-17T16:43:37.000000000Z",
        "sequence_num": 0,
        "events": [
            {
                "type": "update",
                "trades": [
                    {
                        "product_id": "BTC-USD",
                        "trade_id": "8",
                        "price": "65083.60",
                        "size": "1",
                        "time": "2021-04-17T16:43:37Z",
                        "side": "BUY",
                    },
                    {
                        "product_id": "BTC-USD",
                        "trade_id": "7",
                        "price": "65083.67",
                        "size": "0.002186",
                        "time": "2021-04-17T16:43:37.089723Z",
                        "side": "SELL",
                    },
                ],
            }
        ],
    }


def test_every_frame_of_a_line_has_the_next_number_and_its_old_length(line: AdvancedLine) -> None:
    texts = coinbase_advanced.trade_frames("market_trades", "BTC-USD", twelve()[:1])
    frames = [text_frame(text) for text in (*texts, line.state(), *texts)]
    stamped = [line.stamp(frame) for frame in frames]
    assert [json.loads(payload(frame))["sequence_num"] for frame in stamped] == [0, 1, 2]
    assert list(map(len, stamped)) == list(map(len, frames))


def test_joined_frames_are_numbered_one_by_one(line: AdvancedLine) -> None:
    (text,) = coinbase_advanced.trade_frames("market_trades", "BTC-USD", twelve()[:1])
    one = text_frame(text)
    joined = line.stamp(one + one)
    halves = joined[: len(one)], joined[len(one) :]
    assert [json.loads(payload(half))["sequence_num"] for half in halves] == [0, 1]


def test_the_backlog_comes_before_the_acknowledgement(line: AdvancedLine) -> None:
    backlog, ack = say(line, "subscribe", "market_trades", "BTC-USD", "ETH-USD")
    (batch,) = backlog["events"]
    assert batch["type"] == "snapshot"
    assert [row["trade_id"] for row in batch["trades"]] == [str(id) for id in range(112, 100, -1)]
    assert subscriptions(ack) == {"market_trades": ["BTC-USD", "ETH-USD"]}
    assert line.symbols == {"BTC-USD", "ETH-USD"}


def test_a_second_wish_brings_no_second_backlog(line: AdvancedLine) -> None:
    say(line, "subscribe", "market_trades", "BTC-USD")
    assert len(say(line, "subscribe", "market_trades", "BTC-USD")) == 1


def test_an_alias_means_the_product_behind_it(line: AdvancedLine) -> None:
    backlog, ack = say(line, "subscribe", "market_trades", "BTC-USDC", "BTC-USD")
    assert backlog["events"][0]["trades"][0]["product_id"] == "BTC-USD"
    assert subscriptions(ack) == {"market_trades": ["BTC-USD"]}


def test_one_bad_product_voids_the_request(line: AdvancedLine) -> None:
    error = {"type": "error", "message": "XYZ-USD is not a valid product"}
    assert say(line, "subscribe", "market_trades", "BTC-USD", "XYZ-USD") == [error]
    assert not line.symbols


def test_what_is_no_request_is_an_error(line: AdvancedLine) -> None:
    assert json.loads(line.read("{")[0]) == {"type": "error", "message": "Malformed JSON"}
    for wrong in (("buy", "market_trades"), ("subscribe", "level2"), ("subscribe", FORM)):
        (frame,) = say(line, *wrong)
        assert frame["type"] == "error"


FORM = coinbase_advanced.FORM


def test_heartbeats_are_a_channel_of_their_own(line: AdvancedLine) -> None:
    assert line.beat() == line.open() == line.farewell() == []
    (ack,) = say(line, "subscribe", "heartbeats")
    assert subscriptions(ack) == {"heartbeats": ["heartbeats"]}
    (beat,) = map(json.loads, line.beat())
    assert (beat["channel"], list(beat["events"][0])) == (
        "heartbeats",
        ["current_time", "heartbeat_counter"],
    )
    assert beat["events"][0]["current_time"].startswith("2021-04-17 16:43:37.089723000 +0000 UTC m")
    (left,) = say(line, "unsubscribe", "heartbeats")
    assert subscriptions(left) == {}
    assert line.beat() == []


def test_leaving_or_being_refused_ends_the_trades(line: AdvancedLine) -> None:
    say(line, "subscribe", "market_trades", "BTC-USD", "ETH-USD")
    (state,) = say(line, "unsubscribe", "market_trades", "BTC-USD")
    assert subscriptions(state) == {"market_trades": ["ETH-USD"]}
    assert "ETH-USD is not a valid product" in line.refuse("ETH-USD")[0]
    assert line.refuse("ETH-USD") == []
    assert not line.symbols


def test_many_trades_of_one_turn_are_cut_into_batches() -> None:
    prints = [Print(id, "1", "1", Side.BUY, NOW) for id in range(250)]
    texts = coinbase_advanced.trade_frames("market_trades", "BTC-USD", prints)
    read = [found for text in texts for found in coinbase_advanced.read_frame(text) or []]
    assert len(texts) == 3
    assert [print.id for _, print in read] == list(range(250))


def test_a_recorded_frame_is_read_with_the_takers_side(line: AdvancedLine) -> None:
    (text,) = coinbase_advanced.trade_frames("market_trades", "BTC-USD", twelve()[:1])
    assert coinbase_advanced.read_frame(text) == [("BTC-USD", twelve()[0])]
    assert coinbase_advanced.read_frame(line.state()) is None
    assert coinbase_advanced.read_frame('{"channel":"heartbeats","events":[]}') == []


def test_a_shifted_frame_keeps_everything_but_its_day() -> None:
    (text,) = coinbase_advanced.trade_frames("market_trades", "BTC-USD", twelve()[:1])
    assert coinbase_advanced.shift(text, 14) == text.replace("2021-04-17T", "2021-05-01T")


def test_its_past_is_coinbases(desk: Desk) -> None:
    asked = ("/products/BTC-USD/trades", {"limit": "2"}, desk)
    assert coinbase_advanced.respond(*asked) == coinbase.respond(*asked)
