"""How many, and how late: histograms that can be added, and seconds to write down. Pure.

A percentile of several percentiles means nothing, so a latency is kept as counts in fixed buckets:
each microsecond up to 15 has its own, above that every doubling has eight. A quantile is the middle
of its bucket, so it is at most 6.25 % from the exact one. The same in sql/0014_statistics.sql.
"""

from collections.abc import Iterable
from itertools import accumulate
from math import ceil

from msgspec import Struct

from alphapulse.trade import Micros

BUCKETS = 304
CEILING = 2**40  # microseconds, some 12 days, from which on all share the last bucket
ERROR = 0.0625  # of a quantile, at the most, in parts of the exact one


def bucket_of(us: Micros) -> int:
    """Less than nothing (clocks differ) counts as nothing."""
    if us < 16:
        return max(us, 0)
    if us >= CEILING:
        return BUCKETS - 1
    shift = us.bit_length() - 4
    return (shift << 3) + (us >> shift)


def bound_of(bucket: int) -> Micros:
    """The smallest value of `bucket`; that of `BUCKETS` is where the last one ends."""
    return bucket if bucket < 16 else (8 + bucket % 8) << (bucket // 8 - 1)


def middle_of(bucket: int) -> float:
    return (bound_of(bucket) + bound_of(bucket + 1) - 1) / 2


class Histogram(Struct):
    """Counts by bucket, and the largest value, exact; it is None while nothing was counted."""

    counts: dict[int, int] = {}
    max: Micros | None = None

    def add(self, us: Micros) -> None:
        """Less than nothing counts as nothing: two clocks differ."""
        if 16 <= us < CEILING:  # as bucket_of, without the call: every trade comes through here
            shift = us.bit_length() - 4
            bucket = (shift << 3) + (us >> shift)
        else:
            bucket = bucket_of(us)
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        if self.max is None or us > self.max:
            self.max = max(us, 0)

    def take(self, other: "Histogram") -> None:
        """Count what the other one counts too."""
        counts = self.counts
        for bucket, number in other.counts.items():
            counts[bucket] = counts.get(bucket, 0) + number
        if other.max is not None and (self.max is None or other.max > self.max):
            self.max = other.max

    @property
    def total(self) -> int:
        return sum(self.counts.values())

    def quantile(self, share: float) -> float | None:
        """The value in microseconds that `share` (0 to 1) of all do not exceed: by nearest rank."""
        rank = max(1, ceil(share * self.total))
        buckets = sorted(self.counts)
        passed = accumulate(self.counts[bucket] for bucket in buckets)
        pairs = zip(buckets, passed, strict=True)
        return next((middle_of(bucket) for bucket, so_far in pairs if so_far >= rank), None)

    def text(self) -> str:
        """As PostgreSQL reads an array whose subscripts are the buckets: `[57:59]={1,0,4}`."""
        if not self.counts:
            return "{}"
        first, last = min(self.counts), max(self.counts)
        numbers = ",".join(str(self.counts.get(bucket, 0)) for bucket in range(first, last + 1))
        bounds = "" if first == 1 else f"[{first}:{last}]="  # PostgreSQL counts from 1
        return f"{bounds}{{{numbers}}}"


def merged(histograms: Iterable[Histogram]) -> Histogram:
    """The histogram of all that these count."""
    whole = Histogram()
    for one in histograms:
        whole.take(one)
    return whole


class FeedSecond(Struct, frozen=True):
    """What one market brought in a second; `lag` is of the trades that were pushed live."""

    symbol: str
    trades: int
    lag: Histogram


class CollectorSecond(Struct, frozen=True):
    """What an exchange's collector did in the second that began at `at` (Unix time).

    `queue_rows` and the journal's bytes are states, the most of the second and those at its end;
    all else are counts. `lag` is of all `feeds` together, `write` of the transactions.
    """

    exchange: str
    at: int
    feeds: tuple[FeedSecond, ...]
    lag: Histogram
    write: Histogram
    queue_rows: int
    journal_bytes: int
    journal_lag_bytes: int
    frames: int = 0
    rejected: int = 0
    bytes: int = 0
    trades: int = 0
    stored: int = 0
    repeats: int = 0
    connects: int = 0
    disconnects: int = 0
    batches: int = 0


class StreamSecond(Struct, frozen=True):
    """What the streamer did in the second that began at `at` (Unix time)."""

    at: int
    sent: int
    clients: int
    deliver: Histogram
