"""Parquet: where a market-day lives, what its file certifies, how it is checked and read.

The only door to pyarrow. Files are written by `archive` (DuckDB) and read back here by another
library before they count: what one wrote and the other reads alike is not a quirk of either.
"""

from alphapulse.lake.checks import CHECKS, notional_of, sum_of, verify
from alphapulse.lake.place import (
    EXACT,
    INSTANT,
    SCHEMA,
    File,
    LakeError,
    files,
    find_certificate,
    path_of,
    put_in_place,
    read_certificate,
)
from alphapulse.lake.reading import (
    candle_catalogue,
    candle_files,
    catalogue,
    dataset,
    read,
    read_days,
)

__all__ = [
    "CHECKS",
    "EXACT",
    "INSTANT",
    "SCHEMA",
    "File",
    "LakeError",
    "candle_catalogue",
    "candle_files",
    "catalogue",
    "dataset",
    "files",
    "find_certificate",
    "notional_of",
    "path_of",
    "put_in_place",
    "read",
    "read_certificate",
    "read_days",
    "sum_of",
    "verify",
]
