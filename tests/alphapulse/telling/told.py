"""Alerts and messages as tests spell them."""

from datetime import UTC, datetime

from alphapulse.alerts import Alert, Severity
from alphapulse.telling.message import Message, Untold, compose

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)


def alert(key: str, severity: Severity = Severity.WARNING, title: str | None = None) -> Alert:
    return Alert(key, severity, title or f"{key} is wrong", f"look at {key}", NOON, "http://d/x")


def message(*untold: Untold) -> Message:
    found = compose(untold or [Untold(7, alert("a"), NOON)], is_simulated=False)
    assert found
    return found
