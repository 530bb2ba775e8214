"""Parquet: where a market-day lives, what its file certifies, how it is checked and read.

The only door to pyarrow. What DuckDB's scanner read is written here, and DuckDB makes the checksum
from the file before it counts: what one wrote and the other reads alike is no quirk of either.
"""

from alphapulse.lake.checks import CHECKS, check_columns, verify
from alphapulse.lake.figures import Figures, figures_of, notional_of, sum_of
from alphapulse.lake.listing import bar_files, candle_catalogue, catalogue, listed, seen, superseded
from alphapulse.lake.months import (
    Place,
    day_pairs,
    extract,
    is_month,
    month_of,
    month_pairs,
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
    "Place",
    "bar_files",
    "candle_catalogue",
    "catalogue",
    "certificate_at",
    "check_columns",
    "dataset",
    "day_pairs",
    "extract",
    "figures_of",
    "files",
    "find_certificate",
    "is_month",
    "listed",
    "month_of",
    "month_pairs",
    "notional_of",
    "path_of",
    "place_of",
    "places_in",
    "put_in_place",
    "read",
    "read_certificate",
    "read_days",
    "seen",
    "spelled",
    "spread",
    "sum_of",
    "superseded",
    "verify",
    "write_month",
]
