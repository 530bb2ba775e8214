"""What a stream client wrote down: trades together with the cursor behind them, or an event.

A chunk is whole or it does not count, so a client that was killed goes on behind its last whole
chunk: the rows and the cursor reach the disk in one write.
"""

import os
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import Struct

from chaos.rows import ROW

HEAD = struct.Struct("<cHI")  # what it is, bytes of the cursor, bytes of the rest
ROWS, EVENT = b"R", b"E"
RECORD = struct.Struct("<hqqqqb")  # market's number, id, price, size, time, side
STRANGER = -1  # number of a market that nobody serves
RECORDS = np.dtype([("market", "<i2"), *ROW.descr])


class Event(Struct, frozen=True):
    """What a client lived through, at seconds since the epoch."""

    what: str
    at: float
    why: str = ""


class Chunk(Struct, frozen=True):
    kind: bytes
    cursor: str
    body: bytes

    @property
    def size(self) -> int:
        return HEAD.size + len(self.cursor.encode()) + len(self.body)


class Log:
    """Appends; `cursor` is where the last whole chunk stands, empty at the very beginning."""

    def __init__(self, path: Path) -> None:
        self.cursor, whole = tail(path)
        self.file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
        os.ftruncate(self.file, whole)
        os.lseek(self.file, whole, os.SEEK_SET)

    def add_rows(self, records: Sequence[bytes], cursor: str) -> None:
        self.write(ROWS, cursor, b"".join(records))

    def add_event(self, event: Event, cursor: str) -> None:
        self.write(EVENT, cursor, msgspec.json.encode(event))

    def write(self, kind: bytes, cursor: str, body: bytes) -> None:
        place = cursor.encode()
        data = HEAD.pack(kind, len(place), len(body)) + place + body
        written = os.write(self.file, data)
        if written != len(data):
            raise OSError(f"{written} of {len(data)} bytes could be written: the disk is full")
        self.cursor = cursor


class Tally:
    """Counts the trades of a log that grows; looks only at what is new."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = 0
        self.trades = 0

    def count(self) -> int:
        for chunk in chunks(self.path, self.place):
            self.place += chunk.size
            self.trades += len(chunk.body) // RECORD.size if chunk.kind == ROWS else 0
        return self.trades


def tail(path: Path) -> tuple[str, int]:
    """The last cursor, and the bytes up to the end of the last whole chunk."""
    cursor, whole = "", 0
    for chunk in chunks(path):
        cursor = chunk.cursor or cursor
        whole += chunk.size
    return cursor, whole


def chunks(path: Path, place: int = 0) -> Iterator[Chunk]:
    """Every whole chunk from byte `place` on; nothing where there is no file."""
    if not path.exists():
        return
    with path.open("rb") as file:
        file.seek(place)
        while len(head := file.read(HEAD.size)) == HEAD.size:
            kind, place, size = HEAD.unpack(head)
            data = file.read(place + size)
            if len(data) < place + size:
                return
            yield Chunk(kind, data[:place].decode(), data[place:])


def records_of(path: Path) -> npt.NDArray[Any]:
    """All trades of a log, in order of receipt, as RECORDS."""
    parts = [np.frombuffer(c.body, RECORDS) for c in chunks(path) if c.kind == ROWS]
    return np.concatenate(parts) if parts else np.empty(0, RECORDS)


def events_of(path: Path) -> list[Event]:
    return [
        msgspec.json.decode(chunk.body, type=Event) for chunk in chunks(path) if chunk.kind == EVENT
    ]
