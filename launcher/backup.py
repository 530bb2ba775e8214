"""`alphapulse backup`, `restore` and `drill`: a lost machine comes back, and that is proved."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from alphapulse.archive.market_data import write_archive
from alphapulse.backup.drilling import Drilled, drill
from alphapulse.backup.keeping import list_backups, read_backup
from alphapulse.backup.making import Made, make_backup
from alphapulse.backup.manifest import Backup, BackupError
from alphapulse.backup.restoring import (
    compare,
    fetch_files,
    refuse_strangers,
    restore_dagster,
    restore_store,
)
from alphapulse.backup.vault import Vault, open_vault
from alphapulse.postgres import dagster_url, database
from alphapulse.settings import FILE, Settings, SettingsError
from alphapulse.store.backups import BackupUnderWay, find_dagster
from alphapulse.store.connect import StoreUnavailable, connect
from alphapulse.store.reopening import look_for_late_rows
from alphapulse.store.restoring import has_tables, is_used
from launcher.supervisor import UNFINISHED, hold

REFUSALS = (BackupError, BackupUnderWay)
MAY_BE_THERE = {FILE, UNFINISHED, "supervisor.lock", "log"}
MANY = 500  # files between two words of progress


class Order(Struct, frozen=True):
    """The command's words: where from, which backup (None: the newest), into which home."""

    place: str
    stamp: str | None = None
    home: Path | None = None

    def settings(self, given: Settings) -> Settings:
        try:
            return replace(given, home=self.home.absolute()) if self.home else given
        except ValueError as failure:
            raise SettingsError(f"--home {self.home}: {failure}") from failure


def place_of(settings: Settings) -> str:
    if settings.backup_to is None:
        raise SettingsError(
            "there are no backups: set ALPHAPULSE_BACKUP_TO to a directory or s3://bucket/prefix"
        )
    return settings.backup_to


def roots_of(settings: Settings) -> dict[str, Path]:
    return {"parquet": settings.parquet, "candles": settings.candles}


@contextmanager
def reaching(place: str) -> Iterator[None]:
    """What the place or the disk refuses becomes BackupError, one line."""
    try:
        yield
    except StoreUnavailable:
        raise
    except OSError as failure:
        raise BackupError(f"{place}: {failure}") from failure


def back_up(settings: Settings, environment: Mapping[str, str]) -> Made:
    """Raises what `make_backup` raises, and SettingsError without a place."""
    place = place_of(settings)
    with reaching(place), database(settings) as url:
        vault = open_vault(place, environment)
        return make_backup(url, roots_of(settings), vault, settings.backup_keep)


def made_facts(made: Made) -> dict[str, Any]:
    backup = made.backup
    return {
        "backup": backup.stamp,
        "place": made.place,
        "rows": backup.rows,
        "market_days": len(backup.days),
        "files": len(backup.files),
        "files_copied": made.files_copied,
        "bytes_written": made.bytes,
        "dagster": backup.dagster_note or "in it",
        "kept": made.kept,
        "removed": made.removed,
        "seconds": round(made.seconds, 1),
    }


def run_drill(settings: Settings, environment: Mapping[str, str]) -> Drilled:
    place = place_of(settings)
    with reaching(place):
        vault = open_vault(place, environment)
        settings.home.mkdir(parents=True, exist_ok=True)
        return drill(vault, settings.home)


def drill_facts(found: Drilled) -> dict[str, Any]:
    return {"passed": found.passed, "is_sample": found.is_sample, **msgspec.to_builtins(found)}


def describe(facts: Mapping[str, Any]) -> Iterator[str]:
    """One line per fact."""
    for name, value in facts.items():
        words = json.dumps(value) if isinstance(value, list | tuple | bool) else str(value)
        if type(value) is int:
            words = f"{value:,}"
        yield f"{name.replace('_', ' '):<16} {words}"


def find_backup(vault: Vault, stamp: str | None) -> Backup:
    """The one of `stamp`, or the newest; raises BackupError."""
    stamps = list_backups(vault)
    if not stamps or (stamp and stamp not in stamps):
        there = f"there are {', '.join(stamps)}" if stamps else "there is none at all"
        raise BackupError(f"{vault.place} holds no backup {stamp or ''}: {there}")
    return read_backup(vault, stamp or stamps[-1])


def plan_facts(backup: Backup, settings: Settings) -> dict[str, Any]:
    """What a restore would take."""
    dumped = [day for day in backup.days if day.file is None]
    return {
        "backup": backup.stamp,
        "made_by": f"AlphaPulse {backup.version} on PostgreSQL {backup.server} ({backup.layout})",
        "home": str(settings.home),
        "files": len(backup.files),
        "bytes": sum(one.bytes for one in backup.objects),
        "rows": backup.rows,
        "rows_from_files": backup.rows - sum(day.rows for day in dumped),
        "market_days": len(backup.days),
        "dagster": backup.dagster_note or "in it",
    }


def restore(
    settings: Settings, order: Order, environment: Mapping[str, str], say: Callable[[str], None]
) -> dict[str, Any]:
    """All of it; killed in the middle, the same command goes on. Raises BackupError."""
    settings = order.settings(settings)
    vault = open_vault(order.place, environment)
    backup = find_backup(vault, order.stamp)
    refuse_unfit(settings, backup)
    goes_on = (settings.home / UNFINISHED).exists()
    with holding(settings.home, backup.stamp):
        for place, _ in enumerate(fetch_files(vault, settings.home, backup.files), 1):
            if place % MANY == 0 or place == len(backup.files):
                say(f"{place:,} of {len(backup.files):,} files are there")
        with database(settings) as url:
            if not (goes_on and is_restored(url, backup)):
                say(f"storing {backup.rows:,} trades")
                restore_store(url, vault, backup, settings.home, say)
            if backup.dagster and not (goes_on and is_filled(find_dagster(url))):
                say("restoring Dagster's database")
                restore_dagster(dagster_url(url), vault, backup)
            with connect(url, "restore") as store:
                look_for_late_rows(store, None)
            say("writing market_data.duckdb")
            write_archive(
                settings.archive, settings.parquet, candles=settings.candles, store_url=url
            )
    return plan_facts(backup, settings)


def dry_run(settings: Settings, order: Order, environment: Mapping[str, str]) -> dict[str, Any]:
    """What it would do; refuses what the restore itself would."""
    settings = order.settings(settings)
    backup = find_backup(open_vault(order.place, environment), order.stamp)
    refuse_unfit(settings, backup)
    return plan_facts(backup, settings)


def refuse_unfit(settings: Settings, backup: Backup) -> None:
    """Raises BackupError unless the backup is of this kind and the home is empty."""
    refuse_strangers(backup)
    if backup.simulated != settings.simulated:
        kind = "true" if backup.simulated else "false"
        raise BackupError(
            f"backup {backup.stamp} holds {'simulated' if backup.simulated else 'real'} trades: "
            f"set ALPHAPULSE_SIMULATED={kind} to restore it"
        )
    home = settings.home
    found = {path.name for path in home.iterdir()} if home.exists() else set()
    if UNFINISHED not in found and (others := sorted(found - MAY_BE_THERE)):
        raise BackupError(
            f"{home} is not empty ({', '.join(others[:5])}): nothing is restored over what is "
            "there; move it away, or choose another place by --home"
        )
    if UNFINISHED in found and (stamp := (home / UNFINISHED).read_text()) != backup.stamp:
        raise BackupError(
            f"{home} is being restored from backup {stamp}: go on with --backup {stamp}, "
            "or remove the home and begin anew"
        )


@contextmanager
def holding(home: Path, stamp: str) -> Iterator[None]:
    """Nobody runs this home meanwhile; until the restore is done it says that it is not."""
    with hold(home):
        mark = home / UNFINISHED
        mark.write_text(stamp)
        yield
        mark.unlink()


def is_restored(url: str, backup: Backup) -> bool:
    """Whether an earlier attempt stored it all: that was one transaction."""
    with connect(url, "restore", read_only=True) as store:
        return is_used(store) and not any(compare(store, backup.days))


def is_filled(url: str | None) -> bool:
    if url is None:
        return False
    with connect(url, "restore", read_only=True) as store:
        return has_tables(store)
