"""A look into an archived market-day: its prices and volume, its first and last rows."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from functools import partial
from glob import escape
from pathlib import Path
from typing import TypeAlias

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct

from alphapulse.archive.copying import OFFLINE

STRETCHES = 48  # of a day: half an hour each
FEW = 3  # rows shown of the beginning, and as many of the end

# The file is in order: a row's number decides which of two trades of one instant came first.
BARS = """
SELECT epoch_us(traded_at) % 86400000000 // 1800000000 AS stretch,
       arg_min(price, file_row_number), max(price), min(price), arg_max(price, file_row_number),
       sum(size)::DOUBLE
FROM read_parquet($path, hive_partitioning = false, file_row_number = true)
GROUP BY stretch ORDER BY stretch"""

EDGES = """
SELECT trade_id, traded_at::TIMESTAMP, price, size, side
FROM read_parquet($path, hive_partitioning = false, file_row_number = true)
WHERE file_row_number < $few OR file_row_number >= $rows - $few
ORDER BY file_row_number"""


class Bar(Struct, frozen=True):
    """Half an hour in which there were trades; `stretch` counts from midnight UTC."""

    stretch: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: float  # base currency; for looking at, hence not exact


class Edge(Struct, frozen=True):
    """A row of the file's beginning or end."""

    trade_id: int
    traded_at: datetime  # UTC
    price: Decimal
    size: Decimal
    side: str


class Preview(Struct, frozen=True):
    """`bars` of at least one trade, oldest first."""

    bars: tuple[Bar, ...]
    edges: tuple[Edge, ...]


Look: TypeAlias = Callable[[Path, int], Preview]


@contextmanager
def previewing() -> Iterator[Look]:
    """Looks into files of so many trades, all with one connection; a look raises duckdb.Error."""
    with duckdb.connect(":memory:", config=OFFLINE) as duck:
        duck.execute("SET TimeZone = 'UTC'")
        yield partial(preview, duck)


def preview(duck: DuckDBPyConnection, path: Path, rows: int) -> Preview:
    bound = {"path": escape(str(path))}
    bars = duck.execute(BARS, bound).fetchall()
    edges = duck.execute(EDGES, bound | {"few": FEW, "rows": rows}).fetchall()
    return Preview(tuple(Bar(*bar) for bar in bars), tuple(Edge(*edge) for edge in edges))
