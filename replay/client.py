"""One connection to us: what it is owed, what it may not do, and the bytes that wait for it.

A client that leaves more than UNSENT bytes unread is cut: its slowness must not become our memory.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import inf

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from replay.dialect import Line, Manners
from replay.faults import ABNORMAL
from replay.frames import text_frame
from replay.mischief import Mischief

UNSENT = 8 * 1024 * 1024  # bytes

log = logging.getLogger("replay")


class Client:
    """Writes straight to the transport: frames are whole, so they may be joined in one write."""

    def __init__(self, connection: ServerConnection, line: Line, manners: Manners) -> None:
        self.connection = connection
        self.line = line
        self.manners = manners
        self.mischief = Mischief()
        self.loop = asyncio.get_running_loop()
        self.opened_at = self.sent_at = self.beat_at = self.asked_at = self.loop.time()
        self.silent_until = 0.0
        self.messages: deque[float] = deque()
        self.closing: asyncio.Task[None] | None = None

    @property
    def is_silent(self) -> bool:
        return self.loop.time() < self.silent_until

    @property
    def is_open(self) -> bool:
        """Nothing may follow a close frame, whoever sent it."""
        transport = self.connection.transport
        return self.connection.state is State.OPEN and not transport.is_closing()

    @property
    def unsent(self) -> int:
        return self.connection.transport.get_write_buffer_size()

    def say(self, texts: Iterable[str]) -> None:
        """Frames that are no trades; faults of frames leave them alone."""
        self.write([self.line.stamp(text_frame(text)) for text in texts])

    def deliver(self, frames: Sequence[bytes]) -> None:
        """Trade frames, bent by whatever fault is pending."""
        stamped = [self.line.stamp(frame) for frame in frames]
        if not self.is_silent:
            self.write(self.mischief.bend(stamped))

    def write(self, frames: Sequence[bytes]) -> None:
        if not frames or self.is_silent or not self.is_open:
            return
        self.connection.transport.write(frames[0] if len(frames) == 1 else b"".join(frames))
        self.sent_at = self.loop.time()
        if self.unsent > UNSENT:
            log.warning("a client left %d bytes unread: cut", self.unsent)
            self.cut(ABNORMAL, "")

    async def drained(self) -> None:
        """Until the reader has taken most of what was written, or is gone."""
        if self.is_open:
            with suppress(OSError):
                await self.connection.drain()

    async def serve(self) -> None:
        """Until the connection ends, by whichever side."""
        self.say(self.line.open())
        pings = self.loop.create_task(self.keep_pinging())
        try:
            with suppress(ConnectionClosed):  # the usual end of a line that is cut
                async for message in self.connection:
                    self.hear(message if isinstance(message, str) else message.decode())
        finally:
            pings.cancel()

    def hear(self, message: str) -> None:
        now = self.loop.time()
        self.asked_at = now
        self.messages.append(now)
        while self.messages[0] < now - 1.0:
            self.messages.popleft()
        if len(self.messages) > self.manners.messages_per_second:
            self.cut(1008, "Too many requests")
        else:
            self.say(self.line.read(message))

    async def keep_pinging(self) -> None:
        """An exchange that pings cuts whoever does not answer."""
        if self.manners.ping_every == inf:
            return
        with suppress(ConnectionClosed):
            while True:
                await asyncio.sleep(self.manners.ping_every)
                if not await self.has_answered():
                    self.cut(1008, "Pong timeout")

    async def has_answered(self) -> bool:
        if self.is_silent:
            return True
        try:
            async with asyncio.timeout(self.manners.pong_within):
                await (await self.connection.ping())
        except TimeoutError:
            return False
        return True

    def tick(self) -> None:
        """Several times a second: heartbeats and deadlines."""
        now, manners = self.loop.time(), self.manners
        if not self.line.symbols and now - self.opened_at > manners.subscribe_within:
            self.cut(1008, "Subscribe timeout")
        elif now - self.opened_at > manners.max_age:
            self.cut(1008, "Connection too old")
        elif now - self.last_beat >= manners.heartbeat_every:
            self.beat_at = now
            self.say(self.line.beat())

    @property
    def last_beat(self) -> float:
        return max(self.beat_at, self.sent_at) if self.manners.beats_when_idle else self.beat_at

    def fall_silent(self, seconds: float) -> None:
        """Not a byte goes out and none is read, so that not even a ping is answered."""
        self.silent_until = self.loop.time() + seconds
        self.connection.transport.pause_reading()
        self.loop.call_later(seconds, self.wake)

    def wake(self) -> None:
        if not self.is_silent and self.is_open:
            self.connection.transport.resume_reading()

    def cut(self, code: int, reason: str) -> None:
        if code == ABNORMAL or self.is_silent:
            self.connection.transport.abort()
        elif not self.closing:
            self.closing = self.loop.create_task(self.connection.close(code, reason))
