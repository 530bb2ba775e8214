"""Compare a file's own figures with what it certifies. What is compared was read by pyarrow."""

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq

from alphapulse.certificate import Certificate
from alphapulse.lake.figures import Figures, figures_of
from alphapulse.lake.place import SCHEMA, LakeError, read_certificate


def verify(path: Path, certificate: Certificate) -> None:
    """Read the whole file back and compare; raises LakeError at the first thing that differs.

    Once and batch by batch: a day of any size needs the memory of a batch.
    """
    if read_certificate(path) != certificate:
        raise LakeError(f"{path} does not carry the certificate it was given")
    check_columns(path)
    found = figures_of(path)
    for check in CHECKS.values():
        check(path, certificate, found)


def check_columns(path: Path) -> None:
    schema = pq.read_schema(path).remove_metadata()
    if not schema.equals(SCHEMA):
        raise LakeError(f"{path} has other columns than the archive: {schema}")


def check_ids(path: Path, certificate: Certificate, figures: Figures) -> None:
    found = (figures.rows, figures.first_id, figures.last_id)
    if found != (certificate.rows, certificate.first_id, certificate.last_id):
        raise LakeError(
            f"{path} holds (rows, first id, last id) {found}, the store said {certificate}"
        )
    if figures.repeats:
        raise LakeError(
            f"{certificate.day.key}: {figures.repeats} trade ids are stored more than once, under "
            "different times: find them in `trades` and delete the wrong ones"
        )


def check_times(path: Path, certificate: Certificate, figures: Figures) -> None:
    day, first, last = certificate.day, figures.first_at, figures.last_at
    if first is None or last is None or not day.starts_at <= first <= last < day.ends_at:
        raise LakeError(f"{path} holds trades outside its day: from {first} to {last}")
    if not figures.in_order:
        raise LakeError(f"{path} is not in order of time")


def check_sums(path: Path, certificate: Certificate, figures: Figures) -> None:
    sums = [figures.price_sum, figures.size_sum]
    if sums != [certificate.price_sum, certificate.size_sum]:
        raise LakeError(f"{path} sums up to {sums}, the store's rows to {certificate}")


def check_notional(path: Path, certificate: Certificate, figures: Figures) -> None:
    """Price and size belong together: their products sum up to what the store's did."""
    expected, found = certificate.notional_sum, figures.notional_sum
    if expected is not None and found != expected:
        raise LakeError(f"{path}: price x size sums up to {found}, the store's rows to {expected}")


CHECKS: dict[str, Callable[[Path, Certificate, Figures], None]] = {
    "ids": check_ids,
    "times": check_times,
    "sums": check_sums,
    "price x size": check_notional,
}
