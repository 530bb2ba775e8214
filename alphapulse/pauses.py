"""When a market is silent: judged by the pauses that it makes itself. Pure.

A market's limit is LENGTHENED times the pause that it exceeded only three times in the last week,
around this hour of the day where that is enough to go by, and never less than FLOOR. Three times
may so be anything: an outage of the exchange, a holiday. What a random market does beyond that
is counted in tests/alphapulse/test_pauses.py and told in docs/operations.md.
"""

from collections.abc import Iterable
from datetime import datetime
from heapq import nlargest

from msgspec import Struct

KEPT = 4  # longest pauses kept of each hour, so that the week's fourth longest is known
DAYS = 7  # that count
ENOUGH = 100  # pauses to go by
LENGTHENED = 3.0
FLOOR = 60.0  # seconds
UNKNOWN = 6 * 3600.0  # seconds, for a market of which little is known


class Hour(Struct, frozen=True):
    """The pauses that ended within one hour of one day; `of_day` is that hour in UTC, 0 to 23."""

    of_day: int
    pauses: int
    longest: tuple[float, ...]  # seconds, at most KEPT


class Limit(Struct, frozen=True):
    """How long a market may be silent, in seconds, and by how many pauses we know."""

    seconds: float
    pauses: int
    basis: str


class Silence(Struct, frozen=True):
    """A market at one instant. `newest_at`: its newest trade; None: it never traded."""

    exchange: str
    symbol: str
    newest_at: datetime | None
    since: datetime  # the newest trade, or else when the market was first seen
    seconds: float
    limit: Limit

    @property
    def is_silent(self) -> bool:
        return self.seconds > self.limit.seconds


def limit_of(hours: Iterable[Hour], of_day: int) -> Limit:
    """The limit at this hour of the day, by the hours of the last DAYS."""
    known = list(hours)
    near = [hour for hour in known if (hour.of_day - of_day + 1) % 24 <= 2]
    for basis, some in ((f"the hours around {of_day:02d}:00", near), ("all hours", known)):
        pauses = sum(hour.pauses for hour in some)
        if pauses >= ENOUGH:
            return Limit(max(FLOOR, LENGTHENED * fourth_longest(some)), pauses, basis)
    pauses = sum(hour.pauses for hour in known)
    longest = max((pause for hour in known for pause in hour.longest), default=0.0)
    return Limit(max(UNKNOWN, LENGTHENED * longest), pauses, "too little to go by")


def fourth_longest(hours: Iterable[Hour]) -> float:
    found = nlargest(KEPT, (pause for hour in hours for pause in hour.longest))
    return found[-1] if found else 0.0
