"""Who writes a process's statistics down: a thread of its own, by a connection of its own.

Whoever counts hands a second over and goes on at once. While PostgreSQL is away the seconds wait
here, so many and no more: then the oldest is given up, and counted.
"""

import logging
from collections import deque
from collections.abc import Callable
from threading import Event, Thread
from time import monotonic, time
from typing import TypeAlias

import psycopg

from alphapulse.statistics import CollectorSecond, StreamSecond
from alphapulse.store.connect import Store, StoreUnavailable, connect
from alphapulse.store.statistics import StatisticsWriter, roll_minutes
from alphapulse.store.writing import UNFIT

log = logging.getLogger(__name__)

Second: TypeAlias = CollectorSecond | StreamSecond

MOST = 900  # seconds that wait for PostgreSQL
AT_ONCE = 100  # of them in one transaction
AGAIN = 2.0  # seconds between two tries to reach PostgreSQL
TOLD = 60.0  # seconds between two complaints
ROLL_AT = 5.0  # seconds after a minute's end at which it is added up
LOOK = 10.0  # seconds between two looks at the store


class Scribe:
    """`put` never waits. `on_look` is asked now and then, with the connection, in the thread."""

    def __init__(self, url: str, name: str) -> None:
        self.url = url
        self.name = name
        self.waiting: deque[Second] = deque()
        self.written = 0
        self.lost = 0  # seconds that were given up
        self.on_look: Callable[[Store], object] = lambda _: None
        self.looked_at = 0.0
        self.rolled_at = 0  # minutes since the epoch
        self.told_at = -TOLD
        self.writer: StatisticsWriter | None = None
        self.doubtful = ""  # a transaction whose end was not heard,
        self.doubted: list[Second] = []  # and what it held
        self.wake = Event()
        self.stopping = Event()
        self.thread = Thread(target=self.run, name=name, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def put(self, second: Second) -> None:
        if len(self.waiting) >= MOST:
            try:
                self.waiting.popleft()
                self.lost += 1
            except IndexError:  # it was written this very moment
                pass
        self.waiting.append(second)
        self.wake.set()

    def close(self, seconds: float) -> None:
        """Write the last, for at most `seconds`."""
        self.stopping.set()
        self.wake.set()
        if self.thread.ident is not None:
            self.thread.join(seconds)

    def run(self) -> None:
        """Until told to stop; nothing that goes wrong with statistics ends the process."""
        while not self.stopping.is_set():
            self.wake.wait()
            self.wake.clear()
            if not self.tell() and not self.stopping.is_set():
                self.stopping.wait(AGAIN)
        self.tell()
        if self.writer:
            self.writer.store.close()

    def tell(self) -> bool:
        """Write what waits; False: it has to wait longer."""
        try:
            writer = self.writer or self.connect()
            self.settle_doubt(writer)
            while self.waiting:
                self.write_some(writer)
            self.tend(writer.store)
        except (psycopg.Error, StoreUnavailable) as failure:
            self.lose(failure)
            return False
        return True

    def connect(self) -> StatisticsWriter:
        self.writer = StatisticsWriter(connect(self.url, self.name))
        return self.writer

    def lose(self, failure: Exception) -> None:
        if monotonic() - self.told_at >= TOLD:
            self.told_at = monotonic()
            why = str(failure).partition("\n")[0]
            log.warning("%s: %d seconds wait: %s", self.name, len(self.waiting), why)
        if self.writer:
            self.writer.store.close()
        self.writer = None

    def write_some(self, writer: StatisticsWriter) -> None:
        while self.waiting and len(self.doubted) < AT_ONCE:
            self.doubted.append(self.waiting.popleft())
        self.write(writer)

    def write(self, writer: StatisticsWriter) -> None:
        try:
            with writer.store.transaction():
                self.doubtful = writer.begin()
                writer.write(self.doubted)
        except UNFIT:  # the next try would fail too
            log.exception("%s: %d seconds are given up", self.name, len(self.doubted))
            self.lost += len(self.doubted)
            self.doubted = []
        self.forget_doubt()

    def settle_doubt(self, writer: StatisticsWriter) -> None:
        """What was under way when the connection broke: it was written, or is written now."""
        if self.doubted and self.doubtful and writer.was_committed(self.doubtful):
            self.forget_doubt()
        elif self.doubted:
            self.write(writer)

    def forget_doubt(self) -> None:
        self.written += len(self.doubted)
        self.doubted, self.doubtful = [], ""

    def tend(self, store: Store) -> None:
        """Add up the minute that is over, whoever's it was; and look at the store now and then."""
        minute = int((time() - ROLL_AT) // 60)
        if minute != self.rolled_at:
            roll_minutes(store)
            self.rolled_at = minute
        if monotonic() - self.looked_at >= LOOK:
            self.on_look(store)
            self.looked_at = monotonic()
