"""Market-days as Arrow tables and datasets, and the list of all files."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from alphapulse.day import MarketDay, days_between
from alphapulse.lake.place import (
    INSTANT,
    SCHEMA,
    File,
    LakeError,
    files,
    path_of,
    read_certificate,
)
from alphapulse.trade import Market, unspell


def read(path: Path) -> pa.Table:
    """One file, its columns as in SCHEMA."""
    return pq.read_table(path, partitioning=None, schema=SCHEMA)


def read_days(parquet: Path, market: Market, first: date, last: date) -> pa.Table:
    """A market's archived trades from `first` to `last`, both included."""
    return dataset(parquet, market, first, last).to_table()


def dataset(parquet: Path, market: Market, first: date, last: date) -> Any:
    """The same, lazily: a pyarrow Dataset, which Polars and DuckDB scan too."""
    paths = (path_of(parquet, MarketDay(day, market)) for day in days_between(first, last))
    found = [str(path) for path in paths if path.exists()]
    return ds.dataset(found, schema=SCHEMA, format="parquet")


def catalogue(found: list[File]) -> pa.Table:
    """One row per file: its certificate, where it lies and how large it is; raises LakeError."""
    return pa.Table.from_pylist(list(catalogue_rows(found)), schema=CATALOGUE)


def candle_files(candles: Path) -> list[File]:
    """Every market-day's files of bars, of all sizes, in order of their paths."""
    return [file for size in sorted(candles.glob("[!.]*/")) for file in files(size)]


def candle_catalogue(found: list[File]) -> pa.Table:
    """One row per file of bars: whose, and whether their day was over; raises LakeError."""
    return pa.Table.from_pylist([candle_row(file) for file in found], schema=CANDLE_CATALOGUE)


def candle_row(file: File) -> dict[str, object]:
    size, exchange, symbol, name = file.path.parts[-4:]
    try:
        words = pq.read_metadata(file.path).metadata or {}
        day = date.fromisoformat(name.removesuffix(".parquet"))
    except (pa.ArrowInvalid, ValueError) as failure:
        raise LakeError(f"{file.path} is no file of candles ({failure}): move it away") from failure
    return {
        "size": size,
        "exchange": exchange,
        "symbol": unspell(symbol),
        "date": day,
        "path": str(file.path.absolute()),
        "bytes": file.bytes,
        "changed_at": file.changed_at,
        "day_closed": words.get(b"alphapulse.day_closed") == b"true",
    }


CANDLE_CATALOGUE = pa.schema(
    [
        ("size", pa.string()),
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("date", pa.date32()),
        ("path", pa.string()),
        ("bytes", pa.int64()),
        ("changed_at", pa.int64()),
        ("day_closed", pa.bool_()),
    ]
)


def catalogue_rows(found: list[File]) -> Iterator[dict[str, object]]:
    for file in found:
        certificate = read_certificate(file.path)
        if file.path.parts[-3:] != path_of(Path(), certificate.day).parts:
            raise LakeError(f"{file.path} holds {certificate.day.key}: move it where it belongs")
        yield msgspec.structs.asdict(certificate) | {
            "path": str(file.path.absolute()),
            "bytes": file.bytes,
            "changed_at": file.changed_at,
        }


CATALOGUE = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("date", pa.date32()),
        ("path", pa.string()),
        ("rows", pa.int64()),
        ("first_id", pa.int64()),
        ("last_id", pa.int64()),
        ("bytes", pa.int64()),
        ("changed_at", pa.int64()),
        ("day_closed", pa.bool_()),
        ("simulated", pa.bool_()),
        ("exported_at", INSTANT),
        ("schema_version", pa.int32()),
        ("certificate_version", pa.int32()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("expected", pa.int64()),
        ("repaired", pa.int64()),
        ("absent", pa.int64()),
        ("missing", pa.int64()),
        ("unexplained", pa.int64()),
        ("observed", pa.float64()),
        ("checksum", pa.string()),
    ]
)
