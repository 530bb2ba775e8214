"""Gaps that stay open, and gaps that were lost. Pure."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from msgspec import Struct

from alphapulse.alerts import Alert, Severity
from alphapulse.findings.links import Links
from alphapulse.trade import Market

TOO_WIDE = "too wide"  # how the note of a gap begins that the repair worker leaves to its owner


class Hole(Struct, frozen=True):
    """A gap as its row says. `progress` differs when anything of its repair got on.

    `rejections`: answers in a row in which the exchange would not serve it.
    """

    gap_id: int
    market: Market
    after_id: int
    before_id: int | None
    state: str
    cause: str
    note: str | None
    found_at: datetime
    revision: int
    progress: str
    rejections: int = 0

    @property
    def key(self) -> str:
        return f"gap/{self.gap_id}"

    @property
    def is_too_wide(self) -> bool:
        return (self.note or "").startswith(TOO_WIDE)

    @property
    def extent(self) -> str:
        if self.before_id is None:
            return f"everything after id {self.after_id}"
        return f"up to {self.before_id - self.after_id - 1:,} ids after {self.after_id}"


def gap_alerts(
    holes: Iterable[Hole], lost: Iterable[Hole], now: datetime, minutes: int, links: Links
) -> Iterator[Alert]:
    """Those that are open for `minutes`, and those that were given up before that."""
    limit = timedelta(minutes=minutes)
    for hole in holes:
        if now - hole.found_at >= limit:
            title = f"a gap of {hole.market.key} is open"
            note = f"; {hole.note}" if hole.note else ""
            text = f"{hole.extent} may be missing ({hole.state}, cause: {hole.cause}{note}). "
            yield alert_of(hole, title, text + advice(hole), links)
    for hole in lost:
        title = f"trades of {hole.market.key} are lost"
        text = f"{hole.extent}: {hole.note or 'the exchange would not give them'}."
        yield alert_of(hole, title, text, links, Severity.CRITICAL)


def advice(hole: Hole) -> str:
    return f"It is being repaired; by hand: alphapulse backfill --gap {hole.gap_id}"


def alert_of(
    hole: Hole, title: str, text: str, links: Links, severity: Severity = Severity.WARNING
) -> Alert:
    return Alert(hole.key, severity, title, text, hole.found_at, links.asset("trades"))


def end_of(state: str, note: str | None) -> str:
    """How a gap ended, in the words of its row."""
    return f"{state}: {note}" if note else state
