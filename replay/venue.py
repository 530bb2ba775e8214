"""One exchange of ours: its feed, its clock, its clients, and the faults that befall it."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from functools import cache

from websockets.asyncio.server import ServerConnection

from alphapulse.trade import Micros
from replay.client import Client
from replay.clock import Clock, wall
from replay.dialect import Answer, Desk, Manners
from replay.faults import ABNORMAL, OfFrames, RestError, SlowRest
from replay.feed import Batch, Feed, texts
from replay.frames import text_frame
from replay.prebuilt import Prebuilt

SETTLED = 0.25  # seconds without a message from any client after which they have asked for all


class Venue:
    """`waits`: the feed begins when clients have subscribed, not at an instant of the wall's.

    `speed` 0: as fast as the clients read.
    """

    def __init__(self, feed: Feed, speed: float, waits: bool, manners: Manners) -> None:
        self.feed = feed
        self.dialect = feed.dialect
        self.speed = speed
        self.waits = waits or not speed
        self.manners = manners
        self.clock: Clock | None = None if self.waits else Clock(feed.origin, feed.origin, speed)
        self.reached = feed.origin  # the exchange's clock where no Clock runs
        self.desk = Desk(feed.tapes, self.now)
        self.clients: set[Client] = set()
        self.rest_faults: deque[SlowRest | RestError] = deque()
        self.early: list[OfFrames] = []  # for the next line that opens
        self.prebuilt: Prebuilt | None = None
        self.finished = asyncio.Event()
        self.ready = asyncio.Event()

    def now(self) -> Micros:
        return self.clock.now() if self.clock else self.reached

    def prepare(self) -> None:
        """The slow part of starting: the past of the tapes, or the frames of the fast mode."""
        if not self.speed:
            self.prebuilt = Prebuilt(self.feed)
            self.prebuilt.prepare(self.dialect.FORM, self.feed.tapes.keys())
        elif self.clock:
            self.feed.catch_up(self.now())

    async def run(self) -> None:
        if self.waits:
            await self.readers()
        if self.prebuilt:
            await self.blast(self.prebuilt)
        else:
            await self.keep_pace()
        self.finished.set()

    async def readers(self) -> None:
        """Until clients have every market, or have had their say."""
        if not self.is_awaited():
            self.ready.clear()
            await self.ready.wait()

    def is_awaited(self) -> bool:
        held = set().union(*(client.line.symbols for client in self.clients))
        last = max((client.asked_at for client in self.clients), default=0.0)
        quiet = asyncio.get_running_loop().time() - last > SETTLED
        return bool(held) and (quiet or held >= set(self.feed.tapes))

    async def keep_pace(self) -> None:
        clock = self.clock = self.clock or Clock(self.feed.origin, wall(), self.speed)
        while not self.finished.is_set() and (at := self.feed.next_at()) is not None:
            # No longer than a second, so that `finish` is heard.
            await asyncio.sleep(min(max(clock.until(at), 0.0), 1.0))
            if not self.finished.is_set():
                self.publish(self.feed.advance(clock.now()))

    def publish(self, batches: Sequence[Batch]) -> None:
        """Whatever is due in this turn goes to each client in one write."""

        @cache
        def framed(form: str, number: int) -> list[bytes]:
            return [text_frame(text) for text in texts(batches[number], self.dialect, form)]

        for client in tuple(self.clients):
            line = client.line
            wanted = [n for n, batch in enumerate(batches) if batch.is_for(line.symbols)]
            client.deliver([frame for n in wanted for frame in framed(line.form, n)])

    async def blast(self, prebuilt: Prebuilt) -> None:
        """As fast as the slowest client reads: nobody is cut, everybody waits."""
        for number, until in enumerate(prebuilt.instants):
            if self.finished.is_set():
                return
            await self.readers()
            readers = [client for client in self.clients if client.line.symbols]
            for client in readers:
                chunk = prebuilt.chunk(client.line.form, client.line.symbols, number)
                client.write([client.line.stamp(chunk)])
            self.feed.advance(until)
            self.reached = until
            await asyncio.gather(*(client.drained() for client in readers))
            await asyncio.sleep(0)

    async def attend(
        self, connection: ServerConnection, path: str, params: Mapping[str, str]
    ) -> None:
        client = Client(connection, self.dialect.line(path, params, self.desk), self.manners)
        for fault in self.early:
            client.mischief.add(fault)
        self.early.clear()
        self.clients.add(client)
        try:
            await client.serve()
        finally:
            self.clients.discard(client)

    async def respond(self, path: str, params: Mapping[str, str]) -> Answer:
        fault = self.rest_faults.popleft() if self.rest_faults else None
        if isinstance(fault, RestError):
            return self.dialect.failure(fault.status, fault.retry_after)
        if isinstance(fault, SlowRest):
            await asyncio.sleep(fault.seconds)
        return self.dialect.respond(path, params, self.desk)

    def leave_the_silent(self) -> None:
        """Lines that do not read cannot be closed politely."""
        for client in self.clients:
            if client.is_silent:
                client.cut(ABNORMAL, "")

    def tick(self) -> None:
        for client in tuple(self.clients):
            client.tick()
        if self.is_awaited():
            self.ready.set()
