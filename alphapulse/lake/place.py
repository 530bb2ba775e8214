"""Where a market-day's file lies, what is in it, and how it gets into its place."""

import os
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from alphapulse.certificate import Certificate, read_pairs
from alphapulse.day import MarketDay
from alphapulse.trade import spell

INSTANT = pa.timestamp("us", tz="UTC")
EXACT = pa.decimal128(38, 18)

SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("trade_id", pa.int64()),
        ("traded_at", INSTANT),
        ("price", EXACT),
        ("size", EXACT),
        ("side", pa.string()),
        ("received_at", INSTANT),
        ("source", pa.string()),
    ]
)


class LakeError(Exception):
    """A file that must not be trusted; the message names it and what to do."""


class File(Struct, frozen=True):
    """A file of the lake: enough to see that it changed, without opening it."""

    path: Path
    bytes: int
    changed_at: int  # nanoseconds


def path_of(parquet: Path, day: MarketDay) -> Path:
    """`parquet/coinbase/BTC-USD/2026-11-21.parquet`; the symbol is spelled as in `Market.key`."""
    exchange, symbol = day.market.exchange, day.market.symbol
    if spell(exchange) != exchange:
        raise LakeError(
            f"exchange {exchange!r} cannot be a folder: use letters, digits, '.' and '-'"
        )
    return parquet / exchange / spell(symbol) / f"{day.date}.parquet"


def files(parquet: Path) -> list[File]:
    """Every file of a market-day or a market's month, in order of its path."""
    stats = ((path, path.stat()) for path in sorted(parquet.glob("*/*/[!.]*.parquet")))
    return [File(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats]


def footer(path: Path) -> dict[bytes, bytes]:
    """The key-value pairs of a file; raises pa.ArrowInvalid where it is none, or OSError."""
    try:
        return pq.read_metadata(path).metadata or {}
    except OSError as failure:
        if failure.errno is None:  # no system call failed: the footer cannot be decoded
            raise pa.ArrowInvalid(str(failure).strip()) from failure
        raise


def read_certificate(path: Path) -> Certificate:
    """The file's own words, from its footer alone; raises LakeError, or FileNotFoundError."""
    try:
        return read_pairs(footer(path))
    except (pa.ArrowInvalid, msgspec.ValidationError, UnicodeDecodeError) as failure:
        raise LakeError(f"{path} is no file of this archive ({failure}): move it away") from failure


def put_in_place(written: Path, path: Path) -> None:
    """Make `written` durable, then rename it to `path`: readers see the old file or the new."""
    sync(written)
    written.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
