"""From memory into the store: one thread that commits what has arrived since its last commit.

There is no timer: a lone trade is committed at once, and what arrives while one commit is under way
goes with the next. The queue before it is bounded: when it is full the runner stops reading the
socket for a moment, until half is stored. If that does not come about, because PostgreSQL is away
or hangs, the sink falls behind: what the journal holds is no longer kept in memory, and is read
back from there afterwards. Without a journal the socket stays unread.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice, repeat
from threading import Event, Lock, Thread
from time import monotonic

from alphapulse.store.connect import StoreUnavailable
from alphapulse.store.gaps import newest
from alphapulse.store.writing import AWAY
from collectors.action import Edge
from collectors.deposit import Deposit
from collectors.lag import Backlog, Item, Lag, Queued
from collectors.segments import Position

log = logging.getLogger(__name__)

BATCH = 10_000  # rows in one transaction at the most
SAY = 5.0  # seconds between two words about how far behind we are
PAUSES = (
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
)  # seconds between tries to reach PostgreSQL; the last repeats


class Sink:
    """The one writer of `exchange`. `open` claims it, `put` never blocks, `close` stores the rest.

    `put` belongs to one thread, that of the socket; the callbacks are called by the sink's own.
    """

    def __init__(
        self, url: str, exchange: str, queue_rows: int, name: str, backlog: Backlog | None = None
    ) -> None:
        self.exchange = exchange
        self.queue_rows = queue_rows
        self.deposit = Deposit(url, exchange, name)
        self.lag = Lag(backlog) if backlog else None
        self.queue: deque[Queued] = deque()
        self.is_away = False  # PostgreSQL
        self.counters = self.deposit.counters
        self.failure: BaseException | None = None  # why the thread cannot go on
        self.on_room: Callable[[], object] = lambda: None
        self.on_failure: Callable[[], object] = lambda: None
        self.wake = Event()
        self.stopping = Event()
        self.giving_up = Event()
        self.lock = Lock()  # of is_full: a queue found full must be told of its room
        self.is_full = False
        self.thread = Thread(target=self.run, name=f"sink {exchange}", daemon=True)
        self.said_at = 0.0
        self.most_waiting = 0  # since `take_most_waiting`

    def open(self) -> dict[str, Edge]:
        """Claim the exchange; gives the newest stored trade of each market.

        Raises AlreadyCollected or StoreUnavailable.
        """
        try:
            found = newest(self.deposit.connect().store, self.exchange)
        except AWAY as failure:
            self.lose(failure)
            raise StoreUnavailable(f"cannot begin to store: {failure}") from failure
        return {symbol: Edge(id, at) for symbol, (id, at) in found.items()}

    def start(self) -> None:
        self.thread.start()

    def put(self, items: Iterable[Item], position: Position | None = None) -> bool:
        """Queue `items`; False when the queue is now full and the caller should stop reading.

        `position`: the journal holds them, and all that was put before with one, up to there.
        """
        if position and self.lag:
            if self.lag.is_behind and self.lag.put_aside(items, position):
                return True
            self.queue.extend(items)
            self.queue.append(position)
            self.lag.seen = position
        else:
            self.queue.extend(items)
        if not self.wake.is_set():
            self.wake.set()
        waiting = len(self.queue)
        if waiting > self.most_waiting:
            self.most_waiting = waiting
            self.counters.queue_peak = max(self.counters.queue_peak, waiting)
        return waiting < self.queue_rows or self.still_has_room() or self.is_relieved()

    def take_most_waiting(self) -> int:
        """The longest that the queue was since the last call; of the thread that puts."""
        most, self.most_waiting = self.most_waiting, len(self.queue)
        return most

    def still_has_room(self) -> bool:
        with self.lock:
            if len(self.queue) < self.queue_rows:
                return True
            self.counters.times_full += not self.is_full
            self.is_full = True
            return False

    def is_relieved(self) -> bool:
        return self.is_away and self.fall_behind()

    @property
    def is_behind(self) -> bool:
        return self.lag is not None and self.lag.is_behind

    def fall_behind(self, seen: Position | None = None) -> bool:
        """From now on keep no trades in memory that the journal holds; False: it cannot be.

        `seen`: the journal holds more than the store, up to there.
        """
        if not self.lag or not self.lag.begin(seen):
            return False
        with self.lock:
            self.is_full = False
        self.counters.times_behind += 1
        log.warning("%s: the store is behind; trades wait in the journal", self.exchange)
        self.wake.set()
        return True

    def close(self, seconds: float) -> int:
        """Store what is queued, for at most `seconds`; gives how many items were left behind."""
        self.stopping.set()
        self.wake.set()
        if self.thread.ident is not None:
            self.thread.join(seconds)
        else:
            self.deposit.close()
        self.giving_up.set()
        return sum(type(item) is not Position for item in list(self.queue))

    def run(self) -> None:
        try:
            while self.queue or not self.stopping.is_set():
                self.wake.wait()
                self.wake.clear()
                if not self.store_queue() or not self.drain():
                    return
        except BaseException as failure:
            log.critical("%s: cannot store any more", self.exchange, exc_info=True)
            self.failure = failure
            self.on_failure()
        finally:
            self.deposit.close()

    def store_queue(self) -> bool:
        """False: given up."""
        while self.queue:
            if not self.store_next():
                return False
        return True

    def drain(self) -> bool:
        """Store from the journal until what is left comes through the queue; False: given up."""
        while self.lag and self.lag.is_behind and not self.stopping.is_set():
            after, until, is_last = self.lag.next_goal()
            for items, position in self.lag.backlog.read(after, until):
                if not self.store_surely([*self.lag.take_notes(), *items, position]):
                    return False
                self.counters.drained += len(items)
                self.say_where(position)
                if is_last:  # the queue is live again, and all this comes before it
                    continue
                if not self.store_queue():  # what the journal could not take
                    return False
                if self.stopping.is_set():
                    return True
            if is_last:
                log.info("%s: the store has caught up with the journal", self.exchange)
                return True
        return True

    def say_where(self, position: Position) -> None:
        if monotonic() - self.said_at > SAY:
            self.said_at = monotonic()
            log.info("%s: storing what waits in the journal: %s", self.exchange, position)

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

    def store_surely(self, items: Sequence[Queued]) -> bool:
        """Store `items`, however long PostgreSQL is away; False: given up."""
        for pause in chain(PAUSES, repeat(PAUSES[-1])):
            try:
                self.deposit.store(items)
            except AWAY as failure:
                self.lose(failure)
            else:
                self.is_away = False
                if self.lag:
                    self.lag.settle(items)
                return True
            if self.giving_up.wait(pause):
                break
        return False

    def lose(self, failure: Exception) -> None:
        self.deposit.lose(failure, len(self.queue))
        self.is_away = True
