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
from alphapulse.lake.place import INSTANT, SCHEMA, File, LakeError, path_of, read_certificate
from alphapulse.trade import Market


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
        ("expected", pa.int64()),
        ("absent", pa.int64()),
        ("missing", pa.int64()),
        ("unexplained", pa.int64()),
        ("observed", pa.float64()),
        ("checksum", pa.string()),
    ]
)
