"""The walk across a gap, over pages that simulated exchanges cut from a tape."""

import json
from collections.abc import Callable
from itertools import islice
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.trade import Gap, Market, Source, Trade
from collectors.backfill import Walk
from collectors.exchange import Exchange, ExchangeError, Page, Request
from collectors.exchanges import binance, coinbase, kraken
from tests.collectors.golden import NEW_YEAR
from tests.collectors.toy import Toy, trade

Tape: TypeAlias = dict[int, int]  # id: microseconds into 2026
Fetch: TypeAlias = Callable[[Request], bytes]


def binance_pages(tape: Tape, size: int) -> Fetch:
    def fetch(request: Request) -> bytes:
        ids = [id for id in sorted(tape) if id >= int(request.params["fromId"])][:size]
        rows = [
            {"id": i, "price": "1.5", "qty": "2", "time": millis(tape[i]), "isBuyerMaker": True}
            for i in ids
        ]
        return json.dumps(rows).encode()

    return fetch


def millis(after: int) -> int:
    return (NEW_YEAR + after) // 1000


def coinbase_pages(tape: Tape, size: int) -> Fetch:
    def fetch(request: Request) -> bytes:
        below = int(request.params.get("after", 2**63))
        ids = [id for id in sorted(tape, reverse=True) if id < below][:size]
        time = "2026-01-01T00:00:00Z"
        row = {"price": "1.5", "size": "2", "side": "buy", "time": time}
        return json.dumps([row | {"trade_id": id} for id in ids]).encode()

    return fetch


def kraken_pages(tape: Tape, size: int, *, is_inclusive: bool = True) -> Fetch:
    """Kraken does not say whether `since` includes its own nanosecond: both are played."""

    def fetch(request: Request) -> bytes:
        since = int(request.params["since"]) + (0 if is_inclusive else 1)
        ids = [id for id in sorted(tape) if (NEW_YEAR + tape[id]) * 1000 >= since][:size]
        last = (NEW_YEAR + tape[ids[-1]]) * 1000 if ids else since
        rows = ",".join(f'["1.5","2",{seconds(tape[id])},"s","m","",{id}]' for id in ids)
        return f'{{"error":[],"result":{{"XXBTZUSD":[{rows}],"last":"{last}"}}}}'.encode()

    return fetch


def seconds(after: int) -> str:
    whole, micros = divmod(NEW_YEAR + after, 1_000_000)
    return f"{whole}.{micros:06d}9"  # a digit more than ours


def kraken_pages_exclusive(tape: Tape, size: int) -> Fetch:
    return kraken_pages(tape, size, is_inclusive=False)


each_exchange = pytest.mark.parametrize(
    ("exchange", "pages"),
    [
        (binance, binance_pages),
        (coinbase, coinbase_pages),
        (kraken, kraken_pages),
        (kraken, kraken_pages_exclusive),
    ],
    ids=["binance", "coinbase", "kraken", "kraken-exclusive"],
)


def walked(exchange: Exchange, gap: Gap, fetch: Fetch, limit: int = 200) -> list[Trade]:
    walk, found = Walk(exchange, gap), list[Trade]()
    while walk.request and limit:
        found += walk.take(fetch(walk.request), 7)
        limit -= 1
    assert walk.request is None, "still walking"
    return found


def hole(exchange: Exchange, tape: Tape, after_id: int, before_id: int | None = None) -> Gap:
    market = Market(exchange.NAME, "BTC/USD")
    return Gap(market, after_id, NEW_YEAR + tape.get(after_id, 0), before_id)


@st.composite
def tapes(draw: st.DrawFn, ties: int) -> Tape:
    """Consecutive ids (but for a few that the exchange lost), times that never fall, some equal."""
    first = draw(st.integers(1, 1000))
    lost = draw(st.sets(st.integers(2, 40), max_size=4))
    ids = [first + place for place in range(draw(st.integers(1, 40))) if place not in lost]
    tape, at, run = Tape(), 5_000_000, 0
    for id in ids:
        step = draw(st.sampled_from([0, 1, 1000, 400_000, 3_000_000]))
        run = run + 1 if step == 0 else 0
        at += step if run < ties else 1  # a page must hold more than the trades of one instant
        run = 0 if run >= ties else run
        tape[id] = at
    return tape


@each_exchange
@given(data=st.data())
def test_any_gap_in_any_tape_gives_exactly_the_missing_trades(
    exchange: Exchange, pages: Callable[[Tape, int], Fetch], data: st.DataObject
) -> None:
    tape = data.draw(tapes(ties=3))
    # With Kraken's overlap of a nanosecond, a page that holds an instant's ties moves on.
    size = data.draw(st.integers(5, 50))
    after_id = data.draw(st.sampled_from(sorted(tape)))
    before_id = data.draw(st.none() | st.integers(after_id + 1, max(tape) + 2))
    gap = hole(exchange, tape, after_id, before_id)
    found = walked(exchange, gap, pages(tape, size))
    assert {trade.id for trade in found} == {id for id in tape if gap.holds(id)}
    assert all(trade.source is Source.BACKFILL and trade.received_at == 7 for trade in found)


@each_exchange
@given(data=st.data())
def test_a_walk_that_was_cut_short_goes_on_at_its_cursor(
    exchange: Exchange, pages: Callable[[Tape, int], Fetch], data: st.DataObject
) -> None:
    tape = data.draw(tapes(ties=3))
    size = data.draw(st.integers(5, 20))
    after_id = data.draw(st.sampled_from(sorted(tape)))
    gap = hole(exchange, tape, after_id, max(tape) + data.draw(st.integers(1, 2)))
    fetch, found, cursor = pages(tape, size), set[int](), None
    for _ in range(200):
        walk = Walk(exchange, gap, cursor)  # by another process each time
        assert walk.is_whole == (cursor is None)
        assert walk.request
        found |= {trade.id for trade in walk.take(fetch(walk.request), 7)}
        cursor = walk.cursor
        assert (cursor is None) == (walk.request is None)
        if cursor is None:
            break
    assert found == {id for id in tape if gap.holds(id)}


def test_a_walk_knows_the_newest_trade_that_it_was_shown() -> None:
    tape = {id: id * 1_000_000 for id in range(1, 30)}
    walk = Walk(coinbase, hole(coinbase, tape, 5))
    assert walk.newest is None
    assert walk.request
    walk.take(coinbase_pages(tape, 10)(walk.request), 7)
    assert walk.newest == (29, NEW_YEAR)


@each_exchange
def test_a_gap_that_the_exchange_knows_nothing_of_ends_empty(
    exchange: Exchange, pages: Callable[[Tape, int], Fetch]
) -> None:
    tape = {1: 0, 2: 1, 9: 2, 10: 3}
    assert walked(exchange, hole(exchange, tape, 2, 9), pages(tape, 2)) == []
    assert walked(exchange, hole(exchange, tape, 10), pages(tape, 2)) == []
    assert walked(exchange, hole(exchange, {}, 10), pages({}, 2)) == []


@each_exchange
def test_a_short_gap_costs_one_page(
    exchange: Exchange, pages: Callable[[Tape, int], Fetch]
) -> None:
    tape = {id: id * 1_000_000 for id in range(1, 100)}
    walk = Walk(exchange, hole(exchange, tape, 50, 55))
    assert walk.request
    found = walk.take(pages(tape, 10)(walk.request), 7)
    assert sorted(trade.id for trade in found) == [51, 52, 53, 54]
    assert walk.request is None


@pytest.mark.parametrize(
    ("exchange", "pages"),
    [(binance, binance_pages), (kraken, kraken_pages)],
    ids=["binance", "kraken"],
)
def test_a_busy_market_does_not_lead_on_for_ever(
    exchange: Exchange, pages: Callable[[Tape, int], Fetch]
) -> None:
    """Between two requests three more trades happen: an open end is where the pages run short."""
    tape = {id: id * 400_000 for id in range(1, 50)}

    def fetch(request: Request) -> bytes:
        body = pages(tape, 20)(request)
        tape.update({id: id * 400_000 for id in range(max(tape) + 1, max(tape) + 4)})
        return body

    found = walked(exchange, hole(exchange, tape, 10), fetch, limit=8)
    assert {trade.id for trade in found} >= set(range(11, 50))


def test_a_kraken_cursor_that_does_not_move_ends_the_walk() -> None:
    """More trades in one instant than a page holds: the rest cannot be reached."""
    tape = dict.fromkeys(range(1, 30), 0)
    found = walked(kraken, hole(kraken, tape, 1), kraken_pages(tape, 10), limit=3)
    assert {trade.id for trade in found} == set(range(2, 11))


def test_pages_that_bring_nothing_new_end_the_walk() -> None:
    """The cursor moves, the trades do not."""

    class Stuck(Toy):
        def page(self, number: int) -> Page:
            return Page([trade("A", 5)], str(number + 1))

    gap = Gap(Market("toy", "A"), 1, 0, 9)
    found = walked(Stuck(), gap, lambda request: request.params["page"].encode(), limit=2)
    assert [trade.id for trade in found] == [5, 5]


@given(pages=st.lists(st.lists(st.integers(1, 20), max_size=4), min_size=1), data=st.data())
def test_whatever_the_exchange_answers_the_walk_ends(
    pages: list[list[int]], data: st.DataObject
) -> None:
    """Any pages in any order, for ever: each step must bring the edges outwards, so it ends."""

    class Mad(Toy):
        def page(self, number: int) -> Page:
            ids = pages[number % len(pages)]
            return Page([trade("A", id) for id in ids], str(number + data.draw(st.integers(0, 3))))

    gap = Gap(Market("toy", "A"), 5, 0, data.draw(st.none() | st.integers(6, 20)))
    found = walked(Mad(), gap, lambda request: request.params["page"].encode(), limit=42)
    assert all(gap.holds(trade.id) for trade in found)


def test_after_an_error_the_same_page_may_be_asked_for_again() -> None:
    tape = {id: id * 1_000_000 for id in range(1, 30)}
    walk = Walk(kraken, hole(kraken, tape, 5, 20))
    request = walk.request
    assert request
    with pytest.raises(ExchangeError, match="Too many requests"):
        walk.take(b'{"error":["EGeneral:Too many requests"]}', 7)
    with pytest.raises(ExchangeError):
        walk.take(b"<html>bad gateway</html>", 7)
    assert walk.request is request
    found = walk.take(kraken_pages(tape, 50)(request), 7)
    assert [trade.id for trade in islice(found, 2)] == [6, 7]
