"""What a collector counts, second by second: plain numbers on the way, a row at the second's end.

All of it belongs to the thread of the socket. What the sink counts in its own thread only grows,
so its share of a second is a difference, and nothing is lost between two threads.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct, field

from alphapulse.statistics import CollectorSecond, FeedSecond, Histogram, merged
from alphapulse.trade import Micros, Source, Trade
from collectors.lag import Item

LIVE = Source.LIVE
SECOND = 1_000_000  # microseconds


class Standing(Struct, frozen=True):
    """Where the collector's counters stand; they only grow, but for the last three."""

    frames: int = 0
    rejected: int = 0
    bytes: int = 0
    stored: int = 0
    repeats: int = 0
    connects: int = 0
    disconnects: int = 0
    batches: int = 0
    queue_rows: int = 0
    journal_bytes: int = 0
    journal_lag_bytes: int = 0


class Line(Struct):
    """One market in the second under way."""

    trades: int = 0
    lag: Histogram = field(default_factory=Histogram)


class Tally:
    """`take` is called with what came in one read, `tick` now and then, at least once a second."""

    def __init__(
        self,
        exchange: str,
        standing: Callable[[], Standing] = Standing,
        tell: Callable[[CollectorSecond], object] = lambda _: None,
        writes: deque[Micros] | None = None,
    ) -> None:
        self.exchange = exchange
        self.standing = standing
        self.tell = tell  # of each second that is over
        self.writes = (
            deque[Micros]() if writes is None else writes
        )  # how long each transaction took that stored trades
        self.at = 0  # the second under way, in Unix time; 0: none yet
        self.lines: dict[str, Line] = {}
        self.before = Standing()
        self.totals: dict[str, Line] = {}  # of each market, up to the last turn
        self.written = Histogram()  # likewise

    def take(self, items: Sequence[Item], received_at: Micros) -> None:
        """Count trades that were received together; notes are passed over."""
        if received_at // SECOND > self.at:
            self.turn(received_at // SECOND)
        lines = self.lines
        for item in items:
            if type(item) is not Trade:
                continue
            line = lines.get(item.symbol)
            if line is None:
                line = lines[item.symbol] = Line()
            line.trades += 1
            if item.source is LIVE:
                line.lag.add(received_at - item.traded_at)

    def tick(self, now: Micros) -> None:
        """The clock may have been set back: any other second ends the one under way."""
        if now // SECOND != self.at:
            self.turn(now // SECOND)

    def turn(self, second: int) -> None:
        """What was counted before the first second began is the first one's."""
        ended, self.at = self.at, second
        if not ended:
            return
        lines, self.lines = self.lines, {}
        before, self.before = self.before, self.standing()
        for symbol, one in lines.items():
            total = self.totals.setdefault(symbol, Line())
            total.trades += one.trades
            total.lag.take(one.lag)
        self.tell(second_of(self.exchange, ended, lines, before, self.before, self.take_writes()))

    def take_writes(self) -> Histogram:
        """The sink's thread adds at the other end meanwhile."""
        found = Histogram()
        for _ in range(len(self.writes)):
            found.add(self.writes.popleft())
        self.written.take(found)
        return found


def second_of(
    exchange: str,
    at: int,
    lines: Mapping[str, Line],
    before: Standing,
    now: Standing,
    write: Histogram,
) -> CollectorSecond:
    return CollectorSecond(
        exchange=exchange,
        at=at,
        feeds=tuple(FeedSecond(symbol, one.trades, one.lag) for symbol, one in lines.items()),
        lag=merged(one.lag for one in lines.values()),
        write=write,
        queue_rows=now.queue_rows,
        journal_bytes=now.journal_bytes,
        journal_lag_bytes=now.journal_lag_bytes,
        frames=now.frames - before.frames,
        rejected=now.rejected - before.rejected,
        bytes=now.bytes - before.bytes,
        trades=sum(one.trades for one in lines.values()),
        stored=now.stored - before.stored,
        repeats=now.repeats - before.repeats,
        connects=now.connects - before.connects,
        disconnects=now.disconnects - before.disconnects,
        batches=now.batches - before.batches,
    )
