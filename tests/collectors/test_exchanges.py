"""Laws that every exchange file keeps: a new one is tested by being registered."""

import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.trade import Gap, Source, Trade
from collectors import exchanges
from collectors.exchange import Event, Exchange, ExchangeError, UnexpectedMessage
from collectors.exchanges import ALL, DEFAULT, EXCHANGES
from collectors.wire import NEWEST, OLDEST
from tests.collectors.golden import frames, gap

FILES = sorted(Path(exchanges.__file__).parent.glob("[a-z]*.py"))

each_exchange = pytest.mark.parametrize("exchange", ALL, ids=EXCHANGES.keys())

JUNK = [b"", b" ", b"{}", b"[]", b"null", b"0", b'"pong"', b"pong", b"\x00", b"\xff\xfe", b"{"]
STRANGE = [b'{"type":"news","event":"news","channel":"news","e":"news","id":99}', b'{"data":{}}']
DEEP = [b"[" * 100_000, b'{"data":' * 100_000, b'{"x":' + b"[" * 99_999 + b"]" * 99_999 + b"}"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=8,
)


def parsed(exchange: Exchange, frame: bytes) -> Sequence[Event]:
    """The events of a frame, none if it is refused; any other exception fails the test."""
    try:
        return list(exchange.parse(frame, 7))
    except UnexpectedMessage as refusal:
        if refusal.frame != frame:
            raise
        return []


def trades_of(events: Iterable[Event]) -> list[Trade]:
    return [event for event in events if isinstance(event, Trade)]


def assert_whole(trade: Trade, exchange: Exchange) -> None:
    assert trade.exchange == exchange.NAME
    assert 0 < len(trade.symbol) <= 64
    assert 0 <= trade.id < 2**63 - 1
    assert trade.price.is_finite() and trade.price > 0
    assert trade.size.is_finite() and trade.size > 0
    assert OLDEST <= trade.traded_at < NEWEST
    assert trade.received_at == 7


def test_every_file_is_registered_under_its_own_name() -> None:
    names = {path.stem.replace("_", "-") for path in FILES if not path.stem.endswith("_rest")}
    assert set(EXCHANGES) == names
    assert all(EXCHANGES[exchange.NAME] is exchange for exchange in ALL)


def test_what_is_collected_by_default_exists() -> None:
    assert set(DEFAULT) < set(EXCHANGES)


@each_exchange
def test_the_constants_are_sane(exchange: Exchange) -> None:
    assert urlsplit(exchange.URL).scheme == "wss"
    assert urlsplit(exchange.REST).scheme == "https" and urlsplit(exchange.REST).path == ""
    assert len(set(exchange.MARKETS)) == len(exchange.MARKETS) > 0
    assert 5 <= exchange.SILENCE <= 60
    assert 3600 <= exchange.MAX_AGE <= inf
    assert exchange.SYMBOLS_PER_FRAME >= 1
    assert not exchange.GREETING or json.loads(exchange.GREETING)
    assert 0 <= exchange.FRAME_PAUSE <= 1
    assert 0 < exchange.REQUEST_PAUSE <= 2


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_file_stays_small(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 120


@each_exchange
def test_a_subscription_is_one_json_frame_that_names_each_symbol(exchange: Exchange) -> None:
    frame = exchange.subscribe(exchange.MARKETS)
    assert json.loads(frame)
    assert all(symbol.lower() in frame.lower() for symbol in exchange.MARKETS)


@each_exchange
def test_every_golden_frame_gives_an_event(exchange: Exchange) -> None:
    for frame in frames(exchange.NAME):
        assert list(exchange.parse(frame, 7)), frame


@each_exchange
def test_golden_trades_are_whole_and_in_order_within_a_frame(exchange: Exchange) -> None:
    found = [trades_of(exchange.parse(frame, 7)) for frame in frames(exchange.NAME)]
    assert any(found)
    for trades in found:
        assert all(first.id < second.id for first, second in pairwise(trades))
        for trade in trades:
            assert_whole(trade, exchange)
            assert trade.source is not Source.BACKFILL


@each_exchange
@pytest.mark.parametrize("frame", JUNK + STRANGE + DEEP, ids=lambda frame: repr(frame[:12]))
def test_a_strange_frame_is_refused_and_kept(exchange: Exchange, frame: bytes) -> None:
    with pytest.raises(UnexpectedMessage) as caught:
        list(exchange.parse(frame, 7))
    assert caught.value.frame == frame


@each_exchange
@pytest.mark.parametrize("body", JUNK + DEEP, ids=lambda body: repr(body[:12]))
def test_a_strange_page_is_theirs_not_ours(exchange: Exchange, body: bytes) -> None:
    try:
        page = exchange.parse_page(gap(exchange.NAME, "X", 1, 5), body, 7)
    except ExchangeError:
        return
    assert (list(page.trades), page.cursor) == ([], None)  # an empty list is an empty page


@each_exchange
def test_every_truncation_is_refused(exchange: Exchange) -> None:
    for frame in frames(exchange.NAME):
        for length in range(len(frame)):
            assert parsed(exchange, frame[:length]) == [], frame[:length]


@each_exchange
@given(frame=st.binary(max_size=60))
def test_random_bytes_never_break_it(exchange: Exchange, frame: bytes) -> None:
    parsed(exchange, frame)


@each_exchange
@given(data=st.data())
def test_mutated_bytes_give_whole_trades_or_a_refusal(
    exchange: Exchange, data: st.DataObject
) -> None:
    frame = bytearray(data.draw(st.sampled_from(frames(exchange.NAME))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(frame) - 1))
        frame[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    for trade in trades_of(parsed(exchange, bytes(frame))):
        assert_whole(trade, exchange)


@each_exchange
@given(data=st.data())
def test_a_field_of_another_kind_gives_whole_trades_or_a_refusal(
    exchange: Exchange, data: st.DataObject
) -> None:
    message = json.loads(data.draw(st.sampled_from(frames(exchange.NAME))))
    holder, key = data.draw(st.sampled_from(list(places(message))))
    holder[key] = data.draw(json_values)
    for trade in trades_of(parsed(exchange, json.dumps(message).encode())):
        assert_whole(trade, exchange)


def places(value: Any) -> Iterable[tuple[Any, Any]]:
    """Each (holder, key) below a JSON value."""
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


@each_exchange
@given(after_id=st.integers(0, 2**62), length=st.none() | st.integers(1, 10**9))
def test_a_request_is_plain_text(exchange: Exchange, after_id: int, length: int | None) -> None:
    before_id = None if length is None else after_id + length
    hole = Gap(gap(exchange.NAME, "A/B-C", 1).market, after_id, OLDEST, before_id)
    for cursor in (None, "77"):
        request = exchange.page_request(hole, cursor)
        assert request.path.startswith("/") and "?" not in request.path
        assert all(isinstance(value, str) and value for value in request.params.values())
