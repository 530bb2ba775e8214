"""Recorded frames into the store, through the same parser and writer as live ones."""

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import zstandard
from msgspec import Struct

from alphapulse.store.claims import claim
from alphapulse.store.connect import connect
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Trade
from collectors.exchange import Exchange

BATCH = 10_000  # rows in one transaction
GZIP, ZSTANDARD = b"\x1f\x8b", b"\x28\xb5"  # how such files begin


class LoadError(Exception):
    """A file that is no recording, or ends early; the message names file and line."""


class Frame(Struct, frozen=True):
    """A line of a recording: nanoseconds since the epoch at receipt, the frame as received."""

    recv_ns: int
    raw: str


class Loaded(Struct):
    """`rejected` counts frames that the parser does not know; `trades` = `new` + `repeated`."""

    frames: int = 0
    trades: int = 0
    new: int = 0
    repeated: int = 0
    rejected: int = 0


def load_files(url: str, exchange: Exchange, paths: Sequence[Path]) -> Loaded:
    """Store every trade of `paths`; nothing is stored twice, however often it is loaded.

    Claims the exchange meanwhile. Raises LoadError (what came before the bad line is stored),
    AlreadyCollected, StoreUnavailable.
    """
    return load_frames(url, exchange, (frame for path in paths for frame in read_frames(path)))


def load_frames(url: str, exchange: Exchange, frames: Iterable[Frame]) -> Loaded:
    """The same for frames from anywhere."""
    counts = Loaded()
    with connect(url, f"load {exchange.NAME}") as store:
        claim(store, exchange.NAME)
        writer = TradeWriter(store)
        batch: list[Trade] = []
        try:
            for frame in frames:
                batch += parse(exchange, frame, counts)
                if len(batch) >= BATCH:
                    batch = put(writer, batch, counts)
        finally:
            put(writer, batch, counts)
    return counts


def put(writer: TradeWriter, batch: list[Trade], counts: Loaded) -> list[Trade]:
    new = writer.insert(batch)
    counts.new += new
    counts.repeated += len(batch) - new
    return []


def parse(exchange: Exchange, frame: Frame, counts: Loaded) -> Iterable[Trade]:
    counts.frames += 1
    try:
        events = exchange.parse(frame.raw.encode(), frame.recv_ns // 1000)
        trades = [event for event in events if isinstance(event, Trade)]
    except Exception:  # noqa: BLE001 - UnexpectedMessage, or a bug: it costs its frame alone
        counts.rejected += 1
        return []
    counts.trades += len(trades)
    return trades


def read_frames(path: Path) -> Iterator[Frame]:
    """The frames of a recording, oldest first; raises LoadError that names the line."""
    number = 0
    try:
        with open_recording(path) as lines:
            for line in lines:
                number += 1
                yield msgspec.json.decode(line, type=Frame)
        if not number:
            raise LoadError(f"{path} holds no frames")
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as failure:
        raise LoadError(
            f'{path}, line {number}: not a recorded frame {{"recv_ns": …, "raw": "…"}} ({failure})'
        ) from failure
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as failure:
        raise LoadError(f"{path} ends early, after line {number}: {failure}") from failure


def open_recording(path: Path) -> io.BufferedIOBase:
    """The lines of a plain, gzip or Zstandard file."""
    with path.open("rb") as file:
        beginning = file.read(2)
    if beginning == GZIP:
        return gzip.open(path, "rb")
    if beginning == ZSTANDARD:
        return io.BufferedReader(zstandard.open(path))
    return path.open("rb")
