"""One client's connection: whole frames into its transport, never more than its buffer may hold.

websockets keeps the handshake, the pings and what the client sends; our frames are written beside
it, straight to the transport. Both write whole frames in one call each, so none is ever cut in two.
"""

import asyncio
from collections.abc import Callable

from websockets.asyncio.server import ServerConnection
from websockets.frames import CloseCode
from websockets.protocol import State

from streamer.protocol import LONGEST_REASON, TRY_LATER
from streamer.subscription import Subscribe

CLOSING_PATIENCE = 5.0  # seconds that a closing handshake may take
DRAIN_PATIENCE = 30.0  # seconds in which a client must take in a part of its backlog
DRAIN_STEP = 0.01


class Closed(Exception):
    """The client is gone, or on its way out."""


class Client:
    """A member of the hub. While it is `held`, live frames wait behind its backlog; those that are
    more than its buffer are forgotten, and read from the store when the backlog was told.
    """

    def __init__(
        self, connection: ServerConnection, buffer_bytes: int, sent_place: Callable[[], str]
    ) -> None:
        self.connection = connection
        self.buffer_bytes = buffer_bytes
        self.sent_place = sent_place
        self.held: list[bytes] | None = None
        self.held_bytes = 0
        self.is_outrun = False  # live frames were forgotten while the backlog ran
        self.own_place: str | None = None  # while its backlog runs: up to where it was given
        self.is_quiet = True  # nothing was written since the last heartbeat
        self.frames = 0
        self.was_slow = False
        self.has_asked = False
        self.requests = 0  # in the current second
        self.joining: asyncio.Task[None] | None = None
        self.subscription: Subscribe | None = None

    # -- as a member of the hub

    def send(self, frames: bytes, count: int) -> None:
        self.frames += count
        if self.held is None:
            self.write(frames)
            return
        if self.is_outrun:
            return
        self.held.append(frames)
        self.held_bytes += len(frames)
        if self.held_bytes > self.buffer_bytes:
            self.is_outrun = True
            self.held.clear()

    # -- writing

    @property
    def backlog_bytes(self) -> int:
        """Bytes that the client has yet to take in."""
        return self.connection.transport.get_write_buffer_size() if self.is_open else 0

    @property
    def is_open(self) -> bool:
        return self.connection.state is State.OPEN

    def write(self, frames: bytes) -> None:
        """Hand over whole frames, or close the client that does not take them in."""
        if not self.is_open:
            return
        if self.backlog_bytes > self.buffer_bytes:
            self.drop()
            return
        self.connection.transport.write(frames)
        self.is_quiet = False

    def hold(self) -> None:
        self.held, self.held_bytes, self.is_outrun = [], 0, False

    def release(self) -> None:
        """The backlog is told: what came live meanwhile follows in one piece."""
        held, self.held, self.held_bytes, self.own_place = self.held or [], None, 0, None
        if held:
            self.write(b"".join(held))

    async def drained(self) -> None:
        """Wait until half the buffer is free; raises Closed if that takes too long."""
        patience = DRAIN_PATIENCE
        while self.is_open and self.backlog_bytes > self.buffer_bytes // 2:
            if patience <= 0:
                self.drop()
            patience -= DRAIN_STEP
            await asyncio.sleep(DRAIN_STEP)
        if not self.is_open:
            raise Closed

    # -- closing

    def drop(self) -> None:
        """Too slow: 1013 and the cursor of the last frame that was written, or no reason where the
        cursor is longer than a reason may be. The last frame that the client received has it too.
        """
        if self.is_open:
            self.was_slow = True
            place = self.sent_place() if self.own_place is None else self.own_place
            self.close(TRY_LATER, place if len(place) <= LONGEST_REASON else "")

    def close(self, code: int, reason: str = "") -> None:
        """Begin the closing handshake behind what is buffered; cut the line if it does not end."""
        if self.is_open:
            self.connection.protocol.send_close(CloseCode(code), reason)
            self.connection.send_data()
            loop = asyncio.get_running_loop()
            loop.call_later(CLOSING_PATIENCE, self.connection.transport.abort)
