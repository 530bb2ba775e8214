"""What a reported gap does to the open ones of its market. Pure.

A gap is what lies between two ids: gaps touch when no id lies between them, and touching open gaps
are one. What was settled before (repaired, absent, given up) stays settled: only the rest is open.

A gap without an end is a question, a tail: it says that nobody listened, not that something is
missing. It stays apart from gaps with an end, above them all, and whoever heard a trade behind its
beginning since has shown its end. There is one at the most.
"""

from collections.abc import Iterable, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from alphapulse.trade import Gap

Stretch: TypeAlias = tuple[Gap, tuple[int, ...]]  # with the numbers of the rows it comes from


class Change(Struct, frozen=True):
    """`gap` takes the place of the rows `of`, the first of which stays; none: it is a new one.

    A gap that has no room for an id asks for those rows to be removed.
    """

    gap: Gap
    of: tuple[int, ...]

    @property
    def is_empty(self) -> bool:
        return is_empty(self.gap)


def merge(
    told: Gap, open: Sequence[tuple[int, Gap]], settled: Iterable[Gap], *, is_heard: bool
) -> list[Change]:
    """The rows to write, where `open` are (number, gap) from the oldest on.

    `is_heard`: the trade at the end of `told` was heard, and somebody has listened since.
    """
    ages = {number: age for age, (number, _) in enumerate(open)}
    rows = [(cut(gap, told, is_heard=is_heard), (number,)) for number, gap in open]
    found: list[Stretch] = [*((gap, ()) for gap in without(told, settled)), *rows]
    ended = joined(stretch for stretch in found if stretch[0].before_id is not None)
    tails = [stretch for stretch in found if stretch[0].before_id is None]
    changes = []
    for gap, numbers in apart(ended, tails):
        of = tuple(sorted(numbers, key=ages.__getitem__))
        is_asked = told.before_id is None and gap.before_id is None
        if len(of) != 1 or is_asked or span(gap) != span(dict(open)[of[0]]):
            changes.append(Change(gap, of))
    return [change for change in changes if change.of or not change.is_empty]


def cut(gap: Gap, told: Gap, *, is_heard: bool) -> Gap:
    """`gap`, which if it is a tail ends where `told` shows that a trade was heard behind it."""
    if gap.before_id is not None:
        return gap
    if told.before_id is not None and not is_heard:
        return gap
    is_tail = told.before_id is None
    id, at = (told.after_id, told.after_at) if is_tail else (told.before_id, told.before_at)
    return replace(gap, before_id=id, before_at=at) if (id or 0) > gap.after_id else gap


def without(gap: Gap, settled: Iterable[Gap]) -> list[Gap]:
    """What of `gap` no settled one holds; those without an end settle nothing."""
    pieces = [gap]
    for one in settled:
        if one.before_id is not None:
            pieces = [piece for whole in pieces for piece in around(whole, one)]
    return pieces


def around(gap: Gap, settled: Gap) -> list[Gap]:
    """The parts of `gap` below and above a settled one, which has an end."""
    assert settled.before_id is not None
    last_id = settled.before_id - 1
    reaches_it = gap.before_id is None or gap.before_id > settled.after_id + 1
    if not reaches_it or gap.after_id >= last_id:
        return [gap]
    pieces = []
    if gap.after_id < settled.after_id:
        pieces.append(replace(gap, before_id=settled.after_id + 1, before_at=settled.after_at))
    if gap.before_id is None or gap.before_id > settled.before_id:
        pieces.append(above(gap, settled))
    return pieces


def above(gap: Gap, other: Gap) -> Gap:
    """`gap` from the end of `other` on."""
    assert other.before_id is not None
    at = other.after_at if other.before_at is None else other.before_at
    return replace(gap, after_id=other.before_id - 1, after_at=at)


def joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Those with an end that touch become one, which keeps all their numbers."""
    result: list[Stretch] = []
    for gap, numbers in sorted(stretches, key=lambda stretch: stretch[0].after_id):
        last = result[-1][0] if result else gap
        if result and gap.after_id < (last.before_id or 0):
            result[-1] = (union(last, gap), result[-1][1] + numbers)
        else:
            result.append((gap, numbers))
    return result


def union(one: Gap, other: Gap) -> Gap:
    """From the lower edge of both to the upper one; both have an end."""
    low = min(one, other, key=lambda gap: (gap.after_id, gap.after_at))
    high = max(one, other, key=lambda gap: (gap.before_id or 0, gap.before_at or 0))
    return replace(low, before_id=high.before_id, before_at=high.before_at)


def apart(ended: list[Stretch], tails: list[Stretch]) -> list[Stretch]:
    """All of them, with one tail, which begins where the last gap with an end ends."""
    if not tails:
        return ended
    tail = min((gap for gap, _ in tails), key=lambda gap: (gap.after_id, gap.after_at))
    numbers = tuple(number for _, each in tails for number in each)
    holding = (gap for gap, _ in ended if not is_empty(gap))
    top = max(holding, key=lambda gap: gap.before_id or 0, default=tail)
    if top.before_id is not None and top.before_id > tail.after_id + 1:
        below = replace(tail, before_id=top.before_id, before_at=top.before_at)
        return [*joined([*ended, (below, ())]), (above(tail, top), numbers)]
    return [*ended, (tail, numbers)]


def is_empty(gap: Gap) -> bool:
    return gap.before_id == gap.after_id + 1


def span(gap: Gap) -> tuple[int, int | None]:
    return gap.after_id, gap.before_id
