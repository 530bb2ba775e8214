"""The other end of a socket, as a test wants it: says its lines, remembers what it was told."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from collectors.action import Edge
from collectors.exchange import Exchange
from collectors.lag import Item
from collectors.runner import Runner
from collectors.segments import Position
from collectors.sink import Sink

Script: TypeAlias = Callable[[ServerConnection], Awaitable[None]]


class Shelf(Sink):
    """A sink without a database: what it is given stays in its queue, in order."""

    def __init__(self, queue_rows: int = 1000) -> None:
        super().__init__("", "toy", queue_rows, "shelf")

    def put(self, items: Iterable[Item], position: Position | None = None) -> bool:
        super().put(items, position)
        return len(self.queue) < self.queue_rows

    def ids(self) -> list[int]:
        return [getattr(item, "id", 0) for item in self.queue]


class Peer:
    """A server whose lines each follow `script`, then stay open; counts connections."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.heard: list[str | bytes] = []
        self.connections: list[ServerConnection] = []
        self.url = ""

    async def attend(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        with suppress(ConnectionClosed):
            await self.script(connection)
            async for message in connection:
                self.heard.append(message)


@asynccontextmanager
async def peer(script: Script) -> AsyncIterator[Peer]:
    there = Peer(script)
    options = {"compression": None, "ping_interval": None, "close_timeout": 1}
    async with serve(there.attend, "127.0.0.1", 0, **options) as server:  # type: ignore[arg-type]
        there.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        yield there


@asynccontextmanager
async def running(
    exchange: Exchange, url: str, sink: Sink, last: dict[str, Edge] | None = None
) -> AsyncIterator[Runner]:
    """A runner that runs for as long as the block, unless it fails."""
    runner = Runner(exchange, url, exchange.MARKETS, sink)
    task = asyncio.create_task(runner.run(last or {}))
    try:
        yield runner
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def soon(is_so: Callable[[], object], seconds: float = 10.0) -> None:
    """Poll until it is so."""
    async with asyncio.timeout(seconds):
        while not is_so():
            await asyncio.sleep(0.01)
