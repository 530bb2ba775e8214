"""From alerts that were not told yet to the next message of a channel. Pure.

All that rose since the last message is one message, and all that ended is another, so that forty
markets that fall silent together are told once.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from alphapulse.alerts import Alert, Severity

LISTED = 20  # alerts that a message spells out; of the others it says how many
NAMED = 60  # characters of a title in a subject that names several
FIRST_PAUSE, LONGEST_PAUSE = 30.0, 900.0  # seconds until a channel that failed is tried again
LONGEST_WAIT = 3600.0  # seconds that a channel may ask us to wait


class Kind(StrEnum):
    RAISED = "raised"
    REMINDER = "reminder"
    RESOLVED = "resolved"
    TEST = "test"


class Untold(Struct, frozen=True):
    """What one channel has to tell of an alert. `reference`: the message that told its raise."""

    alert_id: int
    alert: Alert
    raised_at: datetime
    resolved_at: datetime | None = None
    resolution: str | None = None
    reference: str | None = None
    told_at: datetime | None = None

    @property
    def kind(self) -> Kind:
        if self.resolved_at is not None:
            return Kind.RESOLVED
        return Kind.REMINDER if self.told_at is not None else Kind.RAISED


class Message(Struct, frozen=True):
    """What a channel sends, once. `held`: alerts that waited because of the hourly limit."""

    kind: Kind
    subject: str
    text: str
    reference: str
    references: tuple[str, ...] = ()
    alerts: tuple[Untold, ...] = ()
    is_simulated: bool = False
    held: int = 0

    @property
    def severity(self) -> Severity:
        critical = any(told.alert.severity is Severity.CRITICAL for told in self.alerts)
        return Severity.CRITICAL if critical else Severity.WARNING


def compose(untold: Sequence[Untold], *, is_simulated: bool, held: int = 0) -> Message | None:
    """The next message, of one kind: what rose before what ended. None: there is nothing to tell.

    Composed again of the same alerts it is the same, its reference included: whoever gets it twice,
    because we died between sending and writing that down, can tell.
    """
    for kind in (Kind.RAISED, Kind.REMINDER, Kind.RESOLVED):
        told = tuple(one for one in untold if one.kind is kind)
        if told:
            return Message(
                kind,
                subject_of(kind, told, is_simulated),
                "\n".join(lines_of(told, is_simulated, held)),
                reference_of(kind, told),
                tuple(dict.fromkeys(one.reference for one in told if one.reference)),
                told,
                is_simulated,
                held,
            )
    return None


def message_for_test(is_simulated: bool, at: datetime) -> Message:
    text = "This channel works. No alert stands behind this message; nothing is to be done."
    subject = mark(is_simulated) + "AlphaPulse: a test of this channel"
    return Message(Kind.TEST, subject, text, f"test.{at:%Y%m%d%H%M%S%f}", is_simulated=is_simulated)


def subject_of(kind: Kind, told: Sequence[Untold], is_simulated: bool) -> str:
    word = {Kind.RESOLVED: "resolved", Kind.REMINDER: "still"}.get(kind)
    worst = min(one.alert.severity for one in told)  # "critical" sorts before "warning"
    if len(told) == 1:
        title = printable(told[0].alert.title)
    else:
        names = "; ".join(printable(one.alert.title)[:NAMED] for one in told[:3])
        title = f"{len(told)} alerts: {names}" + ("; …" if len(told) > 3 else "")
    return f"{mark(is_simulated)}[{word or worst}] {title}"


def lines_of(told: Sequence[Untold], is_simulated: bool, held: int) -> list[str]:
    lines = ["SIMULATED data: nothing of this is real.", ""] if is_simulated else []
    for one in told[:LISTED]:
        lines += paragraph(one)
    if len(told) > LISTED:
        lines += [f"… and {len(told) - LISTED} more: `alphapulse alerts` lists what stands.", ""]
    if held:
        lines += [f"{held} of these were held back by the limit of messages per hour.", ""]
    return lines[:-1]


def paragraph(one: Untold) -> list[str]:
    alert = one.alert
    lines = [f"{alert.severity}: {printable(alert.title)}"]
    if one.resolved_at is None:
        lines.append(f"  {printable(alert.text)}")
    else:
        over = "" if one.told_at else ", before this could be told"
        lines.append(f"  resolved {spell(one.resolved_at)}{over}: {one.resolution or 'it is over'}")
    lines.append(f"  since {spell(alert.since)}")
    return [*lines, *([f"  {alert.link}"] if alert.link else []), ""]


def reference_of(kind: Kind, told: Sequence[Untold]) -> str:
    first = min(told, key=lambda one: one.alert_id)
    last = max(one.alert_id for one in told)
    at = first.resolved_at or first.told_at or first.raised_at
    return f"{kind}.{first.alert_id}-{last}.{len(told)}.{at:%Y%m%d%H%M%S%f}"


def pause_after(attempts: int, asked: float | None = None) -> float:
    """Seconds until the next try after so many failed ones; `asked`: as the channel wishes."""
    usual = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(max(attempts - 1, 0), 10))
    return max(usual, min(asked or 0.0, LONGEST_WAIT))


def spell(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S} UTC"


def mark(is_simulated: bool) -> str:
    return "SIMULATED " if is_simulated else ""


def printable(text: str) -> str:
    """In one line: names of markets and words of exchanges come from outside."""
    return "".join(c if c.isprintable() else " " for c in text).strip()
