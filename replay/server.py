"""Replay itself: exchanges of our own behind one port, for as long as the context lasts."""

import asyncio
import errno
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from math import inf
from types import TracebackType
from typing import Self

from websockets.asyncio.server import serve

from alphapulse.settings import LOOPBACK, Endpoint
from alphapulse.trade import Market, Micros
from replay.clock import wall
from replay.dialect import Manners
from replay.doors import Doors
from replay.faults import Fault, FaultError, schedule
from replay.feed import Feed, RecordedFeed, SimulatedFeed
from replay.protocols import DIALECTS
from replay.recording import Recording
from replay.simulated import SimulatedMarket
from replay.strike import strike
from replay.tape import LIMIT, Tape
from replay.venue import Venue

TICK = 0.1  # seconds between two looks at heartbeats and deadlines
WS_PATHS = {"binance": "/stream"}
WRITE_LIMIT = 262_144  # unsent bytes at which the fast mode waits for its reader
MOST_FAST = 5_000_000  # trades of one exchange that the fast mode holds ready, some 1.5 GB

log = logging.getLogger("replay")


class ReplayError(ValueError):
    """Replay cannot do what is asked; the message says why and what would do."""


class Replay:
    """`markets` are simulated, `recordings` played: an exchange is one or the other.

    `rate`: trades per second and market. `start`: the instant of the first simulated trade, from
    which the same trades come back after a restart; None: now. `speed`: of the exchange's clock; 0:
    as fast as clients read. `trades`: how many per market; None: without end. A finite run without
    `start`, a recording and the fast mode begin when clients have subscribed.
    """

    def __init__(
        self,
        markets: Mapping[str, Sequence[str]] | None = None,
        *,
        recordings: Sequence[Recording] = (),
        seed: int = 1,
        rate: float = 10.0,
        speed: float = 1.0,
        start: Micros | None = None,
        trades: int | None = None,
        port: int = 0,
        manners: Mapping[str, Manners] | None = None,
        faults_per_minute: float = 0.0,
        limit: int = LIMIT,
    ) -> None:
        check(markets or {}, recordings, speed, trades)
        self.seed = seed
        self.port = port
        self.faults_per_minute = faults_per_minute
        begin = wall() if start is None else start
        simulated = [
            SimulatedFeed(
                DIALECTS[name],
                [SimulatedMarket(Market(name, symbol), seed, begin, rate) for symbol in symbols],
                trades,
                limit,
            )
            for name, symbols in (markets or {}).items()
        ]
        waits = start is None and trades is not None
        self.venues = {
            feed.dialect.NAME: Venue(feed, speed, waits, manners_of(feed, manners or {}))
            for feed in simulated
        } | {
            feed.dialect.NAME: Venue(feed, speed, True, manners_of(feed, manners or {}))
            for feed in recorded_feeds(recordings)
        }
        self.about = {
            "replay": "AlphaPulse's own exchange: nothing here is live market data",
            "simulated": {feed.dialect.NAME: list(feed.tapes) for feed in simulated},
            "recorded": sorted({recording.dialect.NAME for recording in recordings}),
        }
        self.stack = AsyncExitStack()
        self.tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for venue in self.venues.values():
            venue.prepare()
        await self.listen()
        works = [venue.run() for venue in self.venues.values()]
        works += [self.keep_ticking(), self.keep_striking()]
        self.tasks = [asyncio.create_task(work) for work in works]
        for task in self.tasks:
            task.add_done_callback(tell_of_crash)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        for venue in self.venues.values():
            venue.leave_the_silent()
        await self.stack.__aexit__(kind, failure, trace)

    async def listen(self) -> None:
        doors = Doors(self.venues, self.about, self.inject)
        door = serve(
            doors.attend,
            LOOPBACK,
            self.port,
            process_request=doors.open,
            compression=None,  # frames are built once for all
            ping_interval=None,  # an exchange's own manners decide
            open_timeout=120,  # slow REST is a fault, not an accident
            close_timeout=1,
            write_limit=WRITE_LIMIT,
            server_header=None,
        )
        try:
            server = await self.stack.enter_async_context(door)
        except OSError as failure:
            if failure.errno != errno.EADDRINUSE:
                raise
            raise ReplayError(
                f"port {self.port} is taken; set ALPHAPULSE_REPLAY_PORT to a free one"
            ) from failure
        self.port = next(iter(server.sockets)).getsockname()[1]

    def endpoint(self, exchange: str) -> Endpoint:
        """Where a collector finds `exchange`."""
        address = f"{LOOPBACK}:{self.port}/{exchange}"
        return Endpoint(f"ws://{address}{WS_PATHS.get(exchange, '')}", f"http://{address}")

    @property
    def tapes(self) -> dict[str, Mapping[str, Tape]]:
        """The truth: everything that was published so far, by exchange and symbol."""
        return {name: venue.feed.tapes for name, venue in self.venues.items()}

    def inject(self, fault: Fault) -> None:
        """Let a fault happen now; raises FaultError where it cannot."""
        if fault.exchange and fault.exchange not in self.venues:
            raise FaultError(f"{fault}: no such exchange here; there is {', '.join(self.venues)}")
        for name, venue in self.venues.items():
            if fault.exchange in {None, name}:
                strike(venue, fault)

    def finish(self) -> None:
        """No further trades; lines, heartbeats and REST stay."""
        for venue in self.venues.values():
            venue.finished.set()

    @property
    def is_finished(self) -> bool:
        return all(venue.finished.is_set() for venue in self.venues.values())

    async def wait_finished(self) -> None:
        for venue in self.venues.values():
            await venue.finished.wait()

    async def keep_ticking(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            for venue in self.venues.values():
                venue.tick()

    async def keep_striking(self) -> None:
        """The seeded schedule, if one was asked for."""
        markets = [tape.market for tapes in self.tapes.values() for tape in tapes.values()]
        if not self.faults_per_minute:
            return
        for pause, fault in schedule(self.seed, markets, self.faults_per_minute):
            await asyncio.sleep(pause)
            log.info("fault: %s", fault)
            self.inject(fault)


def tell_of_crash(task: asyncio.Task[None]) -> None:
    """An exchange that stops is a bug of ours: it must not look like a quiet market."""
    if not task.cancelled() and (failure := task.exception()):
        log.critical("replay is broken: %r", failure, exc_info=failure)


def check(
    markets: Mapping[str, Sequence[str]],
    recordings: Sequence[Recording],
    speed: float,
    trades: int | None,
) -> None:
    """Raises ReplayError for what cannot be served."""
    recorded = {recording.dialect.NAME for recording in recordings}
    for name in markets:
        if name not in DIALECTS:
            known = ", ".join(DIALECTS)
            raise ReplayError(f"replay does not speak {name!r}; it speaks {known}")
        if name in recorded:
            raise ReplayError(f"{name} is asked for both simulated and recorded; choose one")
        if not markets[name]:
            raise ReplayError(f"{name}: no markets; name at least one symbol")
    if not markets and not recorded:
        raise ReplayError("nothing to serve; give markets or recordings")
    if not 0 <= speed < inf:
        raise ReplayError(f"speed {speed}: give 0 (as fast as clients read) or more")
    if not speed and markets:
        check_fast(max(len(symbols) for symbols in markets.values()), trades)


def check_fast(symbols: int, trades: int | None) -> None:
    if trades is None:
        raise ReplayError("speed 0 needs `trades`: its frames are built beforehand")
    if trades * symbols > MOST_FAST:
        raise ReplayError(
            f"speed 0 holds {MOST_FAST:,} trades of an exchange, not {trades * symbols:,}"
        )


def manners_of(feed: Feed, manners: Mapping[str, Manners]) -> Manners:
    return manners.get(feed.dialect.NAME, feed.dialect.MANNERS)


def recorded_feeds(recordings: Sequence[Recording]) -> list[RecordedFeed]:
    names = dict.fromkeys(recording.dialect.NAME for recording in recordings)
    return [RecordedFeed([r for r in recordings if name == r.dialect.NAME]) for name in names]
