"""Parquet: where a market-day lives, what its file certifies, how it is checked and read.

The only door to pyarrow. Files are written by `archive` (DuckDB) and read back here by another
library before they count: what one wrote and the other reads alike is not a quirk of either.
"""

from alphapulse.lake.checks import CHECKS, notional_of, sum_of, verify
from alphapulse.lake.listing import bar_files, candle_catalogue, catalogue, listed, seen, superseded
from alphapulse.lake.months import (
    Place,
    extract,
    is_month,
    month_of,
    places_in,
    write_month,
)
from alphapulse.lake.place import (
    EXACT,
    INSTANT,
    SCHEMA,
    File,
    LakeError,
    files,
    path_of,
    put_in_place,
    read_certificate,
)
from alphapulse.lake.reading import (
    certificate_at,
    dataset,
    find_certificate,
    place_of,
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
    "Place",
    "bar_files",
    "candle_catalogue",
    "catalogue",
    "certificate_at",
    "dataset",
    "extract",
    "files",
    "find_certificate",
    "is_month",
    "listed",
    "month_of",
    "notional_of",
    "path_of",
    "place_of",
    "places_in",
    "put_in_place",
    "read",
    "read_certificate",
    "read_days",
    "seen",
    "sum_of",
    "superseded",
    "verify",
    "write_month",
]
