"""The stretch of time that is asked for: half-open, in UTC. Pure."""

from datetime import date, datetime
from typing import TypeAlias

from msgspec import Struct

from alphapulse.spelling import BadTime, read_instant

When: TypeAlias = date | datetime | str


class Span(Struct, frozen=True):
    """From `start` on, up to and without `end`."""

    start: datetime
    end: datetime


def read_span(start: When, end: When | None, now: datetime) -> Span:
    """What people write, see `read_instant`; no end: up to `now`. Raises BadTime."""
    span = Span(read_instant(start), now if end is None else read_instant(end))
    if span.end <= span.start:
        raise BadTime(
            f"from {span.start:%Y-%m-%d %H:%M:%S} to {span.end:%Y-%m-%d %H:%M:%S} UTC is no time "
            "at all: the end is not part of it, so one day is 2026-11-01 to 2026-11-02"
        )
    return span
