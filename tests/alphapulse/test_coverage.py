"""The verdict on a market's day, against a brute force over the sets of ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.coverage import Coverage, Facts, Verdict, judge, share
from alphapulse.extent import (
    KINDS,
    Edges,
    Extent,
    Hole,
    Jump,
    Kind,
    Piece,
    extent_of,
    pieces_of,
    unexplained,
)
from tests.stored import BTC_DAY

NOON = BTC_DAY.starts_at + timedelta(hours=12)
LATER = BTC_DAY.ends_at + timedelta(hours=1)
OPEN = ("suspected", "repairing", "unrecoverable")


@dataclass(frozen=True)
class World:
    """Which ids are stored, in which day (-1 before, 0 the day, 1 after), and the gaps."""

    days: dict[int, int]
    holes: list[tuple[int, int | None, str]]

    def of(self, day: int) -> list[int]:
        return [id for id, of in self.days.items() if of == day]

    def edges(self) -> Edges:
        return Edges(self.of(-1), self.of(0), self.of(0), self.of(1))

    def facts(self, **others: Any) -> Facts:
        extent = extent_of(self.edges())
        holes = [Hole(a, b, KINDS[state], NOON) for a, b, state in self.holes]
        pieces = pieces_of(extent, holes) if extent else []
        stored = [sum(p.first <= id <= p.last for id in self.of(0)) for p in pieces]
        counted = len(self.of(0))
        given: dict[str, Any] = {"day": BTC_DAY, "now": LATER, "counted": counted}
        given |= others
        return Facts(extent=extent, pieces=pieces, stored=stored, **given)

    def names(self) -> list[Jump]:
        """What no gap explains."""
        facts = self.facts()
        if facts.extent is None:
            return []
        low, high = facts.extent.first - 1, facts.extent.last + 1
        ids = sorted({low, *self.of(0), high})
        pairs = [Jump(a, b, NOON, NOON) for a, b in pairwise(ids) if b > a + 1]
        return unexplained(facts.extent, facts.pieces, pairs)


@dataclass
class Sets:
    """The same by sets: what each id that the day ought to hold is."""

    stored: set[int]
    absent: set[int]
    missing: set[int]
    unexplained: set[int]
    repaired: set[int]
    sees_beginning: bool
    sees_end: bool


def brute_force(world: World) -> Sets | None:
    own, others = set(world.of(0)), set(world.of(-1)) | set(world.of(1))
    inner = own | set(world.of(1))
    outer = own | set(world.of(-1))
    below = {id for id in world.of(-1) if all(id < other for other in inner)}
    above = {id for id in world.of(1) if all(id > other for other in outer)}
    first = max(below) + 1 if below else min(own, default=None)
    last = min(above) - 1 if above else max(own | {(first or 1) - 1})
    if first is None:
        return None
    ought = set(range(first, last + 1)) - others
    found = Sets(ought & own, set(), set(), set(), set(), bool(below), bool(above))
    for id in ought:
        states = {s for a, b, s in world.holes if id > a and (b is None or id < b)}
        if id in own:
            if states:
                found.repaired.add(id)
        elif states & set(OPEN):
            found.missing.add(id)
        elif "absent" in states:
            found.absent.add(id)
        else:
            found.unexplained.add(id)
    return found


@st.composite
def worlds(draw: st.DrawFn, *, states: Sequence[str] = tuple(KINDS)) -> World:
    """Consecutive ids over three days, a little out of order at each midnight, some not stored."""
    size = draw(st.integers(0, 40))
    start = draw(st.integers(1, 5))
    cuts = sorted(draw(st.tuples(st.integers(0, size), st.integers(0, size))))
    days = {}
    for place in range(size):
        at = place + draw(st.integers(-2, 2))
        days[start + place] = -1 if at < cuts[0] else 0 if at < cuts[1] else 1
    dropped = draw(st.sets(st.sampled_from(sorted(days)))) if days else set()
    spans = st.tuples(st.integers(0, 46), st.none() | st.integers(2, 15), st.sampled_from(states))
    holes = [
        (after, None if width is None else after + width, state)
        for after, width, state in draw(st.lists(spans, max_size=6))
    ]
    return World({id: day for id, day in days.items() if id not in dropped}, holes)


@given(worlds(states=(*OPEN, "absent")))
def test_counts_and_verdict_equal_a_brute_force_over_the_sets(world: World) -> None:
    sets = brute_force(world)
    names = world.names()
    found = judge(world.facts(unexplained=names))
    if sets is None:
        assert (found.verdict, found.expected) == (Verdict.INCOMPLETE, 0)
        return
    assert (found.missing, found.absent) == (len(sets.missing), len(sets.absent))
    assert found.unexplained == len(sets.unexplained)
    assert found.stored == len(sets.stored) + len(sets.unexplained)
    assert found.repaired == len(sets.repaired)
    assert found.expected == sum(
        map(len, (sets.stored, sets.missing, sets.absent, sets.unexplained))
    )
    assert {id for j in names for id in range(j.after_id + 1, j.before_id)} == sets.unexplained
    assert found.verdict == expected_verdict(sets)
    assert found.is_provisional == (not sets.sees_end)


def expected_verdict(sets: Sets) -> Verdict:
    is_proven = sets.sees_beginning and sets.sees_end
    if sets.missing or sets.unexplained or not is_proven:
        return Verdict.INCOMPLETE
    return Verdict.WITH_ABSENCES if sets.absent else Verdict.COMPLETE


@given(worlds())
def test_repaired_gaps_never_hide_that_a_row_is_not_there(world: World) -> None:
    sets = brute_force(world)
    found = judge(world.facts())
    if sets and found.verdict.is_whole:
        assert not sets.missing and not sets.unexplained
        assert found.expected == len(sets.stored) + len(sets.absent)


@given(worlds(states=("suspected", "absent")))
def test_without_a_count_the_gaps_alone_decide(world: World) -> None:
    found = judge(world.facts(counted=None))
    sets = brute_force(world)
    assert found.unexplained == 0
    if sets:
        assert (found.missing, found.absent) == (len(sets.missing), len(sets.absent))


def tell(edges: Edges, *holes: tuple[int, int | None, str], **others: Any) -> Coverage:
    extent = extent_of(edges)
    assert extent
    pieces = pieces_of(extent, [Hole(a, b, KINDS[state], NOON) for a, b, state in holes])
    given: dict[str, Any] = {"day": BTC_DAY, "now": LATER, "stored": [0] * len(pieces)}
    given |= others
    return judge(Facts(extent=extent, pieces=pieces, **given))


WHOLE = Edges(before=[9], first=[10], last=[20], after=[21])


def test_a_day_with_every_id_is_complete() -> None:
    found = tell(WHOLE, counted=11, observed=0.5)
    assert (found.verdict, found.expected, found.stored) == (Verdict.COMPLETE, 11, 11)
    assert (found.first_id, found.last_id, found.after_id, found.before_id) == (10, 20, 9, 21)
    assert found.reason == "every id from 10 to 20 is stored"
    assert found.observed == 0.5


def test_a_day_without_a_trade_is_complete_when_its_neighbours_adjoin() -> None:
    found = tell(Edges(before=[9], after=[10]))
    assert (found.verdict, found.expected, found.first_id) == (Verdict.COMPLETE, 0, None)


@pytest.mark.parametrize("state", OPEN)
def test_ids_of_a_gap_that_is_not_repaired_are_missing(state: str) -> None:
    found = tell(WHOLE, (12, 16, state))
    assert (found.verdict, found.missing, found.stored) == (Verdict.INCOMPLETE, 3, 8)
    assert found.reason == "3 ids are missing"
    assert not found.is_provisional


def test_ids_that_the_exchange_lacks_do_not_block_the_day() -> None:
    found = tell(WHOLE, (12, 14, "absent"), (15, 17, "absent"))
    assert (found.verdict, found.absent) == (Verdict.WITH_ABSENCES, 2)
    assert found.reason == "2 ids are absent at the exchange"


def test_a_late_row_in_an_absent_gap_counts_as_stored() -> None:
    found = tell(WHOLE, (12, 14, "absent"), stored=[1])
    assert (found.verdict, found.absent, found.repaired) == (Verdict.COMPLETE, 0, 1)


def test_a_hole_across_midnight_counts_against_both_days() -> None:
    yesterday = Edges(before=[9], first=[10], last=[20], after=[31])
    today = Edges(before=[20], first=[31], last=[40], after=[41])
    hole = (20, 31, "suspected")
    assert [tell(day, hole).missing for day in (yesterday, today)] == [10, 10]


def test_ids_out_of_order_at_midnight_are_counted_where_they_were_traded() -> None:
    found = tell(Edges(before=[9, 11], first=[10, 12], last=[18, 20], after=[19, 21]), counted=9)
    assert (found.verdict, found.expected) == (Verdict.COMPLETE, 9)


def test_the_first_captured_day_is_incomplete() -> None:
    found = tell(Edges(first=[10], last=[20], after=[21]))
    assert found.verdict is Verdict.INCOMPLETE
    assert found.reason == "nobody saw its beginning: no earlier trade is stored"
    assert not found.is_provisional


def test_a_day_after_which_no_trade_came_is_not_proven() -> None:
    found = tell(Edges(before=[9], first=[10], last=[20]))
    assert (found.verdict, found.missing, found.is_provisional) == (Verdict.INCOMPLETE, 0, True)
    assert found.reason == "not proven: no later trade has come yet"


def test_a_day_that_is_not_over_is_judged_so_far() -> None:
    found = tell(Edges(before=[9], first=[10], last=[20]), (12, 14, "suspected"), now=NOON)
    assert (found.verdict, found.expected, found.is_provisional) == (Verdict.INCOMPLETE, 11, True)
    assert found.reason == "1 id is missing; the day is not over"


def test_nothing_stored_is_no_proof() -> None:
    found = judge(Facts(BTC_DAY, LATER, None))
    assert found.verdict is Verdict.INCOMPLETE
    assert "nothing is stored" in found.reason


def test_unexplained_ids_name_themselves() -> None:
    names = [Jump(12, 15, NOON, NOON), Jump(16, 18, NOON, NOON)]
    found = tell(WHOLE, counted=8, unexplained=names)
    assert (found.verdict, found.unexplained) == (Verdict.INCOMPLETE, 3)
    assert found.reason == "3 unexplained ids: not stored, and in no gap: 13 to 14, 17"


def test_rows_beyond_what_ids_allow_are_unexplained_too() -> None:
    found = tell(WHOLE, counted=12)
    assert (found.verdict, found.unexplained) == (Verdict.INCOMPLETE, 1)
    assert "rows beyond those" in found.reason


def test_where_ids_are_not_consecutive_uptime_is_all_there_is() -> None:
    found = tell(WHOLE, (12, None, "suspected"), counted=5, observed=0.987, counts_trades=False)
    assert (found.verdict, found.stored, found.expected) == (Verdict.UNKNOWN, 5, None)
    assert "observed 98.700% of the day" in found.reason
    assert "1 interruptions are not repaired" in found.reason


def test_where_gaps_overlap_what_is_open_wins() -> None:
    extent = Extent(1, 10, 0, 11, 1, 10)
    holes = [
        Hole(2, 9, Kind.REPAIRED, NOON),
        Hole(4, 8, Kind.ABSENT, NOON, LATER),
        Hole(5, 7, Kind.MISSING, LATER),
    ]
    assert [(p.first, p.last, p.kind) for p in pieces_of(extent, holes)] == [
        (3, 4, Kind.REPAIRED),
        (5, 5, Kind.ABSENT),
        (6, 6, Kind.MISSING),
        (7, 7, Kind.ABSENT),
        (8, 8, Kind.REPAIRED),
    ]


def test_a_piece_was_traded_between_the_nearest_known_times() -> None:
    first, second, third = (NOON + timedelta(minutes=n) for n in range(3))
    holes = [Hole(1, None, Kind.MISSING, first), Hole(4, 7, Kind.ABSENT, second, third)]
    assert pieces_of(Extent(1, 10, 0, 11, 1, 10), holes) == [
        Piece(2, 4, Kind.MISSING, first, third),
        Piece(5, 6, Kind.MISSING, second, third),
        Piece(7, 10, Kind.MISSING, second, None),
    ]


def test_a_gap_without_an_end_reaches_to_the_end_of_the_day() -> None:
    (piece,) = pieces_of(Extent(1, 10, 0, 11, 1, 10), [Hole(7, None, Kind.MISSING, NOON)])
    assert (piece.first, piece.last) == (8, 10)


SECONDS = st.integers(-50, 150)


@given(st.lists(st.tuples(SECONDS, st.integers(0, 60)), max_size=8))
def test_the_share_is_that_of_the_union(spans: list[tuple[int, int]]) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    intervals = [
        (start + timedelta(seconds=at), start + timedelta(seconds=at + width))
        for at, width in spans
    ]
    covered = sum(any(at <= second < at + width for at, width in spans) for second in range(100))
    assert share(intervals, start, start + timedelta(seconds=100)) == pytest.approx(covered / 100)


def test_of_no_time_nothing_was_observed() -> None:
    assert share([(NOON, LATER)], NOON, NOON) == 0
