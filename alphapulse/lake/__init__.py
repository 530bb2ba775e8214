"""Parquet: where a market-day lives, what its file certifies, how it is checked and read.

The only door to pyarrow. What DuckDB's scanner read is written here, and DuckDB makes the checksum
from the file before it counts: what one wrote and the other reads alike is no quirk of either.
"""

from alphapulse.lake.checks import CHECKS, check_columns, verify
from alphapulse.lake.figures import Figures, figures_of, notional_of, sum_of
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
from alphapulse.lake.reading import catalogue, dataset, read, read_days
from alphapulse.lake.spelling import spelled
from alphapulse.lake.writing import DayFile, spread

__all__ = [
    "CHECKS",
    "EXACT",
    "INSTANT",
    "SCHEMA",
    "DayFile",
    "Figures",
    "File",
    "LakeError",
    "catalogue",
    "check_columns",
    "dataset",
    "figures_of",
    "files",
    "find_certificate",
    "notional_of",
    "path_of",
    "put_in_place",
    "read",
    "read_certificate",
    "read_days",
    "spelled",
    "spread",
    "sum_of",
    "verify",
]
