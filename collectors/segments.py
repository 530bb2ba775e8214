"""The files of a journal: numbered segments of records, each of which proves itself.

A record: two bytes of magic; kind and length of its payload; CRC-32 of the payload; CRC-16 of all
these; the payload. So a record that a crash left half-written is told from one that was damaged
later, and behind damage the next whole record is found again.

A batch's payload is a block of a Zstandard stream that begins anew every FRESH_BYTES, so that
damage costs no more than that. Inside: `received_at`, connection, number of frames, their lengths,
their bytes.
"""

from binascii import crc_hqx
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from struct import Struct as Layout
from struct import error, pack, unpack_from
from typing import NamedTuple, TypeAlias
from zlib import crc32

import msgspec
import zstandard
from msgspec import Struct, field

from alphapulse.trade import Micros

MAGIC = b"\xa5J"
SUFFIX = ".journal"
FRESH_BYTES = 2**20  # of frames, after which compression begins anew
LEVEL = 1  # of Zstandard

HEADER, BATCH, FRESH, END = 1, 2, 3, 4  # kinds; FRESH: a batch that needs none before it

PREFIX = Layout("<2sII")  # magic, kind << 28 | length, CRC-32 of the payload
HEAD = PREFIX.size + 2
SEED = 0xFFFF  # of the CRC-16, so that zeros are no record
LONGEST = 2**28 - 1

INNER = Layout("<QQI")
TOTALS = Layout("<QQQQQ")
BLOCK = zstandard.COMPRESSOBJ_FLUSH_BLOCK


class Position(NamedTuple):
    """Behind a record: the segment's number, and bytes of its file up to there."""

    segment: int
    offset: int


class Record(NamedTuple):
    kind: int
    payload: bytes
    end: int


class Bad(NamedTuple):
    """Bytes that are no record. At the end of a file they are torn: a crash came between."""

    start: int
    end: int
    is_torn: bool


class Header(Struct, frozen=True):
    """The first record of a segment. `edges`: id and time of each market's last trade before it."""

    exchange: str
    simulated: bool
    opened_at: Micros
    edges: Mapping[str, tuple[int, Micros]] = field(default_factory=dict)
    version: int = 1


class Totals(Struct):
    """What a segment holds; the last record of one that was closed. `raw`: bytes of frames."""

    records: int = 0
    frames: int = 0
    raw: int = 0
    first_at: Micros = 0
    last_at: Micros = 0

    def add(self, received_at: Micros, frames: Sequence[bytes]) -> None:
        self.records += 1
        self.frames += len(frames)
        self.raw += sum(map(len, frames))
        self.first_at = self.first_at or received_at
        self.last_at = received_at

    def encode(self) -> bytes:
        return seal(END, TOTALS.pack(*msgspec.structs.astuple(self)))


class Batch(NamedTuple):
    """What came in one read of the socket."""

    position: Position
    received_at: Micros
    connection: int
    frames: tuple[bytes, ...]


Inner: TypeAlias = tuple[Micros, int, tuple[bytes, ...]]


def segment_path(folder: Path, number: int) -> Path:
    return folder / f"{number:012}{SUFFIX}"


def segment_numbers(folder: Path) -> list[int]:
    """Oldest first."""
    names = (path.name.removesuffix(SUFFIX) for path in folder.glob("*" + SUFFIX))
    return sorted(int(name) for name in names if name.isdecimal())


def seal(kind: int, payload: bytes) -> bytes:
    head = PREFIX.pack(MAGIC, kind << 28 | len(payload), crc32(payload))
    return b"".join((head, crc_hqx(head, SEED).to_bytes(2, "little"), payload))


def encode_header(header: Header) -> bytes:
    return seal(HEADER, msgspec.json.encode(header))


def decode_header(payload: bytes) -> Header | None:
    try:
        return msgspec.json.decode(payload, type=Header)
    except (msgspec.MsgspecError, ValueError, RecursionError):  # what is no UTF-8, or nested deeply
        return None


class Packer:
    """Makes the batches of one segment, each readable as soon as it is written."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL)
        self.raw = FRESH_BYTES

    def pack(self, received_at: Micros, connection: int, frames: Sequence[bytes]) -> bytes:
        lengths = pack(f"<{len(frames)}I", *map(len, frames))
        inner = b"".join((INNER.pack(received_at, connection, len(frames)), lengths, *frames))
        kind = BATCH
        if self.raw >= FRESH_BYTES:
            self.stream, self.raw, kind = self.compressor.compressobj(), 0, FRESH
        self.raw += len(inner)
        return seal(kind, self.stream.compress(inner) + self.stream.flush(BLOCK))


class Unpacker:
    """Reads what a Packer made, in order. After damage nothing can be read until a FRESH one."""

    def __init__(self) -> None:
        self.stream: zstandard.ZstdDecompressionObj | None = None

    def unpack(self, record: Record) -> Inner | None:
        if record.kind == FRESH:
            self.stream = zstandard.ZstdDecompressor().decompressobj()
        if self.stream is None:
            return None
        try:
            return split(self.stream.decompress(record.payload))
        except (zstandard.ZstdError, error, ValueError):
            self.stream = None
            return None


def split(inner: bytes) -> Inner:
    """Raises struct.error or ValueError."""
    received_at, connection, count = INNER.unpack_from(inner)
    lengths = unpack_from(f"<{count}I", inner, INNER.size)
    at = INNER.size + 4 * count
    if at + sum(lengths) != len(inner):
        raise ValueError("lengths of frames do not add up")
    frames = []
    for length in lengths:
        frames.append(inner[at : at + length])
        at += length
    return received_at, connection, tuple(frames)


def scan(data: bytes) -> Iterator[Record | Bad]:
    """The records of `data`, and what lies between or behind them that is none."""
    at = 0
    while at < len(data):
        record = record_at(data, at)
        if record:
            yield record
            at = record.end
        else:
            start, at = at, next_record(data, at + 1)
            yield Bad(start, at, is_torn=at == len(data))


def record_at(data: bytes, at: int) -> Record | None:
    if len(data) - at < HEAD:
        return None
    magic, measure, check = PREFIX.unpack_from(data, at)
    begin = at + HEAD
    end = begin + (measure & LONGEST)
    if magic != MAGIC or end > len(data):
        return None
    if crc_hqx(data[at : begin - 2], SEED) != int.from_bytes(data[begin - 2 : begin], "little"):
        return None
    payload = data[begin:end]
    return Record(measure >> 28, payload, end) if crc32(payload) == check else None


def next_record(data: bytes, at: int) -> int:
    """Where the next whole record begins; the end of `data`: nowhere."""
    while (at := data.find(MAGIC, at)) >= 0:
        if record_at(data, at):
            return at
        at += 1
    return len(data)
