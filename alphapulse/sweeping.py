"""Files that nobody will read again: old output of Dagster's runs, endless logs, broken exports."""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from alphapulse.postgres.cluster import empty_long_logs

DAY = 86_400.0  # seconds
ASIDE_DAYS = 2  # longer than any export takes
OUTPUT = {".out", ".err", ".complete"}  # as Dagster names it
ASIDE = re.compile(r"\..+\.parquet\.[0-9a-f]{32}(\.csv)?")  # what is written before it is renamed


class Swept(Struct, frozen=True):
    files: int = 0
    bytes: int = 0


def sweep_run_output(dagster_home: Path, days: int) -> Swept:
    """Remove what runs printed more than `days` ago, and their folders; 0: nothing."""
    if not days:
        return Swept()
    found = [path for path in dagster_home.glob("*/compute_logs/*") if path.suffix in OUTPUT]
    swept = remove(older(found, days))
    for folder in {path.parent for path in found}:
        for emptied in (folder, folder.parent):
            with suppress(OSError):  # it is not empty
                emptied.rmdir()
    return swept


def sweep_asides(*folders: Path) -> Swept:
    """Remove what exports that were killed had written aside, days ago."""
    paths = (
        path for folder in folders for path in folder.rglob(".*") if ASIDE.fullmatch(path.name)
    )
    return remove(older(paths, ASIDE_DAYS))


def empty_logs(home: Path) -> int:
    """Empty what the embedded PostgreSQL logged of one weekday, where that is beyond all reason."""
    return empty_long_logs(home / "postgres" / "log")


def older(paths: Iterable[Path], days: int) -> Iterator[Path]:
    limit = time.time() - days * DAY
    for path in paths:
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_mtime < limit:
                yield path


def remove(paths: Iterable[Path]) -> Swept:
    files = size = 0
    for path in list(paths):
        with suppress(FileNotFoundError):
            size += path.stat().st_size
            path.unlink()
            files += 1
    return Swept(files, size)
