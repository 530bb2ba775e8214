"""What our files take on disk, asked for often: counted now and then."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, time

from msgspec import Struct

from alphapulse.findings.disk import Sample, add_sample, hours_left
from alphapulse.settings import Settings

COUNT_EVERY = 60.0  # seconds: an archive may be a hundred thousand files


class Files(Struct, frozen=True):
    """Bytes. `days_left`: until the disk is full if it goes on as in the last hours; None: it does
    not fill, or that is not known yet.
    """

    parquet: int
    candles: int
    journal: int
    free: int
    total: int
    days_left: float | None


class Shelf:
    """Remembers what was counted, and how much was free."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.counted_at = float("-inf")
        self.sizes = (0, 0, 0)
        self.samples: tuple[Sample, ...] = ()

    def look(self) -> Files:
        home = self.settings.home
        if monotonic() - self.counted_at > COUNT_EVERY:
            folders = (self.settings.parquet, self.settings.candles, home / "journal")
            self.sizes = (size_of(folders[0]), size_of(folders[1]), size_of(folders[2]))
            self.counted_at = monotonic()
        disk = shutil.disk_usage(nearest(home))
        at = time()
        hours = hours_left(self.samples, at, disk.free)
        self.samples = add_sample(self.samples, at, disk.free)
        days = None if hours is None else hours / 24
        return Files(*self.sizes, disk.free, disk.total, days)


def nearest(folder: Path) -> Path:
    """The folder, or what stands where it will be."""
    return next(one for one in (folder, *folder.parents) if one.exists())


def size_of(folder: Path) -> int:
    return sum(sizes(folder))


def sizes(folder: Path) -> Iterator[int]:
    try:
        with os.scandir(folder) as found:
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    yield from sizes(Path(entry.path))
                else:
                    yield entry.stat(follow_symlinks=False).st_size
    except FileNotFoundError:  # it went away while we looked
        return
