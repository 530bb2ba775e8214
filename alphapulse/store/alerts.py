"""The alerts as rows: what each watch sees, and what stands.

Whoever looks holds the lock of its watch: two processes that do the same raise nothing twice.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime

from msgspec import Struct

from alphapulse.alerts import Alert, Episode, Round, Severity, State, look
from alphapulse.store.connect import Store

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('alphapulse alerts', hashtext(%s)))"
NOW = "SELECT clock_timestamp()"

ALIVE = """
SELECT key, severity, title, text, since, link, state, seen_at, raised_at, clear_at
FROM alerts WHERE watch = %s AND state <> 'resolved'"""

STANDING = """
SELECT alert_id, key, severity, title, text, since, link, raised_at, state
FROM alerts WHERE state IN ('standing', 'clearing')
ORDER BY severity, raised_at, alert_id"""

WRITE = """
INSERT INTO alerts (watch, key, state, severity, title, text, link, since, seen_at, raised_at,
                    clear_at, resolved_at, resolution)
VALUES (%(watch)s, %(key)s, %(state)s, %(severity)s, %(title)s, %(text)s, %(link)s, %(since)s,
        %(seen_at)s, %(raised_at)s, %(clear_at)s, %(resolved_at)s, %(resolution)s)
ON CONFLICT (key) WHERE state <> 'resolved' DO UPDATE SET
    state = excluded.state, severity = excluded.severity, title = excluded.title,
    text = excluded.text, link = excluded.link, raised_at = excluded.raised_at,
    clear_at = excluded.clear_at, resolved_at = excluded.resolved_at,
    resolution = excluded.resolution"""

# INSERT asks the partial index only for rows that are alive, so an end is written by UPDATE.
RESOLVE = """
UPDATE alerts SET state = 'resolved', clear_at = %(clear_at)s, resolved_at = %(resolved_at)s,
    resolution = %(resolution)s
WHERE key = %(key)s AND state <> 'resolved'"""

FORGET = "DELETE FROM alerts WHERE key = ANY(%s) AND state = 'rising'"
PRUNE = "DELETE FROM alerts WHERE resolved_at < now() - make_interval(days => %s)"
PRUNE_MESSAGES = "DELETE FROM alert_messages WHERE sent_at < now() - make_interval(days => %s)"

KEPT = 90  # days after which what is resolved, and what was sent, is forgotten


class Standing(Struct, frozen=True):
    """An alert that somebody was or will be told of, and that is not over."""

    alert_id: int
    alert: Alert
    raised_at: datetime
    state: State


def now_of(store: Store) -> datetime:
    """The one clock of all alerts: the server's."""
    (now,) = store.execute(NOW).fetchone() or ()
    assert isinstance(now, datetime)
    return now


def observe(
    store: Store,
    watch: str,
    found: Iterable[Alert],
    *,
    damping: float = 0.0,
    resolutions: Mapping[str, str] | None = None,
    judged: Container[str] | None = None,
    now: datetime | None = None,
) -> Round:
    """Write down what `watch` sees; see `alerts.look` for what the arguments mean."""
    with store.transaction():
        store.execute(LOCK, [watch])
        change = look(
            alive(store, watch),
            found,
            now or now_of(store),
            damping=damping,
            resolutions=resolutions,
            judged=judged,
        )
        for episode in change.changed.values():
            write(store, watch, episode)
        if change.forgotten:
            store.execute(FORGET, [list(change.forgotten)])
    return change


def write(store: Store, watch: str, episode: Episode) -> None:
    alert = episode.alert
    values = {
        "watch": watch,
        "key": alert.key,
        "state": episode.state.value,
        "severity": alert.severity.value,
        "title": alert.title,
        "text": alert.text,
        "link": alert.link,
        "since": alert.since,
        "seen_at": episode.seen_at,
        "raised_at": episode.raised_at,
        "clear_at": episode.clear_at,
        "resolved_at": episode.resolved_at,
        "resolution": episode.resolution,
    }
    store.execute(RESOLVE if episode.state is State.RESOLVED else WRITE, values)


def alive(store: Store, watch: str) -> dict[str, Episode]:
    """The watch's alerts that are not resolved, by key."""
    return {
        row[0]: Episode(alert_of(*row[:6]), State(row[6]), *row[7:])
        for row in store.execute(ALIVE, [watch]).fetchall()
    }


def standing(store: Store) -> list[Standing]:
    """Everything that is wrong now, the worst first, then the oldest."""
    rows = store.execute(STANDING).fetchall()
    return [Standing(row[0], alert_of(*row[1:7]), row[7], State(row[8])) for row in rows]


def alert_of(
    key: str, severity: str, title: str, text: str, since: datetime, link: str | None
) -> Alert:
    return Alert(key, Severity(severity), title, text, since, link)


def prune(store: Store) -> None:
    """Forget what was over long ago."""
    store.execute(PRUNE, [KEPT])
    store.execute(PRUNE_MESSAGES, [KEPT])
