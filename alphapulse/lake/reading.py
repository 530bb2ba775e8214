"""Market-days as Arrow tables and datasets, wherever they lie."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.dataset as ds
import pyarrow.fs
import pyarrow.parquet as pq

from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay, days_between
from alphapulse.lake.listing import certificate_of
from alphapulse.lake.months import Pairs, Place, find_place, month_of, month_pairs
from alphapulse.lake.place import SCHEMA, path_of, read_certificate
from alphapulse.trade import Market

PARQUET = ds.ParquetFileFormat()


def place_of(parquet: Path, day: MarketDay) -> Place | None:
    """Where the day's trades lie: in a file of their own, in their month's file, or nowhere."""
    return find_place(path_of(parquet, day))


def find_certificate(parquet: Path, day: MarketDay) -> Certificate | None:
    """What the day's file certifies; None where the day is not archived. Raises LakeError."""
    return certificate_at(path_of(parquet, day))


def certificate_at(
    path: Path, months: Callable[[Path], dict[date, Pairs]] = month_pairs
) -> Certificate | None:
    """The same of the day whose own file lies, or would lie, at `path`.

    `months` reads a month's file, for whoever asks for many of its days.
    """
    try:
        return read_certificate(path)
    except FileNotFoundError:
        pass
    month = month_of(path)
    if not month.exists():
        return None
    pairs = months(month).get(date.fromisoformat(path.stem))
    return None if pairs is None else certificate_of(month, pairs)


def read(path: Path) -> Any:
    """One file as an Arrow table, its columns as in SCHEMA."""
    return pq.read_table(path, partitioning=None, schema=SCHEMA)


def read_days(parquet: Path, market: Market, first: date, last: date) -> Any:
    """A market's archived trades from `first` to `last`, both included."""
    return dataset(parquet, market, first, last).to_table()


def dataset(parquet: Path, market: Market, first: date, last: date) -> Any:
    """The same, lazily: a pyarrow Dataset, which Polars and DuckDB scan too."""
    places = (place_of(parquet, MarketDay(day, market)) for day in days_between(first, last))
    system = pyarrow.fs.LocalFileSystem()
    fragments = [
        PARQUET.make_fragment(
            str(place.path), system, row_groups=None if place.group is None else [place.group]
        )
        for place in places
        if place is not None
    ]
    return ds.FileSystemDataset(fragments, SCHEMA, PARQUET, system)
