"""Every check of an archived market-day, in one pass: the file, the store, and the two compared.

Each check has a name of its own and fails by itself; whoever asks gets all of them, because the
reading is what costs.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from glob import escape
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct

from alphapulse.archive.copying import OFFLINE
from alphapulse.archive.day_file import day_file
from alphapulse.archive.verifying import Finding, verify_file
from alphapulse.day import MarketDay
from alphapulse.lake import LakeError
from alphapulse.store.connect import connect
from alphapulse.store.spans import Span, spans_of

CHECKS = {
    "rows_match_store": "Each file has as many rows as the store had when it was exported. "
    "Rows that came later warn only: the day is exported again by itself.",
    "ids_match_store": "Each file's smallest and largest trade id are the store's.",
    "certificate_verifies": "Each file, read again by another library, is what it certifies: "
    "columns, ids, order, exact sums, checksum. From the file alone.",
    "times_inside_day": "Every trade of a file lies inside its UTC day, by the exchange's clock.",
    "ids_do_not_repeat": "No trade id occurs twice in a file.",
    "prices_and_sizes_positive": "No price and no size is zero or negative.",
}

INSPECT = """
SELECT count(*), min(trade_id), max(trade_id), count(*) - count(DISTINCT trade_id),
       count(*) FILTER (price <= 0), count(*) FILTER (size <= 0),
       count(*) FILTER (traded_at < $starts_at OR traded_at >= $ends_at)
FROM read_parquet($path, hive_partitioning = false)"""


class Rows(Struct, frozen=True):
    """What a file holds, counted from its rows and not from its certificate."""

    rows: int = 0
    first_id: int | None = None
    last_id: int | None = None
    repeats: int = 0
    prices: int = 0  # zero or negative
    sizes: int = 0  # zero or negative
    outside: int = 0  # of the day


class Examined(Struct, frozen=True):
    """A market-day: why which check failed, and how many rows came after its export."""

    day: MarketDay
    failures: Mapping[str, str]
    late: int = 0


def examine_days(url: str, parquet: Path, days: Iterable[MarketDay]) -> Iterator[Examined]:
    """Examine each day; raises StoreUnavailable."""
    wanted = list(days)
    with (
        connect(url, "archive check", read_only=True) as store,
        duckdb.connect(":memory:", config=OFFLINE) as duck,
    ):
        stored = spans_of(store, wanted)
        for day in wanted:
            try:
                with day_file(parquet, day) as path:
                    yield examine(duck, path, day, stored.get(day, Span()))
            except (LakeError, OSError) as failure:  # its month's file
                yield unreadable(day, failure)


def unreadable(day: MarketDay, failure: Exception) -> Examined:
    return Examined(day, dict.fromkeys(CHECKS, f"the file cannot be read: {failure}"))


def examine(duck: DuckDBPyConnection, path: Path | None, day: MarketDay, stored: Span) -> Examined:
    if path is None:
        return without_file(day, stored)
    finding = verify_file(duck, path)
    try:
        rows = inspect(duck, path, day)
    except duckdb.Error as failure:
        return unreadable(day, failure)
    failures = content_failures(rows) | certificate_failures(finding)
    if stored.rows:  # what the store has let go is the archive's alone
        failures |= store_failures(rows, stored)
    is_closed = finding.certificate is None or finding.certificate.day_closed
    return Examined(day, failures, stored.late if is_closed and stored.rows else 0)


def without_file(day: MarketDay, stored: Span) -> Examined:
    """A day without trades has no file, and nothing in it to be wrong."""
    held = stored.rows + stored.late
    reason = f"the store has {held} trades, and there is no file"
    return Examined(day, {"rows_match_store": reason} if held else {})


def inspect(duck: DuckDBPyConnection, path: Path, day: MarketDay) -> Rows:
    """Raises duckdb.Error."""
    bound: dict[str, str | datetime] = {
        "path": escape(str(path)), "starts_at": day.starts_at, "ends_at": day.ends_at
    }  # fmt: skip
    (found,) = duck.execute(INSPECT, bound).fetchall()
    return Rows(*found)


def content_failures(rows: Rows) -> dict[str, str]:
    failures = {}
    if rows.outside:
        failures["times_inside_day"] = f"{rows.outside} trades lie outside the day"
    if rows.repeats:
        failures["ids_do_not_repeat"] = f"{rows.repeats} rows repeat an id"
    if rows.prices or rows.sizes:
        failures["prices_and_sizes_positive"] = (
            f"{rows.prices} prices and {rows.sizes} sizes are not above zero"
        )
    return failures


def certificate_failures(finding: Finding) -> dict[str, str]:
    return {} if finding.is_good else {"certificate_verifies": "; ".join(finding.failures)}


def store_failures(rows: Rows, stored: Span) -> dict[str, str]:
    failures = {}
    if rows.rows != stored.rows:
        failures["rows_match_store"] = f"the store had {stored.rows} trades, the file {rows.rows}"
    if (rows.first_id, rows.last_id) != (stored.first_id, stored.last_id):
        failures["ids_match_store"] = (
            f"ids {rows.first_id} to {rows.last_id} in the file, "
            f"{stored.first_id} to {stored.last_id} in the store"
        )
    return failures
