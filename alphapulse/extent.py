"""Which ids a market's day ought to hold, and which of those stand in gaps. Pure.

Ids of one market are consecutive, so the trades around a day tell. No row of the day is looked at,
but for those near its two midnights, where the order of ids and of times may disagree a little.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from enum import StrEnum
from itertools import accumulate, chain, pairwise
from math import inf

from msgspec import Struct
from msgspec.structs import replace


class Kind(StrEnum):
    """What a gap means for ids in it that are not stored; where two overlap, the earlier wins."""

    MISSING = "missing"
    ABSENT = "absent"
    REPAIRED = "repaired"  # there are none


KINDS = {
    "suspected": Kind.MISSING,
    "repairing": Kind.MISSING,
    "unrecoverable": Kind.MISSING,
    "absent": Kind.ABSENT,
    "repaired": Kind.REPAIRED,
}
RANKS = list(Kind)


class Edges(Struct, frozen=True):
    """Stored ids near a day's two midnights: of its last and first seconds, and of its neighbours'.

    Each may be empty: nothing is stored there. In no particular order.
    """

    before: Sequence[int] = ()
    first: Sequence[int] = ()
    last: Sequence[int] = ()
    after: Sequence[int] = ()


class Extent(Struct, frozen=True):
    """The ids that a day ought to hold: those above `after_id` and below `before_id`.

    The two are stored and not the day's. Where there is no such trade, `first` and `last` are as
    far as anybody knows. `strangers` lie between them and belong to other days.
    """

    first: int
    last: int
    after_id: int | None
    before_id: int | None
    first_id: int | None  # of the day's own stored trades
    last_id: int | None
    strangers: frozenset[int] = frozenset()

    @property
    def expected(self) -> int:
        return self.last - self.first + 1 - len(self.strangers)


class Hole(Struct, frozen=True):
    """A row of `gaps`; `before_id` None: nobody knows where it ends."""

    after_id: int
    before_id: int | None
    kind: Kind
    after_at: datetime
    before_at: datetime | None = None


class Piece(Struct, frozen=True):
    """Ids of an extent that stand in gaps, both ends included, and when they were traded."""

    first: int
    last: int
    kind: Kind
    since: datetime
    until: datetime | None

    @property
    def width(self) -> int:
        return self.last - self.first + 1


class Jump(Struct, frozen=True):
    """Two ids of stored trades between which none is stored that is the day's, and their times."""

    after_id: int
    before_id: int
    after_at: datetime
    before_at: datetime

    def __str__(self) -> str:
        first, last = self.after_id + 1, self.before_id - 1
        return str(first) if first == last else f"{first} to {last}"


def extent_of(edges: Edges) -> Extent | None:
    """Which ids a day ought to hold; None where nobody can say, because nothing is stored.

    An id that is not stored is taken to have been traded between its stored neighbours, so that a
    hole across midnight counts against both days.
    """
    lowest = min(chain(edges.first, edges.after), default=inf)
    highest = max(chain(edges.last, edges.before), default=-inf)
    after_id = max((id for id in edges.before if id < lowest), default=None)
    before_id = min((id for id in edges.after if id > highest), default=None)
    first = after_id + 1 if after_id is not None else min(edges.first, default=None)
    last = before_id - 1 if before_id is not None else max(edges.last, default=after_id)
    if first is None or last is None:
        return None
    strangers = frozenset(id for id in (*edges.before, *edges.after) if first <= id <= last)
    first_id, last_id = min(edges.first, default=None), max(edges.last, default=None)
    return Extent(first, last, after_id, before_id, first_id, last_id, strangers)


def pieces_of(extent: Extent, holes: Iterable[Hole]) -> list[Piece]:
    """The ids of `extent` that stand in gaps, in disjoint pieces of one kind each, in order."""
    inside = [hole for hole in holes if first_of(extent, hole) <= last_of(extent, hole)]
    inside.sort(key=lambda hole: hole.after_id)
    times = Times(inside)
    found: list[Piece] = []
    over: list[Hole] = []  # the holes around `first`
    for first, until in pairwise(cuts(extent, inside)):
        while inside and first_of(extent, inside[0]) <= first:
            over.append(inside.pop(0))
        over = [hole for hole in over if last_of(extent, hole) >= first]
        if over:
            kind = min((hole.kind for hole in over), key=RANKS.index)
            found.append(Piece(first, until - 1, kind, *times.around(first, until - 1)))
    return found


def cuts(extent: Extent, holes: Sequence[Hole]) -> list[int]:
    """The ids at which a hole begins or has just ended."""
    firsts = {first_of(extent, hole) for hole in holes}
    return sorted(firsts | {last_of(extent, hole) + 1 for hole in holes})


def first_of(extent: Extent, hole: Hole) -> int:
    return max(extent.first, hole.after_id + 1)


def last_of(extent: Extent, hole: Hole) -> int:
    return extent.last if hole.before_id is None else min(extent.last, hole.before_id - 1)


class Times:
    """When ids were traded, as far as the edges of holes tell: later ids later."""

    def __init__(self, holes: Sequence[Hole]) -> None:
        edges = {(hole.after_id, hole.after_at) for hole in holes}
        edges |= {(h.before_id, h.before_at) for h in holes if h.before_id and h.before_at}
        ordered = sorted(edges)
        self.ids = [id for id, _ in ordered]
        self.latest = list(accumulate((at for _, at in ordered), max))
        self.soonest = list(accumulate((at for _, at in reversed(ordered)), min))[::-1]

    def around(self, first: int, last: int) -> tuple[datetime, datetime | None]:
        """Between which times ids from `first` to `last`, which lie in a hole, were traded."""
        below, above = bisect_left(self.ids, first), bisect_right(self.ids, last)
        until = self.soonest[above] if above < len(self.ids) else None
        return self.latest[below - 1], until


def unexplained(extent: Extent, pieces: Iterable[Piece], jumps: Iterable[Jump]) -> list[Jump]:
    """What of `jumps` should be stored and stands in no gap that says why it is not."""
    known = [(p.first, p.last) for p in pieces if p.kind is not Kind.REPAIRED]
    known = sorted([*known, *((id, id) for id in extent.strangers)])
    return [left for jump in jumps for left in without(jump, known)]


def without(jump: Jump, known: Sequence[tuple[int, int]]) -> Iterator[Jump]:
    """The parts of `jump` that none of the sorted (first, last) holds."""
    after_id = jump.after_id
    for first, last in known:
        if last <= after_id or first >= jump.before_id:
            continue
        if first > after_id + 1:
            yield replace(jump, after_id=after_id, before_id=first)
        after_id = max(after_id, last)
    if after_id + 1 < jump.before_id:
        yield replace(jump, after_id=after_id)
