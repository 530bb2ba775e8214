"""One exchange's collector put together: its sink, its repairs, its connection, its own words."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Sequence

import msgspec

from alphapulse.settings import Settings
from alphapulse.status import remove_status, write_status
from collectors.exchange import Exchange
from collectors.exchanges import EXCHANGES
from collectors.repair import Repair
from collectors.runner import Runner
from collectors.sink import Sink

log = logging.getLogger(__name__)

SAY = 1.0  # seconds between two lines of status
CLOSING = 5.0  # seconds to store what is queued when told to stop; the launcher kills after 8
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
        self.sink = Sink(url, self.name, settings.queue_rows, label(self.name))
        self.repair = Repair(url, exchange, rest_address(settings, exchange), f"repair {self.name}")
        self.runner = Runner(
            exchange, ws_address(settings, exchange), symbols_of(settings, exchange), self.sink
        )

    async def run(self) -> None:
        """Until cancelled; then what is queued is stored."""
        last = await asyncio.to_thread(self.sink.open)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.watch_sink())
                group.create_task(self.runner.run(last))
                group.create_task(self.say())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        finally:
            await self.close()

    async def watch_sink(self) -> None:
        """Start the threads; raises SinkDied when the one that stores has ended."""
        died = asyncio.Event()
        loop = asyncio.get_running_loop()
        self.sink.on_failure = lambda: loop.call_soon_threadsafe(died.set)
        self.sink.on_gap = self.repair.wake.set
        self.sink.start()
        self.repair.start()
        await died.wait()
        raise SinkDied(f"{self.name}: {self.sink.failure}") from self.sink.failure

    async def close(self) -> None:
        _, left = await asyncio.gather(
            asyncio.to_thread(self.repair.close, CLOSING),
            asyncio.to_thread(self.sink.close, CLOSING),
        )
        if left:
            log.error("%s: %d rows were not stored; REST will be asked for them", self.name, left)
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
            "feed": msgspec.to_builtins(self.runner.counters),
            "sink": msgspec.to_builtins(self.sink.counters),
            "repair": msgspec.to_builtins(self.repair.counters),
        }


async def collect(settings: Settings, url: str, name: str) -> None:
    """Collect the exchange `name` until cancelled, then store what is queued and leave.

    Raises AlreadyCollected, StoreUnavailable (at the start only), UnknownExchange, SinkDied.
    """
    sys.setswitchinterval(TURN)
    await Collector(settings, url, find_exchange(name)).run()


def find_exchange(name: str) -> Exchange:
    try:
        return EXCHANGES[name]
    except KeyError:
        known = ", ".join(sorted(EXCHANGES))
        raise UnknownExchange(f"unknown exchange {name!r}; there are {known}") from None


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
