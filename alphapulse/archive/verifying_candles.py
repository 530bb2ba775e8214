"""What files of candles say of themselves, checked from the files alone, as those of trades are."""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from msgspec import Struct

from alphapulse.candle_certificate import CandleCertificate
from alphapulse.lake import LakeError
from alphapulse.lake.candle_files import (
    CANDLE_CHECKS,
    check_candle_columns,
    read_candle_certificate,
    read_candles,
)

Table = Any  # pyarrow's


class CandleFinding(Struct, frozen=True):
    """One file: the names of the checks that held, and why others did not."""

    path: Path
    certificate: CandleCertificate | None
    held: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()

    @property
    def is_good(self) -> bool:
        return not self.failures


def verify_candle_file(path: Path) -> CandleFinding:
    try:
        certificate = read_candle_certificate(path)
    except (LakeError, OSError) as failure:
        return CandleFinding(path, None, (), (str(failure),))
    held, failures = [], list[str]()
    for name, check in checks_of(path, certificate).items():
        try:
            check()
            held.append(name)
        except LakeError as failure:
            failures.append(str(failure))
        except (OSError, ValueError) as failure:  # pages that cannot be read
            failures.append(f"{path}: {name} cannot be read: {failure}")
    return CandleFinding(path, certificate, tuple(held), tuple(dict.fromkeys(failures)))


def checks_of(path: Path, certificate: CandleCertificate) -> dict[str, Callable[[], None]]:
    """Each check by its name; the first that needs the file's bars reads them."""
    bars = cache(partial(read_candles, path))
    compared = {
        name: partial(compare, check, path, certificate, bars)
        for name, check in CANDLE_CHECKS.items()
    }
    return {"columns": partial(check_candle_columns, path), **compared}


def compare(
    check: Callable[[Path, Table, CandleCertificate], None],
    path: Path,
    certificate: CandleCertificate,
    bars: Callable[[], Table],
) -> None:
    check(path, bars(), certificate)
