"""What a backup reads of the store: everything of one instant, as COPY's text.

Only COPY, no pg_dump: the schema is made by our own migrations, so that what was stored by
TimescaleDB can be restored by plain PostgreSQL, of any version, and the other way round.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed, Identifier, Literal

from alphapulse.day import MarketDay
from alphapulse.store.connect import Store, connect
from alphapulse.store.databases import EVERYWHERE, EXISTS, address
from alphapulse.store.judgements import has_late_rows
from alphapulse.store.shipping import summaries

LOCK = "SELECT pg_try_advisory_lock(hashtextextended('alphapulse backup', 0))"
MADE_ANEW = ("trades", "instance", "migrations")  # by the restore itself

FACTS = """
SELECT layout, simulated, current_setting('server_version'), pg_current_snapshot()::text, now()
FROM instance"""

# Ours only: neither partitions, nor what extensions keep, nor what lies in other schemas.
TABLES = """
SELECT c.relname, array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'markets'::regclass)
  AND c.relkind = 'r' AND NOT c.relispartition AND c.relname <> ALL (%s)
  AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = c.oid AND deptype = 'e')
  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
GROUP BY c.relname ORDER BY c.relname"""

SEQUENCES = """
SELECT sequencename, last_value FROM pg_sequences
WHERE schemaname = (SELECT relnamespace::regnamespace::text FROM pg_class
                    WHERE oid = 'markets'::regclass) AND last_value IS NOT NULL
ORDER BY sequencename"""

EXPORTS = """
SELECT market_id, day, checksum::text, snapshot::text,
       exported_at >= (day + 1)::timestamp AT TIME ZONE 'UTC'
FROM coverage WHERE exported_at IS NOT NULL"""

COPY_TABLE = SQL("COPY (SELECT {columns} FROM {table}) TO STDOUT")

# Without tx and seq: they mean something in this life of this database only.
TRADE_COLUMNS = "market_id, traded_at, received_at, trade_id, side, source, price, size"
COPY_DAY = SQL("""
COPY (SELECT {columns} FROM trades
      WHERE market_id = {market_id} AND traded_at >= {starts_at} AND traded_at < {ends_at}
      ORDER BY traded_at, trade_id) TO STDOUT""")

# What is no longer in the backup is no reason for a day to leave the database.
FORGET = """
DELETE FROM copies WHERE (market_id, day) NOT IN (
    SELECT * FROM unnest(%(market_ids)s::integer[], %(days)s::date[]))"""
REMEMBER = """
INSERT INTO copies AS c (market_id, day, place, checksum)
SELECT * FROM unnest(%(market_ids)s::integer[], %(days)s::date[], %(places)s::text[],
                     %(checksums)s::numeric[])
ON CONFLICT (market_id, day) DO UPDATE
SET place = excluded.place, checksum = excluded.checksum, copied_at = now()
WHERE (c.place, c.checksum) <> (excluded.place, excluded.checksum)"""

VARIABLES = {
    "host": "PGHOST", "hostaddr": "PGHOSTADDR", "port": "PGPORT", "user": "PGUSER",
    "password": "PGPASSWORD", "dbname": "PGDATABASE", "options": "PGOPTIONS",
    "sslmode": "PGSSLMODE", "sslrootcert": "PGSSLROOTCERT", "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY", "connect_timeout": "PGCONNECT_TIMEOUT",
}  # fmt: skip


class BackupUnderWay(Exception):
    """Another process makes a backup of this database."""


class Facts(Struct, frozen=True):
    """The store at the instant of the snapshot."""

    layout: str
    simulated: bool
    server: str
    snapshot: str
    now: datetime


class Export(Struct, frozen=True):
    """What coverage knows of a day's file; `is_whole`: the day was over when it was made."""

    checksum: str | None
    snapshot: str
    is_whole: bool


class CopyRow(Struct, frozen=True):
    """A day's file that lies in the backup."""

    market_id: int
    day: date
    place: str
    checksum: str


def claim_backups(store: Store) -> None:
    """Be the only one who makes a backup while this connection lives; raises BackupUnderWay."""
    if store.execute(LOCK).fetchone() != (True,):
        raise BackupUnderWay("another process makes a backup of this database: wait until it ends")


@contextmanager
def frozen(store: Store) -> Iterator[Facts]:
    """All inside see one snapshot of the store."""
    with store.transaction():
        store.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        row = store.execute(FACTS).fetchone()
        assert row
        yield Facts(*row)


def migrations(store: Store) -> dict[str, str]:
    return dict(store.execute("SELECT name, sha256 FROM migrations ORDER BY name").fetchall())


def small_tables(store: Store) -> dict[str, tuple[str, ...]]:
    """Every table but the trades, with its columns."""
    rows = store.execute(TABLES, [list(MADE_ANEW)]).fetchall()
    return {name: tuple(columns) for name, columns in rows}


def sequences(store: Store) -> dict[str, int]:
    return dict(store.execute(SEQUENCES).fetchall())


def count_table(store: Store, name: str) -> int:
    count = SQL("SELECT count(*) FROM {}").format(Identifier(name))
    ((rows,),) = store.execute(count).fetchall()
    return int(rows)


def copy_table(store: Store, name: str, columns: Iterable[str]) -> Iterator[bytes]:
    names = SQL(", ").join(map(Identifier, columns))
    return copy_out(store, COPY_TABLE.format(columns=names, table=Identifier(name)))


def copy_day(store: Store, market_id: int, day: MarketDay) -> Iterator[bytes]:
    bounds = {"starts_at": Literal(day.starts_at), "ends_at": Literal(day.ends_at)}
    columns = SQL(TRADE_COLUMNS)
    return copy_out(store, COPY_DAY.format(columns=columns, market_id=Literal(market_id), **bounds))


def copy_out(store: Store, statement: Composed) -> Iterator[bytes]:
    with store.cursor().copy(statement) as copy:
        for block in copy:
            yield bytes(block)


def exports(store: Store) -> dict[tuple[int, date], Export]:
    rows = store.execute(EXPORTS).fetchall()
    return {(market_id, day): Export(*rest) for market_id, day, *rest in rows}


def is_late(store: Store, market_id: int, day: MarketDay, export: Export | None) -> bool:
    """Whether rows came that the export did not see."""
    return export is not None and has_late_rows(store, market_id, day, export.snapshot)


def count_and_checksum(store: Store, market_id: int, day: MarketDay) -> tuple[int, str]:
    """The day's rows, and PostgreSQL's checksum of them (`alphapulse.certificate`)."""
    for found in summaries(store, [market_id], day):
        return found.rows, found.checksum
    return 0, "0"


def record_copies(store: Store, found: Iterable[CopyRow]) -> None:
    """The whole of what lies in the backup now."""
    rows = list(found)
    values = {
        "market_ids": [row.market_id for row in rows],
        "days": [row.day for row in rows],
        "places": [row.place for row in rows],
        "checksums": [row.checksum for row in rows],
    }
    with store.transaction():
        store.execute(FORGET, values)
        store.execute(REMEMBER, values)


def find_dagster(url: str) -> str | None:
    """The address of Dagster's own database beside `url`'s, where there is one."""
    parts = conninfo_to_dict(url)
    name = f"{parts.get('dbname') or EVERYWHERE}_dagster"
    with connect(url, "backup", read_only=True) as store:
        found = store.execute(EXISTS, [name]).fetchone()
    return address(parts | {"dbname": name}) if found else None


def libpq_variables(url: str) -> dict[str, str]:
    """The address for PostgreSQL's own programs: an environment is nobody else's to see."""
    parts: dict[str, Any] = conninfo_to_dict(url)
    return {VARIABLES[name]: str(value) for name, value in parts.items() if name in VARIABLES}
