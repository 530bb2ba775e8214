"""What files say of themselves, checked from the files alone: no database, no settings."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import duckdb
import msgspec
from duckdb import DuckDBPyConnection
from msgspec import Struct

from alphapulse import lake
from alphapulse.archive.checksum import checksum_of
from alphapulse.archive.copying import OFFLINE
from alphapulse.archive.verifying_candles import CandleFinding, verify_candle_file
from alphapulse.certificate import PREFIX, Certificate
from alphapulse.lake import Figures, LakeError, Place

SIZE = f"{PREFIX}size"  # of bars: files of trades have no such key
Found = TypeVar("Found", "Finding", CandleFinding)


class Finding(Struct, frozen=True):
    """One file: the names of the checks that held, and why others did not."""

    path: Path
    certificate: Certificate | None
    held: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return not self.failures


def verify_paths(paths: Iterable[Path]) -> Iterator[Finding | CandleFinding]:
    """Each file, or every market-day's file below a directory; raises LakeError where none is.

    Trades and candles are told apart by what their footers say.
    """
    with duckdb.connect(":memory:", config=OFFLINE) as duck:
        for path in paths:
            for file in files_of(path):
                if lake.is_month(file):
                    yield from verify_month(duck, file)
                elif is_of_candles(file):
                    yield verify_candle_file(file)
                else:
                    yield verify_file(duck, file)


def files_of(path: Path) -> list[Path]:
    """Without what is being written: in hidden files, or in hidden folders."""
    if not path.is_dir():
        return [path]
    every = sorted(path.rglob("*.parquet"))
    found = [file for file in every if not is_hidden(file.relative_to(path))]
    if not found:
        raise LakeError(f"{path} holds no Parquet file")
    return found


def is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)


def is_of_candles(path: Path) -> bool:
    """False for what cannot be read: `verify_file` says so."""
    try:
        return SIZE in lake.day_pairs(path)
    except (LakeError, OSError, ValueError):
        return False


def verify_month(duck: DuckDBPyConnection, path: Path) -> Iterator[Finding | CandleFinding]:
    """One finding per day of a month's file."""
    try:
        months = lake.month_pairs(path)
    except (LakeError, OSError) as failure:
        yield Finding(path, None, (), (str(failure),))
        return
    if not months:
        yield Finding(path, None, (), (f"{path} is no month's file: it names no day",))
    for group, (day, pairs) in enumerate(months.items()):
        place = Place(path, day, group)
        if SIZE in pairs:
            yield verify_candle_place(place)
        else:
            yield verify_place(duck, place)


def verify_places(places: Iterable[Place]) -> Iterator[Finding]:
    """Each of these days, wherever it lies."""
    with duckdb.connect(":memory:", config=OFFLINE) as duck:
        for place in places:
            yield verify_place(duck, place)


def verify_place(duck: DuckDBPyConnection, place: Place) -> Finding:
    """A day of a month's file is taken out and checked as its own file was."""
    if place.group is None:
        return verify_file(duck, place.path)
    try:
        with alone(place) as path:
            return named(verify_file(duck, path), place)
    except LakeError as failure:
        return Finding(place.path, None, (), (str(failure),))


def verify_candle_place(place: Place) -> CandleFinding:
    """The same of bars."""
    try:
        with alone(place) as path:
            return named(verify_candle_file(path), place)
    except LakeError as failure:
        return CandleFinding(place.path, None, (), (str(failure),))


@contextmanager
def alone(place: Place) -> Iterator[Path]:
    """The day's own file made anew, while the block runs; raises LakeError."""
    with TemporaryDirectory(prefix="alphapulse-verify-") as folder:
        path = Path(folder) / f"{place.date}.parquet"
        try:
            lake.extract(place, path)
        except (LakeError, OSError, ValueError, KeyError) as failure:
            reason = f"{place.path}: {place.date} cannot be read: {failure}"
            raise LakeError(reason) from failure
        yield path


def named(found: Found, place: Place) -> Found:
    """A finding on the day's own file becomes one on its place."""
    where = f"{place.path} ({place.date})"
    failures = tuple(reason.replace(str(found.path), where) for reason in found.failures)
    return msgspec.structs.replace(found, path=place.path, failures=failures)


def verify_file(duck: DuckDBPyConnection, path: Path) -> Finding:
    try:
        certificate = lake.read_certificate(path)
    except (LakeError, OSError) as failure:
        return Finding(path, None, (), (str(failure),))
    held, failures = [], []
    for name, check in checks_of(duck, path, certificate).items():
        try:
            check()
            held.append(name)
        except LakeError as failure:
            failures.append(str(failure))
        except (OSError, ValueError, duckdb.Error) as failure:  # pages that cannot be read
            failures.append(f"{path}: {name} cannot be read: {failure}")
    return Finding(path, certificate, tuple(held), tuple(failures))


def checks_of(
    duck: DuckDBPyConnection, path: Path, certificate: Certificate
) -> dict[str, Callable[[], None]]:
    """Each check by its name; the first that needs the file's figures reads them."""
    figures = cache(partial(lake.figures_of, path))
    compared = {
        name: partial(compare, check, path, certificate, figures)
        for name, check in lake.CHECKS.items()
    }
    return {
        "columns": partial(lake.check_columns, path),
        **compared,
        "checksum": partial(check_checksum, duck, path, certificate),
    }


def compare(
    check: Callable[[Path, Certificate, Figures], None],
    path: Path,
    certificate: Certificate,
    figures: Callable[[], Figures],
) -> None:
    check(path, certificate, figures())


def check_checksum(duck: DuckDBPyConnection, path: Path, certificate: Certificate) -> None:
    """Raises LakeError; a file of certificate version 1 has none to compare."""
    if certificate.checksum is None:
        return
    found = checksum_of(duck, path)
    if found != certificate.checksum:
        raise LakeError(f"{path}: its rows give checksum {found}, not {certificate.checksum}")
