"""Apply the files of sql/ in order, each once, under a lock. Forward only."""

from collections.abc import Collection, Iterator
from hashlib import sha256
from pathlib import Path

from msgspec import Struct
from psycopg.errors import InsufficientPrivilege, ReadOnlySqlTransaction
from psycopg.sql import SQL

from alphapulse.store.connect import Store

LOCK = "SELECT pg_advisory_lock(hashtextextended('alphapulse migrate', 0))"
UNLOCK = "SELECT pg_advisory_unlock(hashtextextended('alphapulse migrate', 0))"
LEDGER = """
CREATE TABLE IF NOT EXISTS migrations (
    name text PRIMARY KEY,
    sha256 text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)"""


class MigrationError(Exception):
    """The database and sql/ do not belong together; the message says how."""


class Migration(Struct, frozen=True):
    name: str
    text: str

    @property
    def sha256(self) -> str:
        return sha256(self.text.encode()).hexdigest()


def sql_directory() -> Path:
    """sql/ beside the packages in a checkout, inside the package in a wheel."""
    packaged = Path(__file__).parent / "sql"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "sql"


def find_migrations(directory: Path) -> Iterator[Migration]:
    for path in sorted(directory.glob("[0-9][0-9][0-9][0-9]_*.sql")):
        yield Migration(path.stem, path.read_text())


def migrate(
    store: Store, *, simulated: bool = False, only: Collection[str] | None = None
) -> list[str]:
    """Bring the schema up to date and give the names applied now; `only`: no others than these.

    Each file is one transaction. Raises MigrationError when an applied file was changed since, when
    the database is newer than this program, or when it holds the other kind of data (real trades or
    simulated ones).
    """
    fresh = missing(store, only)
    if fresh:  # else there is nothing to wait for, nor a right to be had
        try:
            fresh = apply_missing(store, only, simulated=simulated)
        except (InsufficientPrivilege, ReadOnlySqlTransaction) as failure:
            raise MigrationError(
                f"the database lacks {', '.join(each.name for each in fresh)}, and role "
                f"{store.info.user} may not make it: run `alphapulse migrate` as its owner"
            ) from failure
    refuse_other_kind(store, simulated=simulated)
    return [migration.name for migration in fresh]


def apply_missing(
    store: Store, only: Collection[str] | None, *, simulated: bool
) -> list[Migration]:
    """One process at a time; what another one has applied meanwhile is not applied again."""
    store.execute(LOCK)
    try:
        store.execute(LEDGER)
        fresh = missing(store, only)
        for migration in fresh:
            apply(store, migration, simulated=simulated)
    finally:
        store.execute(UNLOCK)
    return fresh


def missing(store: Store, only: Collection[str] | None) -> list[Migration]:
    """What is still to be applied; raises MigrationError if the database is not of our kind."""
    applied: dict[str, str] = {}
    if store.execute("SELECT to_regclass('migrations')").fetchone() != (None,):
        applied = dict(store.execute("SELECT name, sha256 FROM migrations").fetchall())
    found = list(find_migrations(sql_directory()))
    refuse_strangers(applied, found)
    return [
        each for each in found if each.name not in applied and (only is None or each.name in only)
    ]


def refuse_strangers(applied: dict[str, str], found: list[Migration]) -> None:
    known = {migration.name: migration.sha256 for migration in found}
    for name, digest in applied.items():
        if name not in known:
            raise MigrationError(
                f"the database has {name}, which this version does not know: upgrade AlphaPulse"
            )
        if known[name] != digest:
            raise MigrationError(
                f"sql/{name}.sql was changed after it had been applied: add a new file instead"
            )


def apply(store: Store, migration: Migration, *, simulated: bool) -> None:
    with store.transaction():
        store.execute(
            "SELECT set_config('alphapulse.simulated', %s, true)", ["on" if simulated else "off"]
        )
        store.execute(SQL(migration.text))  # our own files, not built strings
        store.execute(
            "INSERT INTO migrations (name, sha256) VALUES (%s, %s)",
            [migration.name, migration.sha256],
        )


def refuse_other_kind(store: Store, *, simulated: bool) -> None:
    (is_simulated,) = store.execute("SELECT simulated FROM instance").fetchone() or (simulated,)
    if is_simulated != simulated:
        kinds = {True: "simulated", False: "real"}
        raise MigrationError(
            f"this database holds {kinds[is_simulated]} trades, settings say {kinds[simulated]}; "
            "the two never share one: choose another ALPHAPULSE_HOME or ALPHAPULSE_DATABASE_URL"
        )
