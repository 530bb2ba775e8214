"""The streamer's two connections to PostgreSQL, and the one thread in which questions are asked."""

import asyncio
import random
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg

from alphapulse.store import stream
from alphapulse.store.connect import Store, StoreUnavailable, connect

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 20.0  # seconds to wait for an answer


class Lost(StoreUnavailable):
    """The line to PostgreSQL is dead."""


def pauses(jitter: Callable[[], float] = random.random) -> Iterator[float]:
    """Seconds before each next attempt to connect, for ever: at once, then up to some 15."""
    yield 0.0
    pause = 0.1
    while True:
        yield pause * (0.5 + jitter())
        pause = min(pause * 2, 10.0)


class Line:
    """The ear hears, watched by the event loop; the voice asks, in a thread of its own."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.ear: Store | None = None
        self.ear_socket = -1
        self.voice: Store | None = None
        self.thread = ThreadPoolExecutor(1, "voice")
        self.asking: asyncio.Future[Any] | None = None

    async def connect(self, on_readable: Callable[[], None]) -> None:
        """Listen from now on; raises StoreUnavailable."""
        self.voice = await self.run(connect, self.url, "streamer", read_only=True)
        self.ear = await self.run(connect, self.url, "streamer ear", read_only=True)
        await self.ask(stream.mark_durably)
        await self.run(stream.listen, self.ear)
        self.ear_socket = self.ear.fileno()
        asyncio.get_running_loop().add_reader(self.ear_socket, on_readable)

    async def ask(
        self, question: Callable[Concatenate[Store, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What the database answers, through the voice."""
        if self.voice is None:
            raise Lost("there is no line to PostgreSQL")
        return await self.run(partial(question, self.voice, *args, **kwargs))

    async def run(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """One question at a time, in the voice's thread."""
        loop = asyncio.get_running_loop()
        self.asking = loop.run_in_executor(self.thread, partial(question, *args, **kwargs))
        async with asyncio.timeout(PATIENCE):
            answer: T = await asyncio.shield(self.asking)
        return answer

    def deafen(self) -> None:
        if self.ear_socket >= 0:
            asyncio.get_running_loop().remove_reader(self.ear_socket)
        self.ear_socket = -1

    async def hang_up(self) -> None:
        self.deafen()
        if self.asking and not self.asking.done():
            sever(self.voice)
            sever(self.ear)
            await asyncio.wait([self.asking], timeout=PATIENCE)
        if self.asking and self.asking.done() and not self.asking.cancelled():
            self.asking.exception()  # nobody waits for it any more
        for connection in (self.ear, self.voice):
            if connection:
                connection.close()
        self.ear = self.voice = None


def sever(connection: Store | None) -> None:
    """Wake a thread that waits for an answer which may never come. That it is coming this very
    moment, or the line is dead already, does no harm.
    """
    if connection is None or connection.closed:
        return
    with (
        suppress(OSError, psycopg.Error),
        socket.socket(fileno=socket.dup(connection.fileno())) as line,
    ):
        line.shutdown(socket.SHUT_RDWR)
