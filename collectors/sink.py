"""From memory into the store: one thread that commits what has arrived since its last commit.

There is no timer: a lone trade is committed at once, and what arrives while one commit is under way
goes with the next. The queue before it is bounded: when it is full the runner stops reading the
socket (nothing is thrown away; the exchange's own buffers fill, and it may cut us), and reads again
when half is stored.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice, repeat
from threading import Event, Lock, Thread
from time import time
from typing import TypeAlias

from msgspec import Struct

from alphapulse.store.connect import Store, StoreUnavailable, connect
from alphapulse.store.gaps import claim, newest, refuse_market, report, serve_markets
from alphapulse.store.writing import AWAY, DAY, UNFIT, TradeWriter, insert_each
from alphapulse.trade import Market, Trade
from collectors.session import Edge, Quarantine, Report, Serve

log = logging.getLogger(__name__)

Note: TypeAlias = Report | Quarantine | Serve
Item: TypeAlias = Trade | Note

BATCH = 10_000  # rows in one transaction at the most
PAUSES = (
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
)  # seconds between tries to reach PostgreSQL; the last repeats


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
    stored_at: float = 0.0  # seconds since the epoch; 0: nothing yet


class Sink:
    """The one writer of `exchange`. `open` claims it, `put` never blocks, `close` stores the rest.

    `put` belongs to one thread, that of the socket; the callbacks are called by the sink's own.
    """

    def __init__(self, url: str, exchange: str, queue_rows: int, name: str) -> None:
        self.url = url
        self.exchange = exchange
        self.queue_rows = queue_rows
        self.name = name
        self.queue: deque[Item] = deque()
        self.counters = Counters()
        self.failure: BaseException | None = None  # why the thread cannot go on
        self.on_room: Callable[[], object] = lambda: None
        self.on_failure: Callable[[], object] = lambda: None
        self.on_gap: Callable[[], object] = lambda: None
        self.wake = Event()
        self.stopping = Event()
        self.giving_up = Event()
        self.lock = Lock()  # of is_full: a queue found full must be told of its room
        self.is_full = False
        self.thread = Thread(target=self.run, name=f"sink {exchange}", daemon=True)
        self.writer: TradeWriter | None = None
        self.server_process = 0  # PostgreSQL's, of our last connection
        self.today = 0

    def open(self) -> dict[str, Edge]:
        """Claim the exchange; gives the newest stored trade of each market.

        Raises AlreadyCollected or StoreUnavailable.
        """
        try:
            found = newest(self.connect().store, self.exchange)
        except AWAY as failure:
            self.close(0)
            raise StoreUnavailable(f"cannot begin to store: {failure}") from failure
        return {symbol: Edge(id, at) for symbol, (id, at) in found.items()}

    def start(self) -> None:
        self.thread.start()

    def put(self, items: Iterable[Item]) -> bool:
        """Queue `items`; False when the queue is now full and the caller should stop reading."""
        self.queue.extend(items)
        if not self.wake.is_set():
            self.wake.set()
        waiting = len(self.queue)
        self.counters.queue_peak = max(self.counters.queue_peak, waiting)
        return waiting < self.queue_rows or self.still_has_room()

    def still_has_room(self) -> bool:
        with self.lock:
            if len(self.queue) < self.queue_rows:
                return True
            self.counters.times_full += not self.is_full
            self.is_full = True
            return False

    def close(self, seconds: float) -> int:
        """Store what is queued, for at most `seconds`; gives how many items were left behind."""
        self.stopping.set()
        self.wake.set()
        if self.thread.ident is not None:
            self.thread.join(seconds)
        elif self.writer:
            self.writer.store.close()
        self.giving_up.set()
        return len(self.queue)

    def run(self) -> None:
        try:
            while self.queue or not self.stopping.is_set():
                self.wake.wait()
                self.wake.clear()
                while self.queue:
                    if not self.store_next():
                        return
        except BaseException as failure:
            log.critical("%s: cannot store any more", self.exchange, exc_info=True)
            self.failure = failure
            self.on_failure()
        finally:
            if self.writer:
                self.writer.store.close()

    def store_next(self) -> bool:
        """Store the oldest items; they leave the queue when they are committed. False: given up."""
        items = list(islice(self.queue, BATCH))  # in C throughout, so `put` cannot come between
        if not self.store_surely(items):
            return False
        for _ in items:
            self.queue.popleft()
        with self.lock:
            is_room_again = self.is_full and len(self.queue) <= self.queue_rows // 2
            self.is_full = self.is_full and not is_room_again
        if is_room_again:
            self.on_room()
        return True

    def store_surely(self, items: Sequence[Item]) -> bool:
        """Store `items`, however long PostgreSQL is away; False: given up."""
        for pause in chain(PAUSES, repeat(PAUSES[-1])):
            try:
                self.store(self.writer or self.connect(), items)
            except AWAY as failure:
                self.lose(failure)
            else:
                return True
            if self.giving_up.wait(pause):
                break
        return False

    def store(self, writer: TradeWriter, items: Sequence[Item]) -> None:
        """Gaps first: a crash between the two must not forget a hole."""
        for item in items:
            if not isinstance(item, Trade):
                self.write_down(writer.store, item)
        trades = [item for item in items if isinstance(item, Trade)]
        if trades:
            self.look_ahead(writer)
            self.insert(writer, trades)

    def insert(self, writer: TradeWriter, trades: Sequence[Trade]) -> None:
        refused = self.counters.refused
        new = insert_each(writer, trades, self.refuse)
        self.counters.stored += new
        self.counters.repeated += len(trades) - new - (self.counters.refused - refused)
        self.counters.commits += 1
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

    def connect(self) -> TradeWriter:
        """Raises AlreadyCollected when another collector came while we were away."""
        store = connect(self.url, self.name)
        try:
            claim(store, self.exchange, self.server_process)
        except BaseException:
            store.close()
            raise
        self.server_process = store.info.backend_pid
        self.writer = TradeWriter(store)
        return self.writer

    def lose(self, failure: Exception) -> None:
        why = str(failure).partition("\n")[0]
        log.warning("%s: PostgreSQL is away, %d rows wait: %s", self.exchange, len(self.queue), why)
        if self.writer:
            self.writer.store.close()
            self.counters.reconnects += 1
        self.writer = None
