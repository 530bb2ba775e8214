"""The archive as people read it: one DuckDB session over the Parquet files and the live store."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from glob import escape
from pathlib import Path
from types import MappingProxyType
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from alphapulse import lake
from alphapulse.archive import tables
from alphapulse.archive.copying import OFFLINE, quoted
from alphapulse.archive.live import attach_store, show_live
from alphapulse.archive.views import CANDLES, SIZES, TRADES, Shelf
from alphapulse.trade import Market


class ArchiveMissing(FileNotFoundError):
    """There is no market_data.duckdb; the message says where was looked and what makes one."""


class ArchiveUnreadable(ValueError):
    """The file is no market_data.duckdb of this version; the message says what to do."""


def open_archive(archive: Path, *, store_url: str | None = None) -> DuckDBPyConnection:
    """A session with the views trades, candles, coverage, gaps and markets; close it.

    The file is attached as `archive`, read-only, and may be replaced meanwhile: this session goes
    on with the state that it opened. With `store_url` the live store is attached read-only as
    `store`, and the views add what the archive does not hold of closed days; then the file may be
    missing. Times are UTC. Raises ArchiveMissing, ArchiveUnreadable or StoreUnavailable.
    """
    duck = duckdb.connect(":memory:", config=OFFLINE)
    try:
        duck.execute("SET TimeZone = 'UTC'")
        attach_archive(duck, archive, may_be_missing=store_url is not None)
        if store_url is not None:
            attach_store(duck, store_url)
            show_live(duck)
        show(duck, with_store=store_url is not None)
    except BaseException:
        duck.close()
        raise
    return duck


def attach_archive(duck: DuckDBPyConnection, archive: Path, *, may_be_missing: bool) -> None:
    if not archive.exists():
        if not may_be_missing:
            raise ArchiveMissing(
                f"{archive} does not exist: materialize `market_data` on Dagster's page, or export "
                "a first day by `python -m alphapulse_pipelines.export`"
            )
        attach_nothing(duck, archive)
        return
    try:
        duck.execute(f"ATTACH {quoted(str(archive))} AS archive (READ_ONLY)")
        duck.execute("SELECT written_at FROM archive.archive_info")
    except duckdb.Error as failure:
        raise ArchiveUnreadable(
            f"{archive} is no market_data.duckdb of this version ({failure}): "
            "materialize `market_data` again"
        ) from failure


def attach_nothing(duck: DuckDBPyConnection, archive: Path) -> None:
    """Before the first export: an archive without files."""
    duck.execute("ATTACH ':memory:' AS archive")
    duck.execute("USE archive")
    duck.register("catalogue", lake.catalogue([]))
    duck.register("candle_catalogue", lake.candle_catalogue([]))
    duck.register("found", lake.seen([]))
    tables.describe(
        duck, archive.with_name("parquet"), archive.with_name("candles"), with_store=False
    )
    duck.execute("USE memory")


def show(duck: DuckDBPyConnection, *, with_store: bool) -> None:
    """The session's own views; each day comes from the files or from the store, never from both."""
    for shelf in (TRADES, CANDLES):
        query = BOTH if with_store else "FROM archive.{view}"
        words = {"view": shelf.view, "columns": ", ".join(shelf.columns)}
        duck.execute(f"CREATE VIEW {shelf.view} AS {query.format_map(words)}")
    for name in ("files", "candle_files", "days"):
        duck.execute(f"CREATE VIEW {name} AS FROM archive.{name}")
    markets = tables.MARKETS.format(stored=tables.STORED, files="archive.files")
    live = {"coverage": tables.COVERAGE, "gaps": tables.GAPS, "markets": markets}
    for name, query in live.items():
        duck.execute(f"CREATE VIEW {name} AS {query if with_store else f'FROM archive.{name}'}")


BOTH = """
SELECT {columns} FROM archive.closed_{view} UNION ALL SELECT {columns} FROM live_{view}"""

FILES = """
SELECT path, row_group IS NOT NULL, date, day_closed FROM archive.{files}
WHERE exchange = $exchange AND symbol = $symbol AND date BETWEEN $first AND $last {sized}
ORDER BY date"""

IN_FILES = """
SELECT {columns} FROM read_parquet($paths) WHERE {time} >= $start AND {time} < $end"""

IN_MONTHS = """
SELECT {columns} FROM read_parquet($months)
WHERE list_contains($dates, date) AND {time} >= $start AND {time} < $end"""

IN_STORE = """
SELECT {columns} FROM live_{view}
WHERE exchange = $exchange AND symbol = $symbol AND date BETWEEN $first AND $last {sized}
  AND {time} >= $start AND {time} < $end"""

NOTHING = "SELECT {columns} FROM {view} LIMIT 0"

HAS_STORE = "SELECT count(*) > 0 FROM duckdb_databases() WHERE database_name = 'store'"


def trades_between(duck: DuckDBPyConnection, market: Market, start: datetime, end: datetime) -> Any:
    """A market's trades from `start` up to, and without, `end`, in order, as an Arrow table.

    Opens no other files than those of these days. `duck` comes from `open_archive`.
    """
    return between(duck, TRADES, market, start, end)


def candles_between(
    duck: DuckDBPyConnection, market: Market, size: str, start: datetime, end: datetime
) -> Any:
    """The same of bars of `size` (`1m`, `5m`, `15m`, `1h`, `1d`) that opened in this time."""
    if size not in SIZES:
        raise ValueError(f"{size!r} is no size of a bar: use one of {', '.join(SIZES)}")
    return between(duck, CANDLES, market, start, end, {"bar": size})


def between(
    duck: DuckDBPyConnection,
    shelf: Shelf,
    market: Market,
    start: datetime,
    end: datetime,
    size: Mapping[str, str] = MappingProxyType({}),
) -> Any:
    words = {
        "columns": ", ".join(shelf.payload),
        "time": shelf.time,
        "view": shelf.view,
        "files": shelf.files,
        "sized": "AND size = $bar" if size else "",
    }
    last = (end - timedelta(microseconds=1)).astimezone(UTC).date()
    named: dict[str, Any] = {"exchange": market.exchange, "symbol": market.symbol, **size}
    named |= {"first": start.astimezone(UTC).date(), "last": last}
    times = {"start": start, "end": end}
    (has_store,) = duck.execute(HAS_STORE).fetchone() or (False,)
    found = duck.execute(FILES.format_map(words), named).fetchall()
    wanted = [row for row in found if row[-1] or not has_store]
    own = [escape(path) for path, in_month, *_ in wanted if not in_month]
    months = dict.fromkeys(escape(path) for path, in_month, *_ in wanted if in_month)
    parts, bound = [], dict[str, Any]()
    if own:
        parts, bound = [IN_FILES], times | {"paths": own}
    if months:
        dates = [day for _, in_month, day, _ in wanted if in_month]
        parts.append(IN_MONTHS)
        bound |= times | {"months": list(months), "dates": dates}
    if has_store:
        parts, bound = [*parts, IN_STORE], bound | named | times
    query = " UNION ALL ".join(parts or [NOTHING]) + f" ORDER BY {shelf.order}"
    return duck.execute(query.format_map(words), bound).to_arrow_table()
