"""Disks that fill up. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec import Struct

from alphapulse.alerts import Alert, Severity

CRITICAL = 4  # a critical disk has less than this part of what warns
APART = 600.0  # seconds between two samples
SAMPLES = 36  # kept: six hours
DAMPED = 1.1  # times the limit must be free again


class Disk(Struct, frozen=True):
    """The file system that holds `place`, in bytes."""

    place: str
    free: int
    total: int


class Sample(Struct, frozen=True):
    at: float  # Unix seconds
    free: int


def disk_alerts(
    disks: Iterable[Disk],
    percent: int,
    least: int,
    now: datetime,
    hours: dict[str, float | None],
    standing: Iterable[str] = (),
) -> Iterator[Alert]:
    """Too little is free: by share or by bytes, whichever is crossed first.

    What stands goes on standing until a tenth more is free, so that it does not flap.
    """
    known = set(standing)
    for disk in disks:
        limit = max(disk.total * percent // 100, least)
        levels = (
            ("low", limit, Severity.WARNING),
            ("full", limit // CRITICAL, Severity.CRITICAL),
        )
        for word, bound, severity in levels:
            key = f"disk {word}: {disk.place}"
            if disk.free < bound * (DAMPED if key in known else 1.0):
                title = f"{human(disk.free)} free where {disk.place} lies"
                text = text_of(disk, bound, hours.get(disk.place))
                yield Alert(key, severity, title, text, now)


def text_of(disk: Disk, bound: int, hours: float | None) -> str:
    share = 100 * disk.free / disk.total
    words = f"{share:.1f} % of {human(disk.total)} is free, less than {human(bound)}"
    return words if hours is None else f"{words}; full in about {hours:.0f} h at this rate"


def add_sample(samples: Sequence[Sample], at: float, free: int) -> tuple[Sample, ...]:
    """Now and then, the newest last."""
    if samples and at - samples[-1].at < APART:
        return tuple(samples)
    return (*samples, Sample(at, free))[-SAMPLES:]


def hours_left(samples: Sequence[Sample], at: float, free: int) -> float | None:
    """Until nothing is free, if it goes on as since the oldest sample; None: it does not shrink."""
    if not samples or at - samples[0].at < APART:
        return None
    rate = (samples[0].free - free) / (at - samples[0].at)
    return free / rate / 3600 if rate > 0 else None


def human(bytes: int) -> str:
    size = float(bytes)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
