"""Copied files on their way into the archive: read back, compared, renamed, written down."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct

from alphapulse import lake
from alphapulse.archive.checksum import checksum_of
from alphapulse.archive.judging import Judged, Wanted
from alphapulse.archive.outcome import Exported, ExportError, Failed, Outcome
from alphapulse.certificate import Certificate
from alphapulse.lake import DayFile, LakeError
from alphapulse.store.connect import Store
from alphapulse.store.judgements import judge_again
from alphapulse.store.reopening import Shipment, record_export, report_unexplained
from alphapulse.store.writing import AWAY, UNFIT

READERS = 2  # files that are read back at a time
FAILURES = (ExportError, LakeError, OSError, *AWAY, *UNFIT)


class Doors(Struct, frozen=True):
    """Both ways to the store: DuckDB reads the rows, psycopg judges them and writes it down."""

    duck: DuckDBPyConnection
    store: Store


def land(
    doors: Doors,
    parquet: Path,
    wanted: Sequence[Wanted],
    judged: Sequence[Judged | Exported | Failed],
    files: Sequence[DayFile],
) -> Iterator[Outcome]:
    """What came of each day, in order; a file that is not good fails its day alone."""
    with ThreadPoolExecutor(READERS) as pool:
        try:
            checks = [
                pool.submit(finish, doors.duck, file, found.certificate)
                if isinstance(found, Judged)
                else None
                for found, file in zip(judged, files, strict=True)
            ]
            for one, found, file, check in zip(wanted, judged, files, checks, strict=True):
                try:
                    yield settle(doors, parquet, one, found, file, check)
                except FAILURES as failure:
                    yield Failed(one.day, str(failure))
        finally:
            pool.shutdown(cancel_futures=True)


def finish(duck: DuckDBPyConnection, file: DayFile, certificate: Certificate) -> None:
    """Give the file its certificate and compare it with what is read back; raises LakeError."""
    try:
        file.close(certificate.metadata())
        lake.verify(file.path, certificate)
        with duck.cursor() as own:
            compare_checksum(own, file.path, certificate)
    except (duckdb.Error, ValueError) as failure:  # ValueError: pyarrow's
        raise LakeError(f"{certificate.day.key} cannot be read back: {failure}") from failure


def compare_checksum(duck: DuckDBPyConnection, path: Path, certificate: Certificate) -> None:
    """The file's rows against PostgreSQL's own checksum of them."""
    found = checksum_of(duck, path)
    if found != certificate.checksum:
        raise LakeError(f"{path}: its rows give checksum {found}, the store's {certificate}")


def settle(
    doors: Doors,
    parquet: Path,
    wanted: Wanted,
    judged: Judged | Exported | Failed,
    file: DayFile,
    check: Future[None] | None,
) -> Outcome:
    """Raises LakeError, OSError or what the store raises; then the day's file, if there was one, is
    untouched, unless only the writing down failed: unarchived_days tells of it.
    """
    if isinstance(judged, Failed):
        return judged
    if isinstance(judged, Exported):
        judge_again(doors.store, wanted.market_id, wanted.day)
        return judged
    assert check is not None
    check.result()
    path = lake.path_of(parquet, wanted.day)
    path.parent.mkdir(parents=True, exist_ok=True)
    lake.put_in_place(file.path, path)
    write_down(doors.store, judged)
    return Exported(wanted.day, judged.certificate, path, path.stat().st_size)


def write_down(store: Store, judged: Judged) -> None:
    words, wanted = judged.certificate, judged.wanted
    shipment = Shipment(wanted.day, words.rows, words.checksum, words.exported_at, judged.snapshot)
    record_export(store, wanted.market_id, shipment, judged.found)
    report_unexplained(store, wanted.day.market, judged.unexplained)
