"""Bring a backup back: the lake's files, the store in one transaction, then Dagster's database.

Everything is compared with the manifest on its way; the store's rows once more by PostgreSQL's own
checksum before they are committed.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import zstandard

from alphapulse.backup import programs
from alphapulse.backup.manifest import Backup, BackupError, Copied, StoredDay
from alphapulse.backup.vault import Vault, read
from alphapulse.lake.place import LakeError, put_in_place
from alphapulse.lake.rows import csv_of
from alphapulse.migrate import find_migrations, migrate, sql_directory
from alphapulse.store import restoring as statements
from alphapulse.store.backups import count_and_checksum, libpq_variables
from alphapulse.store.connect import Store, connect

ASIDE = ".restoring"
Say = Callable[[str], None]


def fetch_files(vault: Vault, home: Path, files: Iterable[Copied]) -> Iterator[Copied]:
    """Each into its place below `home`; one that lies there already is left. Raises BackupError."""
    for one in files:
        path = home / one.path
        if not is_there(path, one):
            fetch(vault, path, one)
        yield one


def is_there(path: Path, one: Copied) -> bool:
    """Its time is set when it is whole, so that the next backup knows it too."""
    if not path.exists():
        return False
    stat = path.stat()
    return (stat.st_size, stat.st_mtime_ns) == (one.object.bytes, one.changed_at)


def fetch(vault: Vault, path: Path, one: Copied) -> None:
    aside = path.with_name(f".{path.name}{ASIDE}")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with aside.open("wb") as file:
            for chunk in read(vault, one.object):
                file.write(chunk)
        os.utime(aside, ns=(one.changed_at, one.changed_at))
        put_in_place(aside, path)
    finally:
        aside.unlink(missing_ok=True)


def refuse_strangers(backup: Backup) -> None:
    """Raises BackupError when this program lacks a migration that the backup's store had."""
    ours = {found.name: found.sha256 for found in find_migrations(sql_directory())}
    for name, digest in backup.migrations.items():
        if ours.get(name) != digest:
            raise BackupError(
                f"backup {backup.stamp} was made by AlphaPulse {backup.version}, with {name}, "
                "which this version does not know: restore it with that version or a newer one"
            )


def restore_store(
    url: str, vault: Vault, backup: Backup, home: Path, say: Say = lambda _: None
) -> int:
    """Fill the empty database of `url`; gives the transaction that stored everything.

    `home` is where the days' files lie. All or nothing; raises BackupError.
    """
    refuse_strangers(backup)
    with connect(url, "restore") as store:
        if statements.is_used(store):
            raise BackupError(
                "the database holds markets or trades already, and nothing is restored over them: "
                "name another one in ALPHAPULSE_DATABASE_URL, or drop it first"
            )
        # As the backup's store was; what this version adds to it comes behind its rows.
        migrate(store, simulated=backup.simulated, only=backup.migrations)
        statements.make_days(store, (day.date for day in backup.days))
        try:
            with statements.loading(store) as tx:
                load(store, vault, backup, home, tx, say)
        except (statements.RowsRefused, LakeError) as failure:
            raise BackupError(f"backup {backup.stamp} cannot be stored: {failure}") from failure
        migrate(store, simulated=backup.simulated)
        statements.analyze(store)
    return tx


def load(store: Store, vault: Vault, backup: Backup, home: Path, tx: int, say: Say) -> None:
    load_tables(store, vault, backup, say)
    statements.set_sequences(store, backup.sequences)
    statements.load_trades(store, unpacked(read(vault, backup.trades)))
    archived = [day for day in backup.days if day.file]
    for place, day in enumerate(archived, 1):
        lines = csv_of(home / str(day.file), day.market_id, day.day)
        statements.load_trades(store, lines, as_csv=True)
        if place % 100 == 0 or place == len(archived):
            say(f"{place:,} of {len(archived):,} market-days loaded from their files")
    for failure in compare(store, backup.days):
        raise BackupError(failure)
    late = [(day.market_id, day.date) for day in backup.days if day.is_late]
    statements.settle_snapshots(store, tx, late)


def load_tables(store: Store, vault: Vault, backup: Backup, say: Say) -> None:
    tables = {table.name: table for table in backup.tables}
    ours = statements.existing(store, tables)
    for name in tables.keys() - ours:
        say(f"table {name} is none of AlphaPulse's: its rows stay in {tables[name].dump.name}")
    for name in statements.in_order(store, ours):
        table = tables[name]
        blocks = unpacked(read(vault, table.dump))
        rows = statements.load_table(store, name, table.columns, blocks)
        if rows != table.rows:
            raise BackupError(f"table {name} has {rows} rows, the backup says {table.rows}")


def compare(store: Store, days: Iterable[StoredDay]) -> Iterator[str]:
    """What differs between the store's market-days and the backup's, by count and by checksum."""
    for day in days:
        found = count_and_checksum(store, day.market_id, day.day)
        if found != (day.rows, day.checksum):
            yield (
                f"{day.day.key}: {found[0]} rows with checksum {found[1]} are there, "
                f"the backup says {day.rows} with {day.checksum}"
            )


def unpacked(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Raises BackupError where it is no zstd, or ends early."""
    reader = zstandard.ZstdDecompressor().decompressobj()
    try:
        for block in blocks:
            if plain := reader.decompress(block):
                yield plain
    except zstandard.ZstdError as failure:
        raise BackupError(f"a dump cannot be unpacked: {failure}") from failure


def restore_dagster(url: str, vault: Vault, backup: Backup) -> bool:
    """Fill Dagster's empty database at `url`; whether the backup has one. Raises BackupError."""
    if backup.dagster is None:
        return False
    with connect(url, "restore") as store:
        if statements.has_tables(store):
            raise BackupError("Dagster's database is not empty: drop it first")
    programs.restore(libpq_variables(url), read(vault, backup.dagster))
    return True
