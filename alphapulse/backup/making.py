"""Make a backup: the lake's files first, then the store at one instant, and the manifest last.

Killed at any point it leaves the older backups as they were, and what no manifest names is removed
by the next run.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from time import monotonic

import zstandard
from msgspec import Struct

from alphapulse.backup import programs
from alphapulse.backup.keeping import newest, read_backup, rotate, sweep
from alphapulse.backup.manifest import (
    FILES,
    Backup,
    BackupError,
    Certified,
    Copied,
    StoredDay,
    Table,
    Written,
    encode,
    folder_of,
    manifest_of,
    stamp_of,
)
from alphapulse.backup.mirroring import Mirrored, mirror
from alphapulse.backup.vault import Vault, deposit
from alphapulse.day import MarketDay
from alphapulse.postgres import PostgresError
from alphapulse.store import backups as statements
from alphapulse.store.backups import CopyRow, Export, Facts
from alphapulse.store.connect import Store, connect
from alphapulse.store.days import market_ids, traded_days

log = logging.getLogger(__name__)

LEVEL = 3  # zstd's


class Made(Struct, frozen=True):
    """A backup that lies in its place; `bytes` are those written now, files' copies included."""

    backup: Backup
    place: str
    bytes: int
    files_copied: int
    kept: tuple[str, ...]
    removed: tuple[str, ...]
    seconds: float


def make_backup(url: str, roots: Mapping[str, Path], vault: Vault, keep: int) -> Made:
    """Back up the store of `url`, Dagster's database beside it, and the lake below `roots`.

    Raises BackupError, BackupUnderWay, StoreUnavailable or OSError; then the older backups stand.
    """
    began = monotonic()
    with connect(url, "backup") as store:
        statements.claim_backups(store)
        whole = sweep(vault)
        former = newest(vault, whole)
        known = vault.sizes(FILES)
        mirrored = mirror(vault, roots, former.files if former else (), known)
        backup = freeze(store, url, vault, mirrored, former)
        deposit(vault, manifest_of(backup.stamp), [encode(backup)])
        record(store, vault, read_backup(vault, backup.stamp))
        removed = rotate(vault, [*whole, backup.stamp], keep)
    return Made(
        backup=backup,
        place=vault.place,
        bytes=sum(one.bytes for one in own_objects(backup)) + mirrored.bytes,
        files_copied=mirrored.copied,
        kept=tuple(stamp for stamp in [*whole, backup.stamp] if stamp not in removed),
        removed=tuple(removed),
        seconds=monotonic() - began,
    )


def own_objects(backup: Backup) -> list[Written]:
    """What this backup alone holds."""
    return [one for one in backup.objects if not one.name.startswith(FILES)]


def freeze(
    store: Store, url: str, vault: Vault, mirrored: Mirrored, former: Backup | None
) -> Backup:
    """Everything of the store at one instant, and Dagster's database a moment later."""
    with statements.frozen(store) as facts:
        if former and former.simulated != facts.simulated:
            raise BackupError(
                f"{vault.place} holds backups of {'simulated' if former.simulated else 'real'} "
                "trades, and these are not: choose another place"
            )
        folder = folder_of(stamp_of(facts.now))
        days = tuple(judge_days(store, mirrored.files))
        tables = tuple(dump_tables(store, vault, folder))
        trades = deposit(vault, f"{folder}trades.zst", dump_trades(store, days))
        migrations, sequences = statements.migrations(store), statements.sequences(store)
    dagster, note = dump_dagster(url, vault, folder)
    return describe(
        facts, tables, trades, days, mirrored.files, dagster, note, migrations, sequences
    )


def describe(
    facts: Facts,
    tables: tuple[Table, ...],
    trades: Written,
    days: tuple[StoredDay, ...],
    files: tuple[Copied, ...],
    dagster: Written | None,
    note: str | None,
    migrations: dict[str, str],
    sequences: dict[str, int],
) -> Backup:
    return Backup(
        made_at=facts.now,
        version=version("alphapulse"),
        server=facts.server,
        layout=facts.layout,
        simulated=facts.simulated,
        snapshot=facts.snapshot,
        migrations=migrations,
        sequences=sequences,
        tables=tables,
        trades=trades,
        days=days,
        files=files,
        dagster=dagster,
        dagster_note=note,
    )


def judge_days(store: Store, files: Iterable[Copied]) -> Iterator[StoredDay]:
    """Every market-day that the store holds, and where its rows are in the backup.

    In the file, if that was made of all its rows: coverage knows this very checksum, the day was
    over, and no row came since. In the dump else.
    """
    ids = market_ids(store)
    exported = statements.exports(store)
    copied = by_day(files)
    for day in traded_days(store):
        id = ids[day.market]
        export = exported.get((id, day.date))
        late = statements.is_late(store, id, day, export)
        found = None if late else holder_of(copied.get(day, []), export)
        names = (day.market.exchange, day.market.symbol, day.date, id)
        if found:
            path, words = found
            yield StoredDay(*names, words.rows, str(words.checksum), path)
        else:
            rows, checksum = statements.count_and_checksum(store, id, day)
            yield StoredDay(*names, rows, checksum, None, late)


def by_day(files: Iterable[Copied]) -> dict[MarketDay, list[tuple[str, Certified]]]:
    found: dict[MarketDay, list[tuple[str, Certified]]] = {}
    for one in files:
        for words in one.certified:
            found.setdefault(words.day, []).append((one.path, words))
    return found


def holder_of(
    found: Iterable[tuple[str, Certified]], export: Export | None
) -> tuple[str, Certified] | None:
    """The file that holds all that was exported of a day that was over, where one does."""
    if export is None or export.checksum is None or not export.is_whole:
        return None
    return next(
        (
            (path, words)
            for path, words in found
            if words.day_closed and words.checksum == export.checksum
        ),
        None,
    )


def dump_tables(store: Store, vault: Vault, folder: str) -> Iterator[Table]:
    for name, columns in statements.small_tables(store).items():
        blocks = compressed(statements.copy_table(store, name, columns))
        written = deposit(vault, f"{folder}tables/{name}.zst", blocks)
        yield Table(name, columns, statements.count_table(store, name), written)


def dump_trades(store: Store, days: Iterable[StoredDay]) -> Iterator[bytes]:
    """The days' rows one behind the other; each row names its market."""
    live = (day for day in days if day.file is None)
    rows = (statements.copy_day(store, day.market_id, day.day) for day in live)
    return compressed(chain.from_iterable(rows))


def compressed(blocks: Iterable[bytes]) -> Iterator[bytes]:
    packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compressobj()
    for block in blocks:
        if packed := packer.compress(block):
            yield packed
    yield packer.flush()


def dump_dagster(url: str, vault: Vault, folder: str) -> tuple[Written | None, str | None]:
    """Its runs and events, where there are any; that they cannot be had costs nothing else."""
    address = statements.find_dagster(url)
    if address is None:
        return None, "there is no database of Dagster's"
    name = f"{folder}dagster.dump"
    try:
        return deposit(vault, name, programs.dump(statements.libpq_variables(address))), None
    except (BackupError, PostgresError) as failure:
        log.warning("Dagster's database is not in the backup: %s", failure)
        vault.delete(name)
        return None, str(failure)


def record(store: Store, vault: Vault, backup: Backup) -> None:
    """Which days' files lie in the backup: retention asks for it."""
    ids = market_ids(store)
    rows: dict[tuple[int, date], CopyRow] = {}
    for one in backup.files:  # a day's own file comes before its month's, and may be newer
        for words in one.certified:
            if words.checksum is not None and words.day.market in ids:
                id = ids[words.day.market]
                place = f"{vault.place}/{one.object.name}"
                row = CopyRow(id, words.date, place, words.checksum)
                rows.setdefault((id, words.date), row)
    statements.record_copies(store, rows.values())
