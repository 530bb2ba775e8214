"""Market-days out of PostgreSQL into Parquet, by DuckDB's postgres scanner.

Nothing is half-written: each file is made aside, read back, compared with the store and renamed.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct

from alphapulse import lake
from alphapulse.archive.checksum import checksum_of
from alphapulse.certificate import CERTIFICATE_VERSION, Certificate, with_coverage
from alphapulse.coverage import Coverage
from alphapulse.day import MarketDay
from alphapulse.extent import Jump
from alphapulse.lake import LakeError
from alphapulse.store.connect import Store, StoreUnavailable, connect
from alphapulse.store.coverage import as_of, judge_day
from alphapulse.store.days import market_ids, rows_of_day, summary_of_day, traded_days
from alphapulse.store.judgements import judge_again
from alphapulse.store.reopening import Shipment, record_export, recorded_days, report_unexplained
from alphapulse.store.writing import AWAY

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFLINE: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}

SUMMARISE = """
SELECT * EXCLUDE (unfit_id, exported_at), unfit_id, epoch_us(exported_at)
FROM postgres_query('store', $summary)"""

SNAPSHOT = "SELECT * FROM postgres_query('store', 'SELECT pg_export_snapshot() AS name')"

EXPORT = """
COPY (SELECT $exchange::VARCHAR AS exchange, $symbol::VARCHAR AS symbol, *
      FROM postgres_query('store', $rows))
TO $path (FORMAT parquet, COMPRESSION zstd, KV_METADATA $certificate)"""


class ExportError(Exception):
    """The market-day was not exported, and what was there before stands; the message says why."""


class Exported(Struct, frozen=True):
    """An archived market-day; `certificate` and `path` are None where it has no trade."""

    day: MarketDay
    certificate: Certificate | None = None
    path: Path | None = None
    bytes: int = 0


class Failed(Struct, frozen=True):
    day: MarketDay
    reason: str


Outcome: TypeAlias = Exported | Failed


class Doors(Struct, frozen=True):
    """Both ways to the store: DuckDB reads the rows, psycopg judges them and writes it down."""

    duck: DuckDBPyConnection
    store: Store


def export_days(url: str, parquet: Path, days: Iterable[MarketDay]) -> Iterator[Outcome]:
    """Export each day in turn; one that fails does not stop the others. Raises StoreUnavailable."""
    with connect(url, "archive") as store, attached(url) as duck:
        ids = market_ids(store)
        for day in days:
            try:
                yield export_day(Doors(duck, store), parquet, day, ids.get(day.market))
            except (ExportError, LakeError, OSError, *AWAY) as failure:
                yield Failed(day, str(failure))


def export_day(doors: Doors, parquet: Path, day: MarketDay, market_id: int | None) -> Exported:
    """Write the day's file from one snapshot of the store, and write down what it holds.

    Raises ExportError, LakeError, OSError or what the store raises; then the day's file, if there
    was one, is untouched, unless only the writing down failed: unarchived_days tells of it.
    """
    if market_id is None:
        raise ExportError(f"{day.key}: the store knows no market {day.market}")
    path = lake.path_of(parquet, day)
    written = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with snapshot(doors.duck):
            summary = summarise(doors.duck, day, market_id)
            refuse_loss(path, day, summary)
            if summary is None:
                judge_again(doors.store, market_id, day)
                return Exported(day)
            seen, found, names = judge(doors, day, market_id, summary.rows)
            certificate = with_coverage(summary, found)
            path.parent.mkdir(parents=True, exist_ok=True)
            copy_rows(doors.duck, day, market_id, certificate, written)
        lake.verify(written, certificate)
        compare_checksum(doors.duck, written, certificate)
        lake.put_in_place(written, path)
    finally:
        written.unlink(missing_ok=True)
    shipment = Shipment(day, certificate.rows, certificate.checksum, certificate.exported_at, seen)
    record_export(doors.store, market_id, shipment, found)
    report_unexplained(doors.store, day.market, names)
    return Exported(day, certificate, path, path.stat().st_size)


def judge(
    doors: Doors, day: MarketDay, market_id: int, rows: int
) -> tuple[str, Coverage, list[Jump]]:
    """What DuckDB's snapshot is, and the day's coverage and unexplained ids in it."""
    (name,) = doors.duck.execute(SNAPSHOT).fetchone() or ("",)
    with as_of(doors.store, name) as seen:
        return seen, *judge_day(doors.store, market_id, day, rows)


def summarise(duck: DuckDBPyConnection, day: MarketDay, market_id: int) -> Certificate | None:
    """What the store holds of the day; None where that is nothing. Raises ExportError."""
    row = duck.execute(SUMMARISE, {"summary": summary_of_day(market_id, day)}).fetchone()
    if row is None or row[0] == 0:
        return None
    rows, first_id, last_id, price_sum, size_sum, notional_sum, checksum, simulated, *rest = row
    unfit_id, exported_us = rest
    if unfit_id is not None:
        raise ExportError(
            f"{day.key}: price or size of trade {unfit_id} does not fit numeric(38,18) exactly "
            "(18 decimals, below 1e20): nothing was rounded and nothing written"
        )
    exported_at = EPOCH + timedelta(microseconds=exported_us)
    return Certificate(
        exchange=day.market.exchange,
        symbol=day.market.symbol,
        date=day.date,
        rows=rows,
        first_id=first_id,
        last_id=last_id,
        price_sum=price_sum,
        size_sum=size_sum,
        simulated=simulated,
        day_closed=exported_at >= day.ends_at,
        exported_at=exported_at,
        certificate_version=CERTIFICATE_VERSION,
        notional_sum=notional_sum,
        checksum=checksum,
    )


def refuse_loss(path: Path, day: MarketDay, fresh: Certificate | None) -> None:
    """The archive never shrinks by itself: the store may have let go of rows since."""
    rows = fresh.rows if fresh else 0
    known = lake.certificate_at(path)  # its own file may have gone into the month's
    archived = known.rows if known else 0
    if rows < archived:
        raise ExportError(
            f"{day.key}: the store has {rows} trades and {path} has {archived}: the file stays. "
            "If the store is right, move the file away and export again"
        )


def copy_rows(
    duck: DuckDBPyConnection, day: MarketDay, market_id: int, certificate: Certificate, path: Path
) -> None:
    bound = {
        "exchange": day.market.exchange,
        "symbol": day.market.symbol,
        "rows": rows_of_day(market_id, day),
        "path": str(path),
        "certificate": certificate.metadata(),
    }
    duck.execute(EXPORT, bound)


def compare_checksum(duck: DuckDBPyConnection, path: Path, certificate: Certificate) -> None:
    """The file's rows against PostgreSQL's own checksum of them."""
    found = checksum_of(duck, path)
    if found != certificate.checksum:
        raise LakeError(f"{path}: its rows give checksum {found}, the store's {certificate}")


@contextmanager
def attached(url: str) -> Iterator[DuckDBPyConnection]:
    """DuckDB in memory with the store attached read-only as `store`; raises StoreUnavailable."""
    with duckdb.connect(":memory:", config=OFFLINE) as duck:
        duck.load_extension(str(extension_path()))
        try:
            # ATTACH takes no parameters; the password must not reach a log through its message.
            duck.execute(f"ATTACH {quoted(url)} AS store (TYPE postgres, READ_ONLY)")
        except duckdb.Error:
            raise StoreUnavailable("DuckDB cannot reach PostgreSQL") from None
        yield duck


@contextmanager
def snapshot(duck: DuckDBPyConnection) -> Iterator[None]:
    """All inside see one REPEATABLE READ snapshot of the store; DuckDB's errors become ours."""
    duck.execute("BEGIN")
    try:
        yield
    except duckdb.Error as failure:
        raise ExportError(str(failure)) from failure
    finally:
        duck.execute("ROLLBACK")  # nothing in it writes to a database


def extension_path() -> Path:
    """The postgres extension from PyPI, made for exactly this DuckDB; nothing is downloaded."""
    folder = files("duckdb_extension_postgres_scanner") / "extensions" / f"v{duckdb.__version__}"
    return Path(str(folder / "postgres_scanner.duckdb_extension"))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def unarchived_days(
    url: str, parquet: Path, first: date | None = None, last: date | None = None
) -> list[MarketDay]:
    """The store's market-days, from `first` to `last`, without a file of all that is known.

    A file that the store has no record of is not trusted to be one: it may come from a run that
    was killed, or from before there were records.
    """
    with connect(url, "archive", read_only=True) as store:
        traded = traded_days(store, first, last)
        recorded = recorded_days(store, first, last)
    return [day for day in traded if day not in recorded or not is_closed(parquet, day)]


def is_closed(parquet: Path, day: MarketDay) -> bool:
    certificate = lake.find_certificate(parquet, day)
    return certificate is not None and certificate.day_closed
