"""What a restore writes into an empty store, in one transaction: all or nothing.

Restored trades get the id of that transaction: ids of another cluster would lie in this one's
future or past. Exports are said to have seen exactly what this transaction stored; whatever comes
later is late, as it should be.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from graphlib import TopologicalSorter

from psycopg import Error
from psycopg.sql import SQL, Identifier

from alphapulse.store.backups import TRADE_COLUMNS
from alphapulse.store.connect import Store

IS_USED = "SELECT EXISTS (SELECT FROM markets) OR EXISTS (SELECT FROM trades)"
IS_MIGRATED = "SELECT to_regclass('markets') IS NOT NULL"
HAS_TABLES = "SELECT EXISTS (SELECT FROM pg_tables WHERE schemaname = 'public')"

REFERENCES = """
SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
WHERE contype = 'f' AND conrelid <> confrelid"""

# Of our own functions: TimescaleDB has triggers of its own on a hypertable.
TRIGGERS = """
SELECT t.tgname, t.tgrelid::regclass::text, pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
WHERE NOT t.tgisinternal AND p.pronamespace = c.relnamespace AND NOT c.relispartition
  AND c.relnamespace = (SELECT relnamespace FROM pg_class WHERE oid = 'markets'::regclass)"""

COPY_TABLE = SQL("COPY {table} ({columns}) FROM STDIN")
COPY_TRADES = SQL("COPY trades ({}) FROM STDIN").format(SQL(TRADE_COLUMNS))
COPY_FILE = SQL("COPY trades ({}) FROM STDIN (FORMAT csv)").format(SQL(TRADE_COLUMNS))

SEEN = """
UPDATE coverage SET snapshot = format('%%s:%%s:', %(beyond)s, %(beyond)s)::pg_snapshot
WHERE snapshot IS NOT NULL"""
UNSEEN = """
UPDATE coverage SET snapshot = format('%%s:%%s:', %(tx)s, %(tx)s)::pg_snapshot
WHERE snapshot IS NOT NULL AND (market_id, day) IN (
    SELECT * FROM unnest(%(market_ids)s::integer[], %(days)s::date[]))"""

# Retention says up to which transaction it dropped rows: of another cluster that says nothing.
DROPS = """
SELECT count(*) FROM pg_attribute
WHERE attrelid = to_regclass('dropped_days') AND attname = 'last_tx'"""
DROPPED = "UPDATE dropped_days SET last_tx = least(last_tx, %s)"


class RowsRefused(Exception):
    """PostgreSQL would not take what it was given; nothing of it was stored."""


def is_migrated(store: Store) -> bool:
    return store.execute(IS_MIGRATED).fetchone() == (True,)


def is_used(store: Store) -> bool:
    """Whether it holds markets or trades; nobody's data is ever restored over."""
    return is_migrated(store) and store.execute(IS_USED).fetchone() == (True,)


def has_tables(store: Store) -> bool:
    return store.execute(HAS_TABLES).fetchone() == (True,)


def make_days(store: Store, days: Iterable[date]) -> None:
    """Their partitions, each for itself; before the load, which would hold every lock at once."""
    for day in sorted(set(days)):
        store.execute("SELECT make_days(%s, %s)", [day, day])


@contextmanager
def loading(store: Store) -> Iterator[int]:
    """The transaction of a restore, whose id it gives; nothing in it is announced to anybody.

    Raises RowsRefused.
    """
    try:
        with store.transaction():
            triggers = store.execute(TRIGGERS).fetchall()
            for name, table, _ in triggers:
                drop = SQL("DROP TRIGGER {} ON {}").format(Identifier(name), Identifier(table))
                store.execute(drop)
            ((tx,),) = store.execute("SELECT pg_current_xact_id()::text::bigint").fetchall()
            yield int(tx)
            for *_, definition in triggers:
                store.execute(definition.encode())
    except Error as failure:
        raise RowsRefused(str(failure)) from failure


def existing(store: Store, names: Iterable[str]) -> set[str]:
    """Those that this version of the schema has."""
    query = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NOT NULL"
    return {name for (name,) in store.execute(query, [list(names)]).fetchall()}


def in_order(store: Store, tables: Iterable[str]) -> list[str]:
    """Those that others refer to come first."""
    wanted = set(tables)
    graph: dict[str, set[str]] = {name: set() for name in sorted(wanted)}
    for table, target in store.execute(REFERENCES).fetchall():
        if table in wanted and target in wanted:
            graph[table].add(target)
    return list(TopologicalSorter(graph).static_order())


def load_table(store: Store, name: str, columns: Iterable[str], blocks: Iterable[bytes]) -> int:
    """Gives how many rows the table has then; what migrations had put into it gives way."""
    store.execute(SQL("DELETE FROM {}").format(Identifier(name)))
    names = SQL(", ").join(map(Identifier, columns))
    with store.cursor() as cursor:
        with cursor.copy(COPY_TABLE.format(table=Identifier(name), columns=names)) as copy:
            for block in blocks:
                copy.write(block)
        return cursor.rowcount


def load_trades(store: Store, blocks: Iterable[bytes], *, as_csv: bool = False) -> int:
    with store.cursor() as cursor:
        with cursor.copy(COPY_FILE if as_csv else COPY_TRADES) as copy:
            for block in blocks:
                copy.write(block)
        return cursor.rowcount


def set_sequences(store: Store, values: dict[str, int]) -> None:
    for name, value in values.items():
        found = store.execute("SELECT to_regclass(%s)", [name]).fetchone()
        if found and found[0]:
            store.execute("SELECT setval(to_regclass(%s), %s)", [name, value])


def settle_snapshots(store: Store, tx: int, late: Iterable[tuple[int, date]]) -> None:
    """What each export saw, in the ids of this cluster: all that `tx` stored, but for late days."""
    pairs = list(late)
    store.execute(SEEN, {"beyond": tx + 1})
    values = {"tx": tx, "market_ids": [id for id, _ in pairs], "days": [day for _, day in pairs]}
    store.execute(UNSEEN, values)
    if store.execute(DROPS).fetchone() != (0,):
        store.execute(DROPPED, [tx])


def analyze(store: Store) -> None:
    """The planner knows nothing of a table that was just filled."""
    store.execute("ANALYZE")
