"""What an exchange publishes and when: `advance` puts everything due on the tapes and returns it.

A feed has no clock: it is told the instant. Batches make their text only when somebody reads it.
"""

from bisect import bisect_right
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from math import inf
from typing import Protocol, TypeAlias

from msgspec import Struct

from alphapulse.trade import Micros
from replay.dialect import Dialect
from replay.recording import Frame, Recording
from replay.simulated import BLOCK, SimulatedMarket
from replay.tape import Columns, Digits, Print, Tape


class SimulatedBatch(Struct, frozen=True):
    """What one market published in one turn."""

    symbol: str
    columns: Columns
    start: int
    stop: int
    digits: Digits

    def is_for(self, symbols: AbstractSet[str]) -> bool:
        return self.symbol in symbols

    def prints(self) -> list[Print]:
        return self.columns.prints(self.start, self.stop, self.digits)


class RecordedBatch(Struct, frozen=True):
    """One recorded frame; without symbols it is for everyone."""

    raw: str
    symbols: frozenset[str]

    def is_for(self, symbols: AbstractSet[str]) -> bool:
        return bool(symbols) and (not self.symbols or bool(self.symbols & symbols))


Batch: TypeAlias = SimulatedBatch | RecordedBatch


def texts(batch: Batch, dialect: Dialect, form: str) -> list[str]:
    """The frames of a batch."""
    if isinstance(batch, RecordedBatch):
        return [batch.raw]
    return dialect.trade_frames(form, batch.symbol, batch.prints())


class Feed(Protocol):
    dialect: Dialect
    tapes: dict[str, Tape]
    origin: Micros  # when it begins
    pace: float  # frames per second, on average

    def next_at(self) -> Micros | None: ...  # None: it has ended
    def advance(self, now: Micros) -> list[Batch]: ...
    def catch_up(self, now: Micros) -> None: ...  # publish the past at once
    def withhold(self, symbol: str, trades: int) -> None: ...  # the next ones never happen
    def twin(self) -> "Feed": ...  # from the beginning, with tapes of its own


class Head:
    """Where one simulated market stands. `left`: trades still to come."""

    def __init__(self, market: SimulatedMarket, tape: Tape, left: float) -> None:
        self.market = market
        self.tape = tape
        self.left = left
        self.withheld = 0
        self.number = 0
        self.place = 0
        self.columns = market.block(0)

    def next_at(self) -> Micros | None:
        return self.columns.times[self.place] if self.left > 0 else None

    def skip(self, now: Micros) -> None:
        """Leave out blocks so old that the tape would have forgotten them."""
        number = self.market.block_at(now) - self.tape.limit // BLOCK - 1
        if number > self.number and self.left == inf:
            self.number, self.place, self.columns = number, 0, self.market.block(number)

    def advance(self, now: Micros) -> list[Batch]:
        batches: list[Batch] = []
        while (at := self.next_at()) is not None and at <= now:
            due = bisect_right(self.columns.times, now, self.place)
            batches += self.publish(int(min(due, self.place + self.left)))
        return batches

    def publish(self, stop: int) -> list[Batch]:
        start = self.place
        kept = min(stop, start + self.withheld)
        self.withheld -= kept - start
        self.left -= stop - start
        columns = self.columns
        self.move(stop)
        if kept == stop:
            return []
        self.tape.extend(columns, kept, stop)
        return [SimulatedBatch(self.tape.market.symbol, columns, kept, stop, self.tape.digits)]

    def move(self, place: int) -> None:
        self.place = place
        if place == len(self.columns):
            self.number, self.place = self.number + 1, 0
            self.columns = self.market.block(self.number)


class SimulatedFeed:
    """All simulated markets of one exchange; `trades` None: without end."""

    def __init__(
        self,
        dialect: Dialect,
        markets: Sequence[SimulatedMarket],
        trades: int | None,
        limit: int,
    ) -> None:
        self.dialect = dialect
        self.markets = markets
        self.trades = trades
        self.limit = limit
        self.origin = min(market.start for market in markets)
        self.pace = sum(market.rate for market in markets)
        self.tapes = {m.market.symbol: Tape(m.market, m.digits, limit) for m in markets}
        left = inf if trades is None else trades
        self.heads = [Head(m, self.tapes[m.market.symbol], left) for m in markets]

    def next_at(self) -> Micros | None:
        return min((at for head in self.heads if (at := head.next_at()) is not None), default=None)

    def advance(self, now: Micros) -> list[Batch]:
        return [batch for head in self.heads for batch in head.advance(now)]

    def catch_up(self, now: Micros) -> None:
        """As far as the tapes reach back."""
        for head in self.heads:
            head.skip(now)
            head.advance(now)

    def withhold(self, symbol: str, trades: int) -> None:
        for head in self.heads:
            if head.tape.market.symbol == symbol:
                head.withheld += trades

    def twin(self) -> "SimulatedFeed":
        return SimulatedFeed(self.dialect, self.markets, self.trades, self.limit)


class RecordedFeed:
    """Recordings of one exchange, merged by the time of receipt."""

    def __init__(self, recordings: Sequence[Recording]) -> None:
        self.recordings = recordings
        self.dialect = recordings[0].dialect
        frames = [frame for recording in recordings for frame in recording.frames]
        self.frames: list[Frame] = sorted(frames, key=lambda frame: frame.at)
        self.times = [frame.at for frame in self.frames]
        self.tapes = Recording(self.dialect, self.frames).tapes()
        self.origin = self.times[0]
        self.pace = len(self.frames) / max(1e-6, (self.times[-1] - self.origin) / 1e6)
        self.place = 0
        self.withheld: dict[str, int] = {}

    def next_at(self) -> Micros | None:
        return self.times[self.place] if self.place < len(self.times) else None

    def advance(self, now: Micros) -> list[Batch]:
        stop = bisect_right(self.times, now, self.place)
        due, self.place = self.frames[self.place : stop], stop
        return [RecordedBatch(frame.raw, frame.symbols) for frame in due if self.publish(frame)]

    def catch_up(self, now: Micros) -> None:
        self.advance(now)

    def publish(self, frame: Frame) -> bool:
        """Whether the frame happens. A hole swallows whole frames: what is left is as recorded."""
        if any(self.withheld.get(symbol) for symbol in frame.symbols):
            for symbol, _ in frame.trades:
                self.withheld[symbol] = max(0, self.withheld.get(symbol, 0) - 1)
            return False
        for symbol, print in frame.trades:
            self.tapes[symbol].add(print)
        return True

    def withhold(self, symbol: str, trades: int) -> None:
        self.withheld[symbol] = self.withheld.get(symbol, 0) + trades

    def twin(self) -> "RecordedFeed":
        return RecordedFeed(self.recordings)
