"""What files say of themselves, checked from the files alone: no database, no settings."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache, partial
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct

from alphapulse import lake
from alphapulse.archive.checksum import checksum_of
from alphapulse.archive.copying import OFFLINE
from alphapulse.certificate import Certificate
from alphapulse.lake import Figures, LakeError


class Finding(Struct, frozen=True):
    """One file: the names of the checks that held, and why others did not."""

    path: Path
    certificate: Certificate | None
    held: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return not self.failures


def verify_paths(paths: Iterable[Path]) -> Iterator[Finding]:
    """Each file, or every market-day's file below a directory; raises LakeError where none is."""
    with duckdb.connect(":memory:", config=OFFLINE) as duck:
        for path in paths:
            for file in files_of(path):
                yield verify_file(duck, file)


def files_of(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob("[!.]*.parquet"))
    if not found:
        raise LakeError(f"{path} holds no Parquet file")
    return found


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
