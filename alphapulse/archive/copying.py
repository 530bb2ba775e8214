"""DuckDB's side of the export: attached to PostgreSQL read-only, it reads the rows of a day."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path
from tempfile import gettempdir
from typing import Any
from uuid import uuid4

import duckdb
from duckdb import DuckDBPyConnection

from alphapulse import lake
from alphapulse.archive.outcome import ExportError
from alphapulse.day import MarketDay
from alphapulse.store.connect import StoreUnavailable
from alphapulse.store.shipping import WALK, rows_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
OFFLINE: dict[str, Any] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}
# One thread: PostgreSQL gives the rows through one connection, in order. What a checksum needs
# beyond the memory goes to the disk.
BOUNDS = {"threads": 1, "memory_limit": "128MB", "enable_external_file_cache": "false"}
BATCH = 2_048  # rows: one vector of DuckDB's, so that no few rows keep many in memory

SNAPSHOT = """
SELECT name, epoch_us(taken_at)
FROM postgres_query('store', 'SELECT pg_export_snapshot() AS name, now() AS taken_at')"""

PREPARE = "FROM postgres_query('store', $walk)"

READ = """
SELECT place, trade_id, traded_at, price, size, side::ENUM('b', 's') AS side, received_at,
       source::ENUM('l', 's', 'b') AS source
FROM postgres_query('store', $rows)"""


@contextmanager
def attached(url: str) -> Iterator[DuckDBPyConnection]:
    """DuckDB in memory with the store attached read-only as `store`; raises StoreUnavailable."""
    with duckdb.connect(":memory:", config=bounded()) as duck:
        duck.execute("SET enable_progress_bar = false")
        duck.load_extension(str(extension_path()))
        try:
            # ATTACH takes no parameters; the password must not reach a log through its message.
            duck.execute(f"ATTACH {quoted(url)} AS store (TYPE postgres, READ_ONLY)")
        except duckdb.Error:
            raise StoreUnavailable("DuckDB cannot reach PostgreSQL") from None
        yield duck


def bounded() -> dict[str, Any]:
    spill = Path(gettempdir()) / f"alphapulse-{uuid4().hex}"  # made only when it is needed
    return OFFLINE | BOUNDS | {"temp_directory": str(spill)}


@contextmanager
def snapshot(duck: DuckDBPyConnection) -> Iterator[tuple[str, datetime]]:
    """All inside see one REPEATABLE READ snapshot of the store; DuckDB's errors become ours.

    Gives its name, under which another connection may see it, and its instant.
    """
    try:
        duck.execute("BEGIN")
        name, at = duck.execute(SNAPSHOT).fetchall()[0]
        yield str(name), EPOCH + timedelta(microseconds=at)
    except duckdb.Error as failure:
        raise ExportError(str(failure)) from failure
    finally:
        with suppress(duckdb.Error):  # PostgreSQL may be away
            duck.execute("ROLLBACK")  # nothing in it writes to a database


def copy_rows(
    duck: DuckDBPyConnection, ids: Sequence[int], day: MarketDay, into: Sequence[lake.DayFile]
) -> None:
    """The rows of the day's date of each market into its file, in one pass; raises ExportError."""
    try:
        duck.execute(PREPARE, {"walk": WALK}).fetchall()
        duck.execute(READ, {"rows": rows_of(ids, day)})
        for batch in duck.to_arrow_reader(BATCH):
            lake.spread(batch, into)
    except (duckdb.Error, OSError, ValueError) as failure:  # Arrow's errors are the last two
        raise ExportError(f"the rows cannot be copied: {failure}") from failure


def extension_path() -> Path:
    """The postgres extension from PyPI, made for exactly this DuckDB; nothing is downloaded."""
    folder = files("duckdb_extension_postgres_scanner") / "extensions" / f"v{duckdb.__version__}"
    return Path(str(folder / "postgres_scanner.duckdb_extension"))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
