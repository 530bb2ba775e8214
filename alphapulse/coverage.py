"""Whether a market's day is whole: verdicts that follow from the data. Pure.

`complete` is a proof: it is not said of a day that is not over, whose beginning nobody saw, or
after which no trade has come yet.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TypeAlias

from msgspec import Struct

from alphapulse.day import MarketDay
from alphapulse.extent import Extent, Jump, Kind, Piece

Interval: TypeAlias = tuple[datetime, datetime]

NAMED = 3  # unexplained stretches of ids that a reason names


class Verdict(StrEnum):
    COMPLETE = "complete"
    WITH_ABSENCES = "complete with absences"  # the exchange's own record lacks the ids too
    INCOMPLETE = "incomplete"
    UNKNOWN = "unknown"  # ids of this market are not consecutive

    @property
    def is_whole(self) -> bool:
        return self in {Verdict.COMPLETE, Verdict.WITH_ABSENCES}


class Facts(Struct, frozen=True):
    """All that a verdict follows from.

    `stored` tells of each of `pieces` how many of the day's rows have its ids (of a repaired one
    nobody asks); `counted` is the exact number of the day's rows, where somebody counted them;
    `unexplained` are ids that should be stored, are not, and stand in no gap.
    """

    day: MarketDay
    now: datetime
    extent: Extent | None
    pieces: Sequence[Piece] = ()
    stored: Sequence[int] = ()
    observed: float | None = None
    counted: int | None = None
    unexplained: Sequence[Jump] = ()
    counts_trades: bool = True

    @property
    def is_over(self) -> bool:
        return self.now >= self.day.ends_at


class Coverage(Struct, frozen=True):
    """The judgement of one market's day; counts are of ids, None where ids are not consecutive.

    `observed` is the share of the day (so far) during which a connection served the market.
    `is_provisional`: it may change without any repair, because the day or its proof is not over.
    """

    first_id: int | None
    last_id: int | None
    after_id: int | None
    before_id: int | None
    expected: int | None
    stored: int | None
    repaired: int | None
    absent: int | None
    missing: int | None
    unexplained: int
    observed: float | None
    verdict: Verdict
    reason: str
    is_provisional: bool


def judge(facts: Facts) -> Coverage:
    if not facts.counts_trades:
        return judge_by_uptime(facts)
    extent = facts.extent
    if extent is None:
        why = "nothing is stored of this day, nor of any before it"
        return coverage(facts, Extent(0, -1, None, None, None, None), [why])
    return coverage(facts, extent, list(complaints(facts, extent)))


def coverage(facts: Facts, extent: Extent, why: list[str]) -> Coverage:
    absent = unstored(facts, Kind.ABSENT)
    missing = unstored(facts, Kind.MISSING)
    verdict = Verdict.INCOMPLETE
    if not why:
        verdict = Verdict.WITH_ABSENCES if absent else Verdict.COMPLETE
    if absent:
        why = [*why, f"{ids(absent)} absent at the exchange"]
    return Coverage(
        first_id=extent.first_id,
        last_id=extent.last_id,
        after_id=extent.after_id,
        before_id=extent.before_id,
        expected=extent.expected,
        stored=extent.expected - missing - absent,
        repaired=repaired(facts),
        absent=absent,
        missing=missing,
        unexplained=abs(surplus(facts, extent)),
        observed=facts.observed,
        verdict=verdict,
        reason="; ".join(why) or f"every id from {extent.first} to {extent.last} is stored",
        is_provisional=not facts.is_over or extent.before_id is None,
    )


def complaints(facts: Facts, extent: Extent) -> Iterator[str]:
    """Everything that stands between this day and its proof."""
    if missing := unstored(facts, Kind.MISSING):
        yield f"{ids(missing)} missing"
    if difference := surplus(facts, extent):
        yield describe_surplus(difference, facts.unexplained)
    if extent.after_id is None:
        yield "nobody saw its beginning: no earlier trade is stored"
    if not facts.is_over:
        yield "the day is not over"
    elif extent.before_id is None:
        yield "not proven: no later trade has come yet"


def unstored(facts: Facts, kind: Kind) -> int:
    return sum(
        own_ids(facts, piece) - stored
        for piece, stored in zip(facts.pieces, facts.stored, strict=True)
        if piece.kind is kind
    )


def repaired(facts: Facts) -> int:
    """Ids of the day that stood in a gap and are stored now."""
    return sum(
        own_ids(facts, piece) if piece.kind is Kind.REPAIRED else stored
        for piece, stored in zip(facts.pieces, facts.stored, strict=True)
    )


def own_ids(facts: Facts, piece: Piece) -> int:
    others = facts.extent.strangers if facts.extent else ()
    return piece.width - sum(piece.first <= id <= piece.last for id in others)


def surplus(facts: Facts, extent: Extent) -> int:
    """How many ids should be stored, as far as gaps tell, and are not; below zero: are, and
    should not.
    """
    if facts.counted is None:
        return 0
    known = unstored(facts, Kind.ABSENT) + unstored(facts, Kind.MISSING)
    return extent.expected - known - facts.counted


def describe_surplus(difference: int, unexplained: Sequence[Jump]) -> str:
    if difference < 0:
        return f"{-difference} unexplained ids: rows beyond those that the day ought to hold"
    listed = ", ".join(map(str, unexplained[:NAMED])) + (", …" if len(unexplained) > NAMED else "")
    return f"{difference} unexplained ids: not stored, and in no gap" + (
        f": {listed}" if listed else ""
    )


def judge_by_uptime(facts: Facts) -> Coverage:
    """Where ids are not consecutive, nothing proves a day; say what is known."""
    open_gaps = sum(piece.kind is Kind.MISSING for piece in facts.pieces)
    known = ["ids of this market are not consecutive: its days cannot be proven"]
    if facts.observed is not None:
        known.append(f"observed {facts.observed:.3%} of the day")
    if open_gaps:
        known.append(f"{open_gaps} interruptions are not repaired")
    if not facts.is_over:
        known.append("the day is not over")
    first_id, last_id = (
        (facts.extent.first_id, facts.extent.last_id) if facts.extent else (None,) * 2
    )
    return Coverage(
        first_id=first_id,
        last_id=last_id,
        after_id=None,
        before_id=None,
        expected=None,
        stored=facts.counted,
        repaired=None,
        absent=None,
        missing=None,
        unexplained=0,
        observed=facts.observed,
        verdict=Verdict.UNKNOWN,
        reason="; ".join(known),
        is_provisional=not facts.is_over,
    )


def share(intervals: Iterable[Interval], since: datetime, until: datetime) -> float:
    """How much of the time from `since` to `until` the union of `intervals` covers, 0 to 1."""
    covered, reached = timedelta(), since
    for start, end in sorted(intervals):
        begin, reach = max(start, reached), min(end, until)
        if begin < reach:
            covered += reach - begin
            reached = reach
    return covered / (until - since) if until > since else 0.0


def ids(number: int) -> str:
    return f"{number:,} id is" if number == 1 else f"{number:,} ids are"
