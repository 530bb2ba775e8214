"""A stream client, a process of its own: it resumes by its cursor and writes down what it saw.

python -m chaos.client PORT LOG --known binance/BTCUSDT … [--market binance …]
"""

import argparse
import asyncio
import contextlib
import ctypes
import signal
import sys
import time
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from msgspec import Struct
from picows import WSError, WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

from chaos.log import RECORD, STRANGER, Event, Log
from chaos.rows import BUY, SELL, units

PAUSE = 0.3  # seconds between two dials
SILENCE = 15.0  # seconds without a frame after which the line is dead; heartbeats come each second
MANY = 2000  # trades written at once at the most


class Frame(Struct):
    """Any frame of the stream protocol, as far as it matters here."""

    type: str
    cursor: str | None = None
    exchange: str = ""
    symbol: str = ""
    id: str = ""
    price: str = ""
    size: str = ""
    time: str = ""
    side: str = ""
    recovered: bool = True
    reason: str = ""
    message: str = ""


decode = msgspec.json.Decoder(Frame).decode


class Follower(WSListener):
    """One connection: hears frames, hands them to the log."""

    def __init__(self, log: Log, numbers: dict[tuple[str, str], int], wish: dict[str, Any]) -> None:
        self.log = log
        self.numbers = numbers
        self.wish = wish
        self.records: list[bytes] = []
        self.cursor = log.cursor
        self.heard_at = time.monotonic()
        self.transport: WSTransport | None = None

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        place = {"cursor": self.cursor} if self.cursor else {}
        request = {"type": "subscribe", "last": 0, **self.wish, **place}
        transport.send(WSMsgType.TEXT, msgspec.json.encode(request))

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        self.heard_at = time.monotonic()
        if frame.msg_type is WSMsgType.TEXT:
            self.hear(decode(frame.get_payload_as_bytes()))
        elif frame.msg_type is WSMsgType.CLOSE:
            words = f"{frame.get_close_code()} {frame.get_close_message()!r}"
            self.note("closed", words)
            transport.disconnect(graceful=False)
        if frame.last_in_buffer or len(self.records) >= MANY:
            self.flush()

    def hear(self, frame: Frame) -> None:
        if frame.type == "trade":
            self.records.append(self.record(frame))
        elif frame.type == "subscribed":
            self.subscribe(frame)
            return
        elif frame.type in {"error", "status"}:
            self.note(frame.type, frame.message)
        elif frame.type == "hello":
            return  # its cursor is the server's place, not ours
        if frame.cursor:
            self.cursor = frame.cursor

    def subscribe(self, frame: Frame) -> None:
        """A first subscription starts the log; whatever else is not recovered lost something."""
        self.flush()
        is_first = not self.cursor
        self.cursor = frame.cursor or self.cursor
        what = "began" if is_first else "recovered" if frame.recovered else "not recovered"
        self.note(what, frame.reason)

    def record(self, frame: Frame) -> bytes:
        number = self.numbers.get((frame.exchange, frame.symbol), STRANGER)
        side = BUY if frame.side == "buy" else SELL
        at = second_of(frame.time[:19]) + int(frame.time[20:26])
        return RECORD.pack(number, int(frame.id), units(frame.price), units(frame.size), at, side)

    def note(self, what: str, why: str = "") -> None:
        self.flush()
        self.log.add_event(Event(what, time.time(), why), self.cursor)

    def flush(self) -> None:
        if self.records:
            self.log.add_rows(self.records, self.cursor)
            self.records = []

    def leave(self) -> None:
        if self.transport:
            self.note("cut", "by ourselves")
            self.transport.disconnect(graceful=False)


@lru_cache(maxsize=1024)
def second_of(text: str) -> int:
    """`2026-01-31T12:00:00`, UTC, in microseconds."""
    return int(datetime.fromisoformat(text + "+00:00").timestamp()) * 1_000_000


async def follow(port: int, log: Log, numbers: dict[tuple[str, str], int], wish: Any) -> None:
    """For ever; SIGUSR1 drops the line."""
    current: list[Follower] = []
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: current[0].leave() if current else None)
    while True:
        follower = Follower(log, numbers, wish)
        current[:] = [follower]
        with contextlib.suppress(OSError, WSError, TimeoutError):  # it comes back
            await attend(follower, port)
        follower.flush()
        await asyncio.sleep(PAUSE)


async def attend(follower: Follower, port: int) -> None:
    async with asyncio.timeout(10):
        transport, _ = await ws_connect(lambda: follower, f"ws://127.0.0.1:{port}/")
    ended = asyncio.ensure_future(transport.wait_disconnected())
    while not ended.done():
        await asyncio.wait([ended], timeout=1)
        if time.monotonic() - follower.heard_at > SILENCE:
            follower.note("silent")
            transport.disconnect(graceful=False)
    await ended


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m chaos.client", description=__doc__)
    words.add_argument("port", type=int)
    words.add_argument("log", type=Path)
    words.add_argument("--known", nargs="+", required=True, help="EXCHANGE/SYMBOL, in their order")
    words.add_argument("--market", nargs="*", default=["*"], help="the filter, as in the protocol")
    given = words.parse_args()
    if sys.platform == "linux":  # we end with chaos, however it ends
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)
    pairs = [key.partition("/") for key in given.known]
    numbers = {(exchange, symbol): place for place, (exchange, _, symbol) in enumerate(pairs)}
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    uvloop.run(follow(given.port, Log(given.log), numbers, {"markets": given.market}))


if __name__ == "__main__":
    main()
