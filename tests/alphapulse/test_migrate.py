"""The schema comes from sql/, once, in order, and sql/schema.sql is what it comes to."""

import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from alphapulse.migrate import (
    Migration,
    MigrationError,
    find_migrations,
    migrate,
    refuse_strangers,
    sql_directory,
)
from alphapulse.postgres.binaries import find_binaries
from alphapulse.store.connect import Store, connect

NAMES = [migration.name for migration in find_migrations(sql_directory())]


@pytest.fixture
def empty_store(empty_database: str) -> Iterator[Store]:
    with connect(empty_database, "test") as store:
        yield store


@pytest.fixture
def second_database(server_url: str) -> Iterator[str]:
    """Another database with nothing in it."""
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        yield make_conninfo(server_url, dbname=name)
        admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def test_the_files_are_numbered_without_a_hole() -> None:
    assert [int(name[:4]) for name in NAMES] == list(range(1, len(NAMES) + 1))


def test_every_file_opens_with_why() -> None:
    assert all(m.text.startswith("-- Why: ") for m in find_migrations(sql_directory()))


def test_an_empty_database_gets_every_file_once(empty_store: Store) -> None:
    assert migrate(empty_store) == NAMES
    assert migrate(empty_store) == []
    recorded = empty_store.execute("SELECT name FROM migrations ORDER BY name").fetchall()
    assert [name for (name,) in recorded] == NAMES


def test_two_programs_at_once_apply_each_file_once(empty_database: str) -> None:
    def bring_up_to_date(_: int) -> list[str]:
        with connect(empty_database, "test") as store:
            return migrate(store)

    with ThreadPoolExecutor(3) as pool:
        applied = list(pool.map(bring_up_to_date, range(3)))
    assert sorted(applied, key=len) == [[], [], NAMES]


def test_a_changed_file_is_refused_by_name(store: Store) -> None:
    store.execute("UPDATE migrations SET sha256 = 'other' WHERE name = %s", [NAMES[0]])
    with pytest.raises(MigrationError, match=f"{NAMES[0]}.*changed"):
        migrate(store)


def test_a_newer_database_is_refused(store: Store) -> None:
    store.execute("INSERT INTO migrations (name, sha256) VALUES ('9999_future', 'x')")
    with pytest.raises(MigrationError, match=r"9999_future.*upgrade AlphaPulse"):
        migrate(store)


def test_a_refusal_leaves_the_lock_free_for_the_next(store: Store, database_url: str) -> None:
    store.execute("INSERT INTO migrations (name, sha256) VALUES ('9999_future', 'x')")
    with pytest.raises(MigrationError):
        migrate(store)
    store.execute("DELETE FROM migrations WHERE name = '9999_future'")
    with connect(database_url, "test") as other:
        other.execute("SET lock_timeout = '5s'")
        assert migrate(other) == []


@pytest.mark.parametrize("simulated", [True, False])
def test_real_and_simulated_never_share_a_database(empty_store: Store, simulated: bool) -> None:
    migrate(empty_store, simulated=simulated)
    assert migrate(empty_store, simulated=simulated) == []
    with pytest.raises(MigrationError, match="never share"):
        migrate(empty_store, simulated=not simulated)


def test_the_layout_is_recorded_and_true(store: Store) -> None:
    """REQUIRE_LAYOUT: which one this server must give (CI's second run says hypertable)."""
    (layout,) = store.execute("SELECT layout FROM instance").fetchone() or ("",)
    assert layout == os.environ.get("REQUIRE_LAYOUT", layout)
    kind = store.execute("SELECT relkind::text FROM pg_class WHERE relname = 'trades'").fetchone()
    assert (layout, kind) in [("hypertable", ("r",)), ("partitions", ("p",))]


def test_names_and_digests_decide_what_is_strange() -> None:
    one, two = Migration("0001_a", "SELECT 1"), Migration("0002_b", "SELECT 2")
    refuse_strangers({}, [one, two])
    refuse_strangers({one.name: one.sha256}, [one, two])
    with pytest.raises(MigrationError, match="0001_a"):
        refuse_strangers({one.name: two.sha256}, [one, two])
    with pytest.raises(MigrationError, match="0002_b"):
        refuse_strangers({two.name: two.sha256}, [one])


def test_the_one_page_schema_is_the_sum_of_the_migrations(
    database_url: str, second_database: str
) -> None:
    with connect(second_database, "test") as store:
        store.execute((sql_directory() / "schema.sql").read_bytes())
    assert describe(second_database) == describe(database_url)


def describe(url: str) -> list[str]:
    """Everything that pg_dump would rebuild, in its order, and how the hypertables are cut."""
    command = [str(find_binaries() / "pg_dump"), "--schema-only", "--no-owner", "--dbname", url]
    dump = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert "CREATE TABLE public.trades" in dump
    # pg_attver: a mark that some builds of PostgreSQL 17 give each column when it is made.
    idle = r"--|\\(un)?restrict|$|.* SET \(pg_attver="
    lines = [line for line in dump.splitlines() if not re.match(idle, line)]
    return lines + describe_hypertables(url)


def describe_hypertables(url: str) -> list[str]:
    with connect(url, "test") as store:
        if store.execute("SELECT 1 FROM instance WHERE layout = 'partitions'").fetchone():
            return []
        rows = store.execute("""
            SELECT hypertable_name, column_name, time_interval
            FROM timescaledb_information.dimensions ORDER BY hypertable_name
        """).fetchall()
    assert rows
    return [str(row) for row in rows]


def test_days_are_compressed_exactly_where_the_licence_has_it(store: Store) -> None:
    """Seen here on native partitions and on the Apache build: neither compresses."""
    (layout,) = store.execute("SELECT layout FROM instance").fetchone() or ("",)
    if layout == "partitions":
        assert store.execute("SELECT to_regproc('add_compression_policy')").fetchone() == (None,)
        return
    (licence,) = store.execute("SHOW timescaledb.license").fetchone() or ("",)
    (policies,) = store.execute(
        "SELECT count(*) FROM timescaledb_information.jobs WHERE proc_name = 'policy_compression'"
    ).fetchone() or (0,)
    assert policies == (licence == "timescale")
