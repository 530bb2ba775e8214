"""Small files of days become one file per market and month, and no reader notices.

1. The month's file is written aside, each day is read back from it and compared, and it is renamed.
   Archives written before do not name it; the days' own files stay where they name them.
2. The next market_data.duckdb reads those days from the month's file, all of them at once.
3. A day later the days' own files go, each compared once more, unless the archive still names them.

Whatever is killed on the way, each day lies in at least one place that the archive names. A day
that is exported again lies in a file of its own beside the month's, and the next month's file takes
it in.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date, timedelta
from itertools import groupby
from pathlib import Path
from uuid import uuid4

import duckdb
from msgspec import Struct

from alphapulse import lake
from alphapulse.archive.checksum import checksum_of
from alphapulse.archive.copying import OFFLINE
from alphapulse.archive.export import unarchived_days
from alphapulse.archive.market_data import is_behind
from alphapulse.lake import LakeError, Place
from alphapulse.store.connect import connect
from alphapulse.store.reopening import reopened_days
from alphapulse.trade import Market, unspell

GRACE = 86_400.0  # seconds that the days' own files stay beside the month's

STILL_NAMED = "SELECT DISTINCT path FROM files UNION SELECT DISTINCT path FROM candle_files"


class Rules(Struct, frozen=True):
    """Which months are compacted.

    Those whose days take less than `below_bytes` on average, and whose last day is over for more
    than `after_days`.
    """

    below_bytes: int
    after_days: int

    def allow(self, month: "Month", today: date) -> bool:
        is_over = month.ends_on + timedelta(days=self.after_days) < today
        return is_over and month.bytes < self.below_bytes * len(month.places)


class Month(Struct, frozen=True):
    """The days of one market's month, each where it is to be read from, and what they take."""

    path: Path
    places: tuple[Place, ...]
    bytes: int

    @property
    def market(self) -> Market:
        return Market(self.path.parts[-3], unspell(self.path.parts[-2]))

    @property
    def ends_on(self) -> date:
        first = date.fromisoformat(f"{self.path.stem}-01")
        return (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)

    @property
    def is_new(self) -> bool:
        """Whether there is a day that the month's file lacks."""
        return any(place.group is None for place in self.places)

    @property
    def is_closed(self) -> bool:
        return all(place.pairs.get("alphapulse.day_closed") == "true" for place in self.places)


class Compacted(Struct, frozen=True):
    path: Path
    days: int
    bytes: int


class NotCompacted(Struct, frozen=True):
    path: Path
    reason: str


def compact(
    url: str, parquet: Path, candles: Path, rules: Rules
) -> Iterator[Compacted | NotCompacted]:
    """Write the files of the months that are due; one that fails does not stop the others.

    Raises StoreUnavailable: what is settled, the store knows.
    """
    with connect(url, "compaction", read_only=True) as store:
        unsettled = {reopened.day for reopened in reopened_days(store)}
        (today,) = store.execute("SELECT (now() AT TIME ZONE 'UTC')::date").fetchone() or (
            date.min,
        )
    due = [
        month for month in months(parquet, candles) if month.is_new and rules.allow(month, today)
    ]
    if not due:
        return
    first = min(place.date for month in due for place in month.places).replace(day=1)
    unsettled |= set(unarchived_days(url, parquet, first, max(month.ends_on for month in due)))
    waiting = {(day.market, f"{day.date:%Y-%m}") for day in unsettled}
    with duckdb.connect(":memory:", config=OFFLINE) as duck:
        for month in due:
            if (month.market, month.path.stem) not in waiting:
                try:
                    if month.is_closed:
                        yield write(duck, month, with_checksum=parquet in month.path.parents)
                except (LakeError, OSError) as failure:
                    yield NotCompacted(month.path, str(failure))


def months(parquet: Path, candles: Path) -> Iterator[Month]:
    """Every market's months, of trades and of bars of each size."""
    for root in (parquet, *sorted(candles.glob("[!.]*/"))):
        days = sorted(lake.listed(lake.files(root)), key=lambda day: str(month_path(day.place)))
        for path, group in groupby(days, key=lambda day: month_path(day.place)):
            found = sorted(group, key=lambda day: day.place.date)
            yield Month(path, tuple(day.place for day in found), sum(day.bytes for day in found))


def month_path(place: Place) -> Path:
    return place.path if place.group is not None else lake.month_of(place.path)


def write(duck: duckdb.DuckDBPyConnection, month: Month, *, with_checksum: bool) -> Compacted:
    """Raises LakeError or OSError; then what was there before is untouched."""
    written = month.path.with_name(f".{month.path.name}.{uuid4().hex}")
    try:
        lake.write_month(written, month.places)
        compare(duck, written, month.places, with_checksum=with_checksum)
        lake.put_in_place(written, month.path)
    finally:
        written.unlink(missing_ok=True)
    return Compacted(month.path, len(month.places), month.path.stat().st_size)


def compare(
    duck: duckdb.DuckDBPyConnection, written: Path, places: Sequence[Place], *, with_checksum: bool
) -> None:
    """Every day is read back and is what its own file is, metadata included.

    Days of trades are taken out once more and their checksums made by DuckDB.
    """
    copies = lake.places_in(written)
    if [copy.date for copy in copies] != [place.date for place in places]:
        raise LakeError(f"{written} lacks days: nothing was replaced")
    for place, copy in zip(places, copies, strict=True):
        if not is_same(place, copy):
            raise LakeError(f"{written} reads other rows of {copy.date} than {place.path}")
        if with_checksum:
            compare_checksum(duck, copy)


def is_same(place: Place, copy: Place) -> bool:
    return place.pairs == copy.pairs and bool(place.read().equals(copy.read()))


def compare_checksum(duck: duckdb.DuckDBPyConnection, copy: Place) -> None:
    alone = copy.path.with_name(f"{copy.path.name}.{copy.date}")
    try:
        lake.extract(copy, alone)
        found, expected = checksum_of(duck, alone), copy.pairs.get("alphapulse.checksum")
    except duckdb.Error as failure:
        raise LakeError(f"{copy.path}: {copy.date} cannot be read: {failure}") from failure
    finally:
        alone.unlink(missing_ok=True)
    if expected is not None and found != expected:
        raise LakeError(f"{copy.path}: rows of {copy.date} give checksum {found}, not {expected}")


def sweep(archive: Path, parquet: Path, candles: Path, *, grace: float = GRACE) -> list[Path]:
    """Remove the days' own files that lie in their month's file as well; gives which went.

    Only those of months whose file has been there for `grace` seconds, and only while the archive,
    which must show the lake as it is, names none of them.
    """
    if is_behind(archive, parquet, candles=candles):
        return []
    named = named_paths(archive)
    removed = []
    for root in (parquet.absolute(), *sorted(candles.absolute().glob("[!.]*/"))):
        for place in lake.superseded(lake.files(root)):
            month = lake.month_of(place.path)
            is_old = time.time() - month.stat().st_mtime > grace
            if is_old and str(place.path) not in named and remove(place, month):
                removed.append(place.path)
    return removed


def remove(place: Place, month: Path) -> bool:
    """Take the day's own file away, unless it is not the one that the month's file holds.

    It is moved aside before it is looked at: an export may be about to replace it, and what that
    brings must stay.
    """
    aside = place.path.with_name(f".{place.path.name}.{uuid4().hex}")
    place.path.rename(aside)
    copies = [copy for copy in lake.places_in(month) if copy.date == place.date]
    is_held = len(copies) == 1 and is_same(Place(aside, place.date), copies[0])
    if not is_held:
        with suppress(FileExistsError):  # a newer one has come
            place.path.hardlink_to(aside)
    aside.unlink()
    return is_held


def named_paths(archive: Path) -> set[str]:
    with duckdb.connect(str(archive), read_only=True) as duck:
        return {path for (path,) in duck.execute(STILL_NAMED).fetchall()}
