"""Reported gaps, and what becomes of those that are open: against plain sets of ids."""

from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from alphapulse.store.merging import Change, merge
from alphapulse.trade import Gap, Market

BTC = Market("kraken", "BTC/USD")
SECOND = 1_000_000
TOP = 40  # ids in these tests are below


def gap(after_id: int, before_id: int | None) -> Gap:
    before_at = None if before_id is None else before_id * SECOND
    return Gap(BTC, after_id, after_id * SECOND, before_id, before_at)


def merged(told: Gap, *open: Gap, settled: tuple[Gap, ...] = (), is_heard: bool = True) -> object:
    """The changes as ((after, before), numbers); open gaps are numbered from 1."""
    changes = merge(told, list(enumerate(open, 1)), settled, is_heard=is_heard)
    return [((change.gap.after_id, change.gap.before_id), change.of) for change in changes]


def test_a_gap_apart_from_the_others_is_new() -> None:
    assert merged(gap(10, 20), gap(1, 5), gap(30, 35)) == [((10, 20), ())]


def test_gaps_with_a_trade_between_them_do_not_touch() -> None:
    assert merged(gap(10, 20), gap(5, 10), gap(20, 25)) == [((10, 20), ())]


@pytest.mark.parametrize(("after", "before"), [(5, 11), (5, 15), (15, 25), (19, 25)])
def test_gaps_without_an_id_between_them_are_one(after: int, before: int) -> None:
    whole = (min(after, 10), max(before, 20))
    assert merged(gap(after, before), gap(10, 20)) == [(whole, (1,))]


def test_a_gap_that_touches_several_makes_them_one_and_the_oldest_stays() -> None:
    told, later, earlier = gap(12, 22), gap(20, 30), gap(5, 15)
    assert merged(told, later, earlier) == [((5, 30), (1, 2))]


def test_a_gap_within_an_open_one_changes_nothing() -> None:
    assert merged(gap(12, 15), gap(10, 20)) == []


def test_what_was_settled_stays_settled() -> None:
    settled = (gap(12, 15),)
    assert merged(gap(10, 20), settled=settled) == [((10, 13), ()), ((14, 20), ())]
    assert merged(gap(12, 15), settled=settled) == []
    assert merged(gap(10, None), settled=settled) == [((10, 13), ()), ((14, None), ())]


def test_only_the_new_part_beside_a_settled_gap_is_open() -> None:
    assert merged(gap(10, 20), settled=(gap(5, 16),)) == [((15, 20), ())]
    assert merged(gap(10, 20), settled=(gap(14, 30),)) == [((10, 15), ())]


def test_a_settled_gap_without_an_end_settles_nothing() -> None:
    assert merged(gap(10, 20), settled=(gap(5, None),)) == [((10, 20), ())]


def test_a_tail_ends_where_a_trade_was_heard() -> None:
    assert merged(gap(10, 20), gap(10, None)) == [((10, 20), (1,))]


def test_a_tail_after_which_the_next_trade_came_was_no_gap() -> None:
    (change,) = merge(gap(10, 11), [(1, gap(10, None))], (), is_heard=True)
    assert change == Change(gap(10, 11), (1,))
    assert change.is_empty


def test_a_trade_heard_before_the_tail_began_does_not_end_it() -> None:
    """The journal may tell of old gaps once more."""
    assert merged(gap(5, 8), gap(10, None)) == [((5, 8), ())]


def test_history_does_not_end_a_tail() -> None:
    assert merged(gap(12, 20), gap(10, None), is_heard=False) == [
        ((10, 20), ()),
        ((19, None), (1,)),
    ]


def test_a_second_tail_ends_the_first() -> None:
    assert merged(gap(15, None), gap(10, None)) == [((10, 15), (1,)), ((15, None), ())]


def test_the_same_tail_once_more_asks_anew() -> None:
    assert merged(gap(10, None), gap(10, None)) == [((10, None), (1,))]


def test_a_tail_stays_above_what_is_known_to_be_missing() -> None:
    """A heartbeat told of 11 and 12; then we were away."""
    assert merged(gap(10, None), gap(10, 13)) == [((12, None), ())]


class Model(Struct):
    """The same told with sets. `tail`: all ids above it."""

    open: set[int]
    settled: set[int]
    tail: int | None = None

    def tell(self, told: Gap, *, is_heard: bool) -> None:
        after, before = told.after_id, told.before_id
        known = after if before is None else before if is_heard else None
        if self.tail is not None and known is not None and self.tail < known:
            self.open |= set(range(self.tail + 1, known))
            self.tail = None
        if before is None:
            self.tail = after if self.tail is None else min(after, self.tail)
            self.rise(self.settled)
        else:
            self.open |= set(range(after + 1, before)) - self.settled
        self.rise(self.open)

    def rise(self, known: set[int]) -> None:
        """Ids that stand elsewhere are no part of the tail, nor is what lies below them."""
        if self.tail is not None and max(known, default=0) > self.tail:
            self.open |= set(range(self.tail + 1, max(known) + 1)) - self.settled
            self.tail = max(known)

    def rows(self) -> set[tuple[int, int | None]]:
        lows = [id - 1 for id in sorted(self.open) if id - 1 not in self.open]
        highs = [id + 1 for id in sorted(self.open) if id + 1 not in self.open]
        tails = set() if self.tail is None else {(self.tail, None)}
        return set(zip(lows, highs, strict=True)) | tails


edges = st.integers(0, TOP).flatmap(
    lambda after: st.tuples(st.just(after), st.none() | st.integers(after + 1, TOP + 1))
)
tellings = st.tuples(edges, st.booleans(), st.integers(0, 10))


@given(st.lists(tellings, max_size=30))
def test_open_gaps_are_apart_and_hold_exactly_what_was_told_and_not_settled(
    told: list[tuple[tuple[int, int | None], bool, int]],
) -> None:
    """Now and then one of them is settled; number 10 and above: none is."""
    numbers = count(1)
    rows: dict[int, Gap] = {}
    settled: list[Gap] = []
    model = Model(set(), set())
    for (after, before), is_heard, choice in told:
        one = gap(after, before)
        for change in merge(one, list(rows.items()), settled, is_heard=is_heard):
            for number in change.of:
                del rows[number]
            if not change.is_empty:
                rows[change.of[0] if change.of else next(numbers)] = change.gap
        model.tell(one, is_heard=is_heard)
        assert {(row.after_id, row.before_id) for row in rows.values()} == model.rows()
        ended = [number for number, row in rows.items() if row.before_id is not None]
        if choice < len(ended):
            closed = rows.pop(ended[choice])
            settled.append(closed)
            held = {id for id in range(TOP + 2) if closed.holds(id)}
            model.open -= held
            model.settled |= held
