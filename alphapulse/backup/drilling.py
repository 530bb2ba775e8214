"""The drill: the newest backup restored into a server of its own, and everything compared.

The server is always the embedded PostgreSQL: a backup of TimescaleDB is restored there as well.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic

from msgspec import Struct

from alphapulse.archive.verifying import verify_paths
from alphapulse.backup.keeping import list_backups, read_backup
from alphapulse.backup.manifest import FILES, Backup, BackupError, manifest_of
from alphapulse.backup.restoring import compare, fetch_files, restore_dagster, restore_store
from alphapulse.backup.sampling import sample
from alphapulse.backup.vault import Vault
from alphapulse.postgres import PostgresError, Server, ensure_database
from alphapulse.settings import LOOPBACK
from alphapulse.store.connect import StoreUnavailable, connect
from alphapulse.store.databases import DatabaseRefused

ROWS = 20_000_000  # trades that a drill loads from files: about five minutes
BYTES = 2_000_000_000  # of other files that it fetches and verifies
NAMES = ("drill", "drill_dagster")


class Drilled(Struct, frozen=True):
    """What a drill compared; `failures` says what differs, and a drill without any has passed."""

    stamp: str | None
    made_at: datetime | None
    failures: tuple[str, ...]
    rows: int = 0
    days: int = 0
    days_in_backup: int = 0
    files: int = 0
    files_in_backup: int = 0
    seconds: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.failures

    @property
    def is_sample(self) -> bool:
        return (self.days, self.files) != (self.days_in_backup, self.files_in_backup)


def drill(vault: Vault, scratch: Path, rows: int = ROWS, size: int = BYTES) -> Drilled:
    """Restore the newest backup below `scratch`, which is left as it was. Never raises for what is
    wrong with the backup, nor for a server that does not start: those are its failures.
    """
    began = monotonic()
    stamps = list_backups(vault)
    if not stamps:
        return Drilled(None, None, (f"{vault.place} holds no backup",))
    try:
        backup = read_backup(vault, stamps[-1])
    except BackupError as failure:
        return Drilled(stamps[-1], None, (str(failure),))
    chosen = sample(backup, rows, size)
    failures = list(missing(vault, backup))
    with TemporaryDirectory(dir=scratch, prefix="drill-") as folder:
        Path(folder).chmod(0o755)  # the server's account walks through it
        try:
            failures += restore_and_compare(vault, chosen, Path(folder))
        except (BackupError, PostgresError, StoreUnavailable, DatabaseRefused, OSError) as failure:
            failures.append(str(failure))
    return Drilled(
        stamp=backup.stamp,
        made_at=backup.made_at,
        failures=tuple(dict.fromkeys(failures)),
        rows=chosen.rows,
        days=len(chosen.days),
        days_in_backup=len(backup.days),
        files=len(chosen.files),
        files_in_backup=len(backup.files),
        seconds=monotonic() - began,
    )


def missing(vault: Vault, backup: Backup) -> Iterator[str]:
    """Objects of the whole backup, in the sample or not, that are gone or of another size."""
    found = vault.sizes(FILES) | vault.sizes(manifest_of(backup.stamp).rpartition("/")[0] + "/")
    for one in backup.objects:
        if found.get(one.name) != one.bytes:
            said = f"has {found[one.name]} bytes" if one.name in found else "is missing"
            yield f"{vault.place}/{one.name} {said}, and should have {one.bytes}"


def restore_and_compare(vault: Vault, backup: Backup, home: Path) -> Iterator[str]:
    """The failures; raises what a restore raises."""
    for _ in fetch_files(vault, home, backup.files):
        pass
    yield from damaged(home, backup)
    with scratch_server(home) as server:
        url = ensure_database(server.url("postgres"), NAMES[0])
        restore_store(url, vault, backup, home)
        with connect(url, "drill", read_only=True) as store:  # as others will see it
            yield from compare(store, backup.days)
        if backup.dagster:
            restore_dagster(ensure_database(url, NAMES[1]), vault, backup)


def damaged(home: Path, backup: Backup) -> Iterator[str]:
    """Files of trades that are not what they certify."""
    paths: Iterable[Path] = (home / one.path for one in backup.files if one.certified)
    for finding in verify_paths(paths):
        yield from finding.failures


@contextmanager
def scratch_server(home: Path) -> Iterator[Server]:
    with socket.create_server((LOOPBACK, 0)) as free:
        port = free.getsockname()[1]
    server = Server(home, port)
    try:
        server.start()
        yield server
    finally:
        server.stop()
