"""A backfill's arithmetic: which stretches are worth a walk, and where one goes on. Pure."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence

from msgspec import Struct

from alphapulse.trade import Gap, Market, Micros, Trade
from collectors.backfill import Walk
from collectors.exchange import Pages

SECOND: Micros = 1_000_000  # about which neighbours may be out of order where pages go by time


class Plan(Struct, frozen=True):
    """What a backfill will cost.

    `whole` is all that was wished for, `stretches` what is left to ask for, in order; the numbers
    are of what is left. `expected`: ids, of which so many are `stored`, and so many known to be
    `absent` at the exchange; None where it does not count its trades. `looks`: what planning took.
    """

    market: Market
    whole: Gap
    expected: int | None
    stored: int
    absent: int
    stretches: tuple[Gap, ...]
    requests: int | None
    seconds: float | None
    looks: int
    is_resumed: bool
    doubts: tuple[str, ...]

    @property
    def missing(self) -> int | None:
        return None if self.expected is None else self.expected - self.stored - self.absent


def ids_in(gap: Gap) -> int:
    assert gap.before_id is not None
    return gap.before_id - gap.after_id - 1


def unknown(holes: Iterable[Gap], absent: Iterable[tuple[int, int]]) -> list[Gap]:
    """Those that do not lie within a stretch which the exchange is known to lack."""
    known = sorted(absent)
    starts = [after_id for after_id, _ in known]
    found: list[Gap] = []
    for hole in holes:
        place = bisect_right(starts, hole.after_id) - 1
        if place < 0 or known[place][1] < (hole.before_id or 0):
            found.append(hole)
    return found


def worth_asking(holes: Iterable[Gap], pages: Pages) -> tuple[Gap, ...]:
    """Stretches to walk, in the order of the exchange's pages: holes are joined where one walk
    across the trades between them takes no more requests than two.
    """
    stretches: list[Gap] = []
    for hole in holes:
        joined = join(stretches[-1], hole) if stretches else hole
        apart = count_requests([*stretches[-1:], hole], pages)
        if stretches and count_requests([joined], pages) <= apart:
            stretches[-1] = joined
        else:
            stretches.append(hole)
    return tuple(reversed(stretches)) if pages.order == "down" else tuple(stretches)


def join(one: Gap, other: Gap) -> Gap:
    return Gap(one.market, one.after_id, one.after_at, other.before_id, other.before_at)


def count_requests(stretches: Sequence[Gap], pages: Pages) -> int:
    return sum(-(-ids_in(gap) // pages.rows) for gap in stretches)


def rest_of(gap: Gap, reached: tuple[int, Micros] | None, pages: Pages) -> Gap | None:
    """What is left behind `reached`; None: nothing."""
    if reached is None:
        return gap
    id, at = reached
    if pages.order == "down":
        left = Gap(gap.market, gap.after_id, gap.after_at, id, at)
    else:
        left = Gap(gap.market, id, at, gap.before_id, gap.before_at)
    return left if ids_in(left) > 0 else None


def reach(trades: Sequence[Trade], stretch: Gap, pages: Pages) -> tuple[int, Micros]:
    """Id and time up to which a page of `stretch` leaves nothing behind.

    By time that is an id below all of its last second, which is asked for once more on going on.
    """
    if pages.order == "down":
        oldest = min(trades, key=lambda trade: trade.id)
        return oldest.id, oldest.traded_at
    newest = max(trades, key=lambda trade: trade.id)
    if pages.order == "up":
        return newest.id, newest.traded_at
    at = max(trade.traded_at for trade in trades)
    last = min(trade.id for trade in trades if trade.traded_at > at - SECOND)
    return max(stretch.after_id, last - 1), at


def far_end(stretch: Gap, pages: Pages) -> tuple[int, Micros]:
    """Where `reached` stands when the whole of `stretch` was walked."""
    if pages.order == "down":
        return stretch.after_id + 1, stretch.after_at
    assert stretch.before_id is not None
    at = stretch.after_at if stretch.before_at is None else stretch.before_at
    return stretch.before_id - 1, at


def untold(walk: Walk, pages: Pages) -> Gap | None:
    """The part of a walked stretch that its pages did not come to: nobody knows what is there."""
    gap = walk.gap
    if pages.order == "down":
        end = walk.oldest_id if walk.oldest_id is not None else gap.before_id
        assert end is not None
        left = Gap(gap.market, gap.after_id, gap.after_at, end, gap.before_at)
    else:
        start = walk.newest_id if walk.newest_id is not None else gap.after_id
        left = Gap(gap.market, start, gap.after_at, gap.before_id, gap.before_at)
    return left if ids_in(left) > 0 else None
