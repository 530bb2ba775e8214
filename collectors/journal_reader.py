"""Reads a journal from any segment on, also while it is being written."""

from collections.abc import Iterator
from os import SEEK_END
from pathlib import Path
from typing import NamedTuple, TypeAlias

from msgspec import Struct

from collectors.segments import (
    BATCH,
    END,
    FRESH,
    HEAD,
    HEADER,
    TOTALS,
    Bad,
    Batch,
    Header,
    Position,
    Record,
    Totals,
    Unpacker,
    decode_header,
    record_at,
    scan,
    segment_numbers,
    segment_path,
)

HEADER_BYTES = 2**24  # that a header may have


class Damage(NamedTuple):
    """Bytes from `start` to `end` of a segment that are no record, or cannot be understood."""

    segment: int
    start: int
    end: int
    is_torn: bool


Found: TypeAlias = Header | Batch | Damage


class Reader:
    """Goes on where it stopped. A segment that retention took away meanwhile is passed over."""

    def __init__(self, folder: Path, segment: int = 0) -> None:
        self.folder = folder
        self.segment = segment
        self.offset = 0
        self.unpacker = Unpacker()

    def read(self, until: Position | None = None) -> Iterator[Found]:
        """Up to `until`, or all that is there."""
        while True:
            # Asked first: what is not the last is written no more, so its end is its end.
            later = [n for n in segment_numbers(self.folder) if n > self.segment]
            is_over = until is not None and self.segment >= until.segment
            limit = until.offset if until and self.segment == until.segment else None
            yield from self.read_segment(limit, is_last=is_over or not later)
            if is_over or not later:
                return
            self.segment, self.offset = later[0], 0
            self.unpacker = Unpacker()

    def read_segment(self, limit: int | None, *, is_last: bool) -> Iterator[Found]:
        try:
            with segment_path(self.folder, self.segment).open("rb") as file:
                size = file.seek(0, SEEK_END)
                base = file.seek(self.offset)
                data = file.read(max(0, min(size, limit or size) - base))
        except FileNotFoundError:
            return
        for found in scan(data):
            if isinstance(found, Record):
                self.offset = base + found.end
                yield from self.understand(found)
            else:
                if not (found.is_torn and is_last):  # else it may be still on its way
                    self.unpacker = Unpacker()
                    self.offset = base + found.end
                yield damage(self.segment, base, found)

    def understand(self, record: Record) -> Iterator[Found]:
        if record.kind in {BATCH, FRESH}:
            batch = self.unpacker.unpack(record)
            if batch:
                yield Batch(Position(self.segment, self.offset), *batch)
                return
        elif record.kind == END:
            return
        elif record.kind == HEADER and (header := decode_header(record.payload)):
            yield header
            return
        start = self.offset - len(record.payload) - HEAD
        yield Damage(self.segment, start, self.offset, is_torn=False)


def damage(segment: int, base: int, bad: Bad) -> Damage:
    return Damage(segment, base + bad.start, base + bad.end, bad.is_torn)


class Contents(Struct):
    """What a segment holds, and what of it cannot be read."""

    totals: Totals
    damages: list[Damage]


def read_contents(folder: Path, segment: int) -> Contents:
    """Reads and checks every byte."""
    found = Contents(Totals(), [])
    for item in Reader(folder, segment).read(Position(segment, 2**62)):
        if isinstance(item, Batch):
            found.totals.add(item.received_at, item.frames)
        elif isinstance(item, Damage):
            found.damages.append(item)
    return found


def read_totals(folder: Path, segment: int) -> Totals:
    """The totals that stand at the end of a closed segment; any other is read as a whole."""
    with segment_path(folder, segment).open("rb") as file:
        size = file.seek(0, SEEK_END)
        file.seek(max(0, size - HEAD - TOTALS.size))
        record = record_at(file.read(), 0)
    if record and record.kind == END and len(record.payload) == TOTALS.size:
        return Totals(*TOTALS.unpack(record.payload))
    return read_contents(folder, segment).totals


def read_header(folder: Path, segment: int) -> Header | None:
    with segment_path(folder, segment).open("rb") as file:
        record = record_at(file.read(HEADER_BYTES), 0)
    return decode_header(record.payload) if record and record.kind == HEADER else None


def end_of(folder: Path, segment: int) -> int:
    """Where a segment's last whole record ends; bytes behind it were torn by a crash."""
    data = segment_path(folder, segment).read_bytes()
    torn = (found.start for found in scan(data) if isinstance(found, Bad) and found.is_torn)
    return next(torn, len(data))
