"""One exchange's collector put together: its sink, its repairs, its connection, its own words."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from time import monotonic, time

import msgspec

from alphapulse.migrate import migrate
from alphapulse.settings import Settings
from alphapulse.status import remove_status, write_status
from alphapulse.store.connect import Store, StoreUnavailable
from collectors.action import Edge
from collectors.counting import Counting
from collectors.deadletters import DeadLetters
from collectors.drain import Drain, newest, newest_edges
from collectors.exchange import Exchange
from collectors.exchanges import EXCHANGES
from collectors.journal import Journal
from collectors.metering import open_metrics
from collectors.repair import Repair
from collectors.runner import Runner
from collectors.sink import Sink
from collectors.uptime import LOOK, TELL, Uptime

log = logging.getLogger(__name__)

TEND = 1.0  # seconds between two syncs of the journal
SAY = 1.0  # seconds between two lines of status
CLOSING = 5.0  # seconds to store what is queued when told to stop; the launcher kills after 8
LAST_WORDS = 1.0  # seconds to write down what was counted last
TURN = 0.001  # seconds until the thread that reads lets the one that stores go on, in a flood
LABEL = 52  # bytes that PostgreSQL keeps of a program's name, less our prefix


class UnknownExchange(ValueError):
    """No such exchange; the message names those there are."""


class SinkDied(RuntimeError):
    """The thread that stores cannot go on; the process ends and its supervisor starts another."""


class Collector:
    """`runner` reads, `sink` stores, `repair` fills; whoever fails ends all three."""

    def __init__(self, settings: Settings, url: str, exchange: Exchange) -> None:
        self.settings = settings
        self.name = exchange.NAME
        self.journal = journal_of(settings, self.name)
        self.letters = DeadLetters(journal_folder(settings, self.name))
        self.drain = Drain(exchange, self.journal) if self.journal else None
        self.sink = Sink(url, self.name, settings.queue_rows, label(self.name), self.drain)
        self.repair = Repair(url, exchange, rest_address(settings, exchange), f"repair {self.name}")
        self.counting = Counting(url, self.name, self.sink, self.journal)
        self.runner = Runner(
            exchange,
            ws_address(settings, exchange),
            symbols_of(settings, exchange),
            self.sink,
            self.journal,
            self.letters,
            self.counting.tally,
        )
        self.counting.runner = self.runner
        self.uptime = Uptime(url, exchange)

    async def run(self) -> None:
        """Until cancelled; then what is queued is stored."""
        last = await asyncio.to_thread(self.open)
        door = open_metrics(self.counting, self.settings.metrics_port)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.watch_sink())
                group.create_task(self.runner.run(last))
                group.create_task(self.tend_journal())
                group.create_task(self.watch_uptime())
                group.create_task(self.counting.run())
                group.create_task(self.say())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        finally:
            await asyncio.to_thread(door.close)
            await self.close()

    def open(self) -> dict[str, Edge]:
        """Claim exchange and journal; gives where each market stands in the two together.

        What the store lacks of the journal is stored while we listen already. PostgreSQL may be
        away if the journal knows where the markets stand; else raises StoreUnavailable. Raises
        AlreadyCollected, JournalTaken, JournalUnfit too.
        """
        if not self.drain:
            return self.sink.open()
        try:
            return self.open_both(self.drain)
        except BaseException:
            self.sink.close(0)
            self.drain.journal.close()
            raise

    def open_both(self, drain: Drain) -> dict[str, Edge]:
        away: StoreUnavailable | None = None
        stored: dict[str, Edge] = {}
        try:
            stored = self.sink.open()
        except StoreUnavailable as failure:
            away = failure
            self.sink.deposit.prepare = self.migrate  # nobody could do so before us
        drain.journal.open(label(self.name))
        edges = newest_edges(drain.exchange, drain.journal)
        if away and not edges:
            raise away
        drain.begin()
        if drain.committed < drain.head:
            log.info("%s: the journal holds more than the store: storing it", self.name)
            self.sink.fall_behind(drain.head)
        return newest(stored, edges)

    def migrate(self, store: Store) -> None:
        migrate(store, simulated=self.settings.simulated)

    async def tend_journal(self) -> None:
        while self.journal:
            await asyncio.to_thread(self.journal.tend)
            await asyncio.sleep(TEND)

    async def watch_uptime(self) -> None:
        told_at = monotonic()
        while True:
            feed = self.runner.feed
            is_alive = feed is not None and self.runner.counters.is_connected
            self.uptime.look(feed.session if feed and is_alive else None, monotonic(), time())
            if monotonic() - told_at >= TELL:
                self.uptime.tell()
                told_at = monotonic()
            await asyncio.sleep(LOOK)

    async def watch_sink(self) -> None:
        """Start the threads; raises SinkDied when the one that stores has ended."""
        died = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.sink.on_failure = lambda: loop.call_soon_threadsafe(died.set)
        self.sink.deposit.on_gap = self.repair.wake.set
        self.sink.start()
        self.repair.start()
        await died.wait()
        raise SinkDied(f"{self.name}: {self.sink.failure}") from self.sink.failure

    async def close(self) -> None:
        _, left, _ = await asyncio.gather(
            asyncio.to_thread(self.repair.close, CLOSING),
            asyncio.to_thread(self.sink.close, CLOSING),
            asyncio.to_thread(self.uptime.close, CLOSING),
        )
        await asyncio.to_thread(self.counting.close, LAST_WORDS)  # what the sink stored last, too
        if self.journal:
            self.journal.close()
        if left:
            whom = "the journal has" if self.journal else "REST will be asked for"
            log.error("%s: %d rows were not stored; %s them", self.name, left, whom)
        with contextlib.suppress(OSError):
            remove_status(self.settings.home, f"collector-{self.name}")

    async def say(self) -> None:
        while True:
            with contextlib.suppress(OSError):  # a full disk must not stop the collecting
                write_status(self.settings.home, f"collector-{self.name}", self.facts())
            await asyncio.sleep(SAY)

    def facts(self) -> dict[str, object]:
        return {
            "exchange": self.name,
            "symbols": list(self.runner.symbols),
            "refused": self.runner.refusals.symbols,
            "queued": len(self.sink.queue),
            "queue_rows": self.sink.queue_rows,
            "is_behind": self.sink.is_behind,
            "feed": msgspec.to_builtins(self.runner.counters),
            "sink": msgspec.to_builtins(self.sink.counters),
            "repair": msgspec.to_builtins(self.repair.counters),
            "journal": msgspec.to_builtins(self.journal.counters) if self.journal else None,
            "statistics": {
                "written": self.counting.scribe.written,
                "waiting": len(self.counting.scribe.waiting),
                "lost": self.counting.scribe.lost,
            },
            "dead_letters": msgspec.to_builtins(self.letters.counters),
        }


async def collect(settings: Settings, url: str, name: str) -> None:
    """Collect the exchange `name` until cancelled, then store what is queued and leave.

    Raises AlreadyCollected, StoreUnavailable (at the start only), JournalTaken, JournalUnfit,
    UnknownExchange, SinkDied.
    """
    sys.setswitchinterval(TURN)
    await Collector(settings, url, find_exchange(name)).run()


def find_exchange(name: str) -> Exchange:
    try:
        return EXCHANGES[name]
    except KeyError:
        known = ", ".join(sorted(EXCHANGES))
        raise UnknownExchange(f"unknown exchange {name!r}; there are {known}") from None


def journal_folder(settings: Settings, name: str) -> Path:
    return settings.home / "journal" / name


def journal_of(settings: Settings, name: str) -> Journal | None:
    """None: the owner wants none."""
    if not settings.journal_bytes:
        return None
    folder = journal_folder(settings, name)
    return Journal(folder, name, settings.journal_bytes, simulated=settings.simulated)


def symbols_of(settings: Settings, exchange: Exchange) -> Sequence[str]:
    return settings.markets.get(exchange.NAME) or exchange.MARKETS


def ws_address(settings: Settings, exchange: Exchange) -> str:
    endpoint = settings.endpoints.get(exchange.NAME)
    return endpoint.ws if endpoint else exchange.URL


def rest_address(settings: Settings, exchange: Exchange) -> str:
    endpoint = settings.endpoints.get(exchange.NAME)
    return endpoint.rest if endpoint else exchange.REST


def label(name: str) -> str:
    """Tells the owner which process holds an exchange."""
    return f"collector {name}, pid {os.getpid()} on {socket.gethostname()}"[:LABEL]
