"""For people: trades, candles and what is known of them as frames of pandas, Polars or Arrow.

Everything archived comes from Parquet, everything newer from the live store, if it can be reached.
Times are UTC; a span is half-open, [start, end). docs/notebooks.md shows how to work with it.
"""

from alphapulse.archive.reading import ArchiveUnreadable
from alphapulse.lake.frames import BadShape
from alphapulse.loading.frames import (
    load_candles,
    load_coverage,
    load_gaps,
    load_markets,
    load_trades,
)
from alphapulse.loading.session import ArchivedOnly, NothingHere, open_archive
from alphapulse.spelling import BadTime, UnknownMarket

__all__ = [
    "ArchiveUnreadable",
    "ArchivedOnly",
    "BadShape",
    "BadTime",
    "NothingHere",
    "UnknownMarket",
    "load_candles",
    "load_coverage",
    "load_gaps",
    "load_markets",
    "load_trades",
    "open_archive",
]
