"""What the sink's thread does with PostgreSQL: claim, store, write notes down."""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from time import monotonic_ns, time

from msgspec import Struct

from alphapulse.store.claims import claim
from alphapulse.store.connect import Store, connect
from alphapulse.store.gaps import refuse_market, report, serve_markets
from alphapulse.store.mending import settle
from alphapulse.store.writing import DAY, UNFIT, TradeWriter, insert_each
from alphapulse.trade import Market, Micros, Trade
from collectors.action import Late, Quarantine, Report, Serve
from collectors.lag import Item, Note, Queued
from collectors.segments import Position

log = logging.getLogger(__name__)

MOST_WRITES = 100_000  # times of transactions that wait for being counted


class Counters(Struct):
    """What the sink did so far, for status and metrics."""

    stored: int = 0
    repeated: int = 0
    refused: int = 0
    gaps: int = 0
    commits: int = 0
    reconnects: int = 0
    queue_peak: int = 0
    times_full: int = 0
    times_behind: int = 0
    drained: int = 0  # items that came from the journal
    stored_at: float = 0.0  # seconds since the epoch; 0: nothing yet


class Deposit:
    """The one connection that writes `exchange`, made anew when it was lost."""

    def __init__(self, url: str, exchange: str, name: str) -> None:
        self.url = url
        self.exchange = exchange
        self.name = name
        self.counters = Counters()
        self.writes: deque[Micros] = deque(maxlen=MOST_WRITES)  # how long each one took
        self.prepare: Callable[[Store], object] = lambda _: None  # of each new connection
        self.on_gap: Callable[[], object] = lambda: None
        self.writer: TradeWriter | None = None
        self.server_process = 0  # PostgreSQL's, of our last connection
        self.today = 0

    def connect(self) -> TradeWriter:
        """Raises AlreadyCollected when another collector came while we were away."""
        store = connect(self.url, self.name)
        try:
            self.prepare(store)
            claim(store, self.exchange, self.server_process)
        except BaseException:
            store.close()
            raise
        self.server_process = store.info.backend_pid
        self.writer = TradeWriter(store)
        return self.writer

    def lose(self, failure: Exception, waiting: int) -> None:
        why = str(failure).partition("\n")[0]
        log.warning("%s: PostgreSQL is away, %d rows wait: %s", self.exchange, waiting, why)
        if self.writer:
            self.writer.store.close()
            self.counters.reconnects += 1
        self.writer = None

    def close(self) -> None:
        if self.writer:
            self.writer.store.close()

    def store(self, items: Sequence[Queued]) -> None:
        """Gaps first: a crash between the two must not forget a hole. Raises one of AWAY."""
        writer = self.writer or self.connect()
        trades = [item for item in items if type(item) is Trade]
        if len(trades) < len(items):
            for item in items:
                if not isinstance(item, Trade | Position | Late):
                    self.write_down(writer.store, item)
        if trades:
            self.look_ahead(writer)
            self.insert(writer, trades)
        if len(trades) < len(items):
            for late in latecomers(items):
                market = Market(self.exchange, late.symbol)
                settle(writer.store, market, late.first_id, late.last_id)

    def insert(self, writer: TradeWriter, trades: Sequence[Trade]) -> None:
        refused, began_at = self.counters.refused, monotonic_ns()
        new = insert_each(writer, trades, self.refuse)
        self.counters.stored += new
        self.counters.repeated += len(trades) - new - (self.counters.refused - refused)
        self.counters.commits += 1
        self.writes.append((monotonic_ns() - began_at) // 1000)
        self.counters.stored_at = time()

    def refuse(self, item: Item, why: Exception) -> None:
        """One row that PostgreSQL cannot hold must not cost the others."""
        self.counters.refused += 1
        log.error("%s: refused %r: %s", self.exchange, item, why)

    def write_down(self, store: Store, note: Note) -> None:
        try:
            match note:
                case Report(gap, cause):
                    report(store, gap, cause)
                    self.counters.gaps += 1
                    self.on_gap()
                case Quarantine(symbol, reason):
                    refuse_market(store, Market(self.exchange, symbol), reason)
                case Serve(symbol):
                    serve_markets(store, [Market(self.exchange, symbol)])
        except UNFIT as failure:
            self.refuse(note, failure)

    def look_ahead(self, writer: TradeWriter) -> None:
        today = int(time() * 1_000_000) // DAY
        if today != self.today and writer.make_ahead(today):
            self.today = today


def latecomers(items: Iterable[Queued]) -> Iterable[Late]:
    """One for each market: the stretch in which late trades may have filled a gap."""
    found: dict[str, Late] = {}
    for item in items:
        if isinstance(item, Late):
            other = found.get(item.symbol, item)
            first_id = min(item.first_id, other.first_id)
            found[item.symbol] = Late(item.symbol, first_id, max(item.last_id, other.last_id))
    return found.values()
