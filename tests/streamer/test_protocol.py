"""Frames as bytes, read back by the websockets library's own parser and by JSON's."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from alphapulse.cursor import Cursor
from alphapulse.notice import GapNotice, GapState, Row
from alphapulse.trade import Market, Side, Source
from streamer import protocol

ROW = Row(
    5,
    1,
    2**53 + 1,
    1_700_000_000_000_001,
    1_700_000_000_002_000,
    Side.SELL,
    Source.BACKFILL,
    "1.10",
    "NaN",
)  # one row on one line


def read(data: bytes) -> list[Frame]:
    """What a strict parser of RFC 6455 makes of the bytes."""
    reader = StreamReader()
    reader.feed_data(data)
    reader.feed_eof()
    frames = []
    while not reader_is_empty(reader):
        parsing = Frame.parse(reader.read_exact, mask=False)
        try:
            next(parsing)
        except StopIteration as done:
            frames.append(done.value)
    return frames


def reader_is_empty(reader: StreamReader) -> bool:
    return not reader.buffer


def words(data: bytes) -> dict[str, Any]:
    (frame,) = read(data)
    assert frame.opcode is Opcode.TEXT and frame.fin
    found: dict[str, Any] = json.loads(bytes(frame.data))
    return found


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536, 200_000])
def test_a_frame_of_any_size_is_read_back(size: int) -> None:
    (frame,) = read(protocol.text_frame(b"x" * size))
    assert (frame.opcode, len(frame.data), frame.fin) == (Opcode.TEXT, size, True)


@given(st.lists(st.text(max_size=300)))
def test_joined_frames_stay_frames(texts: list[str]) -> None:
    data = b"".join(protocol.text_frame(text.encode()) for text in texts)
    assert [bytes(frame.data).decode() for frame in read(data)] == texts


def test_a_trade_frame_carries_exact_texts() -> None:
    head = protocol.trade_head(Market("kraken", "BTC/USD"), simulated=False)
    assert words(protocol.trade_frame("a1-7;9.5", head, ROW)) == {
        "type": "trade",
        "cursor": "a1-7;9.5",
        "exchange": "kraken",
        "symbol": "BTC/USD",
        "id": "9007199254740993",
        "price": "1.10",
        "size": "NaN",
        "side": "sell",
        "time": "2023-11-14T22:13:20.000001Z",
        "received": "2023-11-14T22:13:20.002000Z",
        "source": "backfill",
    }


def test_replayed_and_simulated_are_said_only_where_true() -> None:
    head = protocol.trade_head(Market("k", "B"), simulated=True)
    frame = words(protocol.trade_frame("a1-7;9.5", head, ROW, replayed=True))
    assert (frame["replayed"], frame["simulated"]) == (True, True)


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_name_of_a_market_is_escaped(exchange: str, symbol: str) -> None:
    head = protocol.trade_head(Market(exchange, symbol), simulated=False)
    frame = words(protocol.trade_frame("a1-7;9.5", head, ROW))
    assert (frame["exchange"], frame["symbol"]) == (exchange, symbol)


GAP = GapNotice(7, 1, GapState.SUSPECTED, 2**53 + 1, None, 1_700_000_000_000_001, None, "restart")


def test_a_gap_frame_carries_exact_texts() -> None:
    head = protocol.trade_head(Market("kraken", "BTC/USD"), simulated=True)
    assert words(protocol.gap_frame(head, GAP)) == {
        "type": "gap",
        "gap_id": 7,
        "exchange": "kraken",
        "symbol": "BTC/USD",
        "simulated": True,
        "state": "suspected",
        "after_id": "9007199254740993",
        "before_id": None,
        "after": "2023-11-14T22:13:20.000001Z",
        "before": None,
        "cause": "restart",
        "filled": 0,
        "absent": 0,
    }


@pytest.mark.parametrize("state", GapState)
def test_only_what_lacks_nothing_is_repaired(state: GapState) -> None:
    frame = words(protocol.gap_frame('"exchange":"k"', structs.replace(GAP, state=state)))
    assert frame["state"] == state
    assert (frame["type"] == "repaired") == (state in ("repaired", "dismissed"))


@given(st.text(max_size=30), st.integers(-(2**63), 2**63 - 1))
def test_whatever_a_gap_says_is_one_frame(cause: str, at: int) -> None:
    gap = structs.replace(GAP, cause=cause, before_at=at)
    assert words(protocol.gap_frame('"exchange":"k"', gap))["cause"] == cause


@given(st.datetimes())
def test_instants_are_exact(at: datetime) -> None:
    at = at.replace(tzinfo=UTC)
    since = at - datetime(1970, 1, 1, tzinfo=UTC)
    micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    text = protocol.instant(micros)
    assert text.endswith("Z") and len(text) == 27
    assert datetime.fromisoformat(text) == at


@given(st.integers(-(2**63), 2**63))
def test_no_instant_stops_the_stream(micros: int) -> None:
    assert len(protocol.instant(micros)) == 27


def test_the_hello_before_the_first_contact_knows_little() -> None:
    frame = words(protocol.hello("1", [], None, "reconnecting", simulated=None))
    assert (frame["cursor"], frame["markets"], frame["simulated"]) == (None, [], None)


def test_a_subscription_gives_a_reason_only_where_there_is_one() -> None:
    place = Cursor("a1", 7)
    assert "reason" not in words(protocol.subscribed([], place, recovered=True))
    assert words(protocol.subscribed([], place, recovered=False, reason="x"))["reason"] == "x"


def test_an_unknown_market_without_similar_ones_is_told_plainly() -> None:
    assert "similar ones" not in words(protocol.unknown_market("a/b", []))["message"]
