from math import inf

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alphapulse.trade import Market, Side
from replay.feed import Head, RecordedBatch, SimulatedBatch, SimulatedFeed, texts
from replay.protocols import DIALECTS
from replay.simulated import BLOCK, SimulatedMarket
from replay.tape import Columns, Digits, Print, Tape

START = 1_760_000_000_000_000
SECOND = 1_000_000


def market(symbol: str = "BTC-USD") -> SimulatedMarket:
    return SimulatedMarket(Market("coinbase", symbol), 3, START, 50.0)


def head(left: float = inf, limit: int = 10**6) -> Head:
    one = market()
    return Head(one, Tape(one.market, one.digits, limit), left)


def feed(*symbols: str, trades: int | None = None) -> SimulatedFeed:
    found = [market(symbol) for symbol in symbols or ("BTC-USD", "ETH-USD")]
    return SimulatedFeed(DIALECTS["coinbase"], found, trades, 10**6)


def test_nothing_is_published_before_its_time() -> None:
    one = head()
    first = one.next_at()
    assert first is not None
    assert one.advance(first - 1) == []
    assert len(one.advance(first)) == 1
    assert all(print.traded_at <= first for print in one.tape)


def test_the_next_instant_is_later_than_what_was_published() -> None:
    one = head()
    for _ in range(200):
        at = one.next_at()
        assert at is not None
        one.advance(at)
        assert one.tape[-1].traded_at == at


def test_an_advance_over_blocks_leaves_no_seam() -> None:
    one = head()
    batches = one.advance(START + 300 * SECOND)
    assert len(batches) == 4
    assert len(one.tape) > 3 * BLOCK
    assert list(one.tape.columns.ids) == list(
        range(one.market.first_id, one.market.first_id + len(one.tape))
    )


@pytest.mark.parametrize("left", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1])
def test_a_head_ends_after_its_trades(left: int) -> None:
    one = head(left)
    one.advance(START + 3600 * SECOND)
    assert len(one.tape) == left
    assert one.next_at() is None


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9000), st.integers(0, 9000))
def test_withheld_trades_are_the_next_ones_however_many(before: int, withheld: int) -> None:
    one = head(20_000)
    while len(one.tape) < before and (at := one.next_at()):
        one.advance(at + SECOND)
    reached = len(one.tape)
    one.withheld = withheld
    one.advance(START + 3600 * SECOND)
    ids = list(one.tape.columns.ids)
    first = one.market.first_id
    assert ids == [
        *range(first, first + reached),
        *range(first + reached + withheld, first + 20_000),
    ]


def test_old_blocks_are_left_out_only_where_the_tape_forgets_them() -> None:
    late, early = head(limit=BLOCK), head()
    now = START + 3600 * SECOND
    late.skip(now)
    early.skip(now)
    assert (early.number, late.number > 20) == (0, True)
    late.advance(now)
    assert len(late.tape) >= BLOCK


def test_a_finite_head_never_skips() -> None:
    one = head(100, limit=BLOCK)
    one.skip(START + 3600 * SECOND)
    assert one.number == 0


def test_a_feed_is_due_when_its_first_market_is() -> None:
    one = feed()
    instants = [h.next_at() for h in one.heads]
    assert one.next_at() == min(at for at in instants if at is not None)
    assert (one.origin, one.pace) == (START, 100.0)


def test_a_feed_withholds_from_the_market_that_is_named() -> None:
    one = feed(trades=100)
    one.withhold("ETH-USD", 10)
    one.advance(START + 3600 * SECOND)
    assert {symbol: len(tape) for symbol, tape in one.tapes.items()} == {
        "BTC-USD": 100,
        "ETH-USD": 90,
    }
    assert one.next_at() is None


def test_a_twin_begins_anew_with_tapes_of_its_own() -> None:
    one = feed(trades=100)
    one.advance(START + 3600 * SECOND)
    twin = one.twin()
    assert all(len(tape) == 0 for tape in twin.tapes.values())
    twin.advance(START + 3600 * SECOND)
    assert [list(t) for t in twin.tapes.values()] == [list(t) for t in one.tapes.values()]


def columns() -> Columns:
    tape = Tape(Market("coinbase", "BTC-USD"), Digits(2, 1))
    for id in (1, 2, 3):
        tape.add(Print(id, "1.00", "2.0", Side.BUY, START))
    return tape.columns


def test_a_batch_is_for_those_who_have_its_symbol_and_makes_its_text_when_asked() -> None:
    batch = SimulatedBatch("BTC-USD", columns(), 1, 3, Digits(2, 1))
    assert batch.is_for({"BTC-USD", "X"}) and not batch.is_for({"X"}) and not batch.is_for(set())
    assert [print.id for print in batch.prints()] == [2, 3]
    assert len(texts(batch, DIALECTS["coinbase"], "match")) == 2


def test_a_recorded_frame_is_for_those_who_have_a_symbol_in_it_or_for_all() -> None:
    one = RecordedBatch("raw", frozenset({"A", "B"}))
    assert one.is_for({"A"}) and not one.is_for({"C"})
    for_all = RecordedBatch("raw", frozenset())
    assert for_all.is_for({"C"}) and not for_all.is_for(set())
    assert texts(one, DIALECTS["kraken"], "v2") == ["raw"]
