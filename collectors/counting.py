"""From what a collector counts to rows: its tally, turned once a second, and who writes it down."""

import asyncio
import time

from alphapulse.store.connect import Store
from alphapulse.store.gaps import count_open
from alphapulse.store.scribe import Scribe
from collectors.journal import Journal
from collectors.runner import Runner
from collectors.sink import Sink
from collectors.tally import SECOND, Standing, Tally


class Counting:
    """`run` belongs to the loop of the socket, and so does all that it counts."""

    def __init__(self, url: str, exchange: str, sink: Sink, journal: Journal | None) -> None:
        self.sink = sink
        self.journal = journal
        self.scribe = Scribe(url, f"statistics {exchange}")
        self.tally = Tally(exchange, self.standing, self.scribe.put, sink.deposit.writes)
        self.scribe.on_look = self.look
        self.exchange = exchange
        self.open_gaps: int | None = None  # None: not known yet
        self.runner: Runner | None = None

    async def run(self) -> None:
        """Until cancelled; a second ends within some milliseconds of its end."""
        self.scribe.start()
        while True:
            now = time.time_ns() // 1000
            self.tally.tick(now)
            await asyncio.sleep((SECOND - now % SECOND) / SECOND)

    def close(self, seconds: float) -> None:
        """Write the last, unfinished second too, for at most `seconds`."""
        self.tally.turn(0)
        self.scribe.close(seconds)

    def look(self, store: Store) -> None:
        """In the scribe's thread, by its connection."""
        self.open_gaps = count_open(store, self.exchange)

    def standing(self) -> Standing:
        """Where all counters are at this moment."""
        stored = self.sink.counters
        heard = self.runner.counters if self.runner else None
        kept = self.journal.counters if self.journal else None
        return Standing(
            frames=heard.frames if heard else 0,
            rejected=heard.rejected if heard else 0,
            bytes=heard.bytes if heard else 0,
            stored=stored.stored,
            repeats=stored.repeated,
            connects=heard.connections if heard else 0,
            disconnects=heard.disconnections if heard else 0,
            batches=stored.commits,
            queue_rows=self.sink.take_most_waiting(),
            journal_bytes=kept.bytes if kept else 0,
            journal_lag_bytes=kept.lag_bytes if kept else 0,
        )
