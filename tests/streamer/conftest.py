"""A streamer on a real socket over a real database, clients that speak its protocol, a writer."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeAlias

import pytest
import uvloop
from msgspec import structs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Close

from alphapulse.settings import Settings
from alphapulse.store.connect import Store
from streamer.server import Streamer
from tests.chunk import make_first_chunk


@pytest.fixture
def database_url(database_url: str) -> str:
    return make_first_chunk(database_url)


Frame: TypeAlias = dict[str, Any]

DEADLINE = 20.0


class Reader:
    """A client that keeps every frame it was sent."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[Frame] = []

    async def next(self) -> Frame:
        async with asyncio.timeout(DEADLINE):
            frame: Frame = json.loads(await self.connection.recv())
        self.frames.append(frame)
        return frame

    async def until(self, *types: str) -> Frame:
        """The next frame of one of these types."""
        while (frame := await self.next())["type"] not in types:
            pass
        return frame

    async def until_trade(self, id: int) -> Frame:
        while (frame := await self.until("trade"))["id"] != str(id):
            pass
        return frame

    async def catch_breath(self) -> None:
        """Read whatever was sent up to now."""
        await self.send(type="ping")
        await self.until("pong")

    async def until_closed(self) -> Close:
        """Read on until the server closes: its code and reason."""
        with pytest.raises(ConnectionClosed) as closed:
            await self.until()
        assert closed.value.rcvd is not None
        return closed.value.rcvd

    async def send(self, **words: Any) -> None:
        await self.connection.send(json.dumps(words))

    @property
    def trades(self) -> list[Frame]:
        return [frame for frame in self.frames if frame["type"] == "trade"]

    @property
    def ids(self) -> list[int]:
        return [int(frame["id"]) for frame in self.trades]


class Stage:
    """A running streamer and its address."""

    def __init__(self, streamer: Streamer, port: int) -> None:
        self.streamer = streamer
        self.address = f"ws://127.0.0.1:{port}"

    @asynccontextmanager
    async def client(self, query: str = "", **options: Any) -> AsyncIterator[Reader]:
        patient = {"compression": None, "max_queue": None, "ping_interval": None} | options
        async with connect(f"{self.address}/{query}", **patient) as connection:
            yield Reader(connection)

    @asynccontextmanager
    async def joined(self, query: str = "?last=0", **options: Any) -> AsyncIterator[Reader]:
        """A client that is live."""
        async with self.client(query, **options) as reader:
            await reader.until("live")
            yield reader

    async def live(self) -> None:
        await eventually(lambda: self.streamer.counters.state == "live")


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def staged(url: str, home: Path, **choices: Any) -> AsyncIterator[Stage]:
    settings = structs.replace(Settings(home=home, stream_port=0), **choices)
    streamer = Streamer(settings, url)
    server = await streamer.listen()
    work = asyncio.create_task(streamer.run())
    try:
        yield Stage(streamer, next(iter(server.sockets)).getsockname()[1])
    finally:
        streamer.dismiss()
        server.close()
        await server.wait_closed()
        work.cancel()
        await asyncio.wait([work])
    if not work.cancelled():
        work.result()


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Run a story in the loop that the streamer has in life."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())  # type: ignore[arg-type]


def add_market(store: Store, symbol: str = "BTC/USD", exchange: str = "kraken") -> int:
    """The market's id."""
    row = store.execute(
        "INSERT INTO markets (exchange, symbol) VALUES (%s, %s) RETURNING market_id",
        [exchange, symbol],
    ).fetchone()
    assert row
    return int(row[0])


def insert(store: Store, market: int, *ids: int, price: str = "100.10") -> None:
    """Trades with these ids, in one statement."""
    store.execute(
        "INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)"
        " SELECT '2026-01-31 12:00:00.000001Z'::timestamptz + id * interval '1 ms',"
        " '2026-01-31 12:00:01Z', id, %s, 'b', %s, 0.5"
        " FROM unnest(%s::bigint[]) WITH ORDINALITY AS n (id, place) ORDER BY place",
        [market, price, list(ids)],
    )


@pytest.fixture
def market(store: Store) -> int:
    return add_market(store)


@pytest.fixture
def other_store(database_url: str) -> Iterator[Store]:
    from alphapulse.store.connect import connect as connect_store

    with connect_store(database_url, "test other") as connection:
        yield connection
