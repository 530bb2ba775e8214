"""The alerts as rows: what each watch sees, what stands, and what was told to whom.

Whoever looks holds the lock of its watch, whoever tells the row of its channel: two processes that
do the same do not raise or tell anything twice.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct

from alphapulse.alerts import Alert, Episode, Round, Severity, State, look
from alphapulse.store.connect import Store
from alphapulse.telling.message import Kind, Message, Untold

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

OPEN_CHANNEL = "INSERT INTO alert_channels (channel) VALUES (%s) ON CONFLICT DO NOTHING"
CLAIM = """
SELECT attempts, held,
       (SELECT count(*) FROM alert_messages m
        WHERE m.channel = c.channel AND sent_at > clock_timestamp() - interval '1 hour')
FROM alert_channels c
WHERE channel = %s AND next_at <= clock_timestamp()
FOR UPDATE OF c SKIP LOCKED"""

UNTOLD = """
SELECT a.alert_id, a.key, a.severity, a.title, a.text, a.since, a.link, a.raised_at,
       a.resolved_at, a.resolution, t.reference, t.told_at
FROM alerts a
    JOIN alert_channels c ON c.channel = %(channel)s
    LEFT JOIN alert_told t ON t.alert_id = a.alert_id AND t.channel = c.channel
WHERE a.raised_at IS NOT NULL AND (a.resolved_at IS NULL OR a.resolved_at >= c.since)
  AND t.resolve_told_at IS NULL
  AND (t.told_at IS NULL OR a.resolved_at IS NOT NULL
       OR (%(remind)s > 0 AND a.state = 'standing'
           AND t.told_at < clock_timestamp() - make_interval(secs => %(remind)s)))
ORDER BY a.severity, a.raised_at, a.alert_id"""

SENT = """
INSERT INTO alert_messages (channel, kind, subject, reference, alerts)
VALUES (%s, %s, %s, %s, %s)"""
TOLD = """
INSERT INTO alert_told AS t (alert_id, channel, told_at, reference, resolve_told_at)
SELECT alert_id, %(channel)s, clock_timestamp(), %(reference)s,
       CASE WHEN %(is_end)s THEN clock_timestamp() END
FROM unnest(%(ids)s::bigint[]) AS alert_id
ON CONFLICT (alert_id, channel) DO UPDATE SET
    told_at = CASE WHEN %(is_end)s THEN t.told_at ELSE excluded.told_at END,
    resolve_told_at = excluded.resolve_told_at"""
TAKEN = """
UPDATE alert_channels SET attempts = 0, error = NULL, held = 0, next_at = '-infinity'
WHERE channel = %s"""
FAILED = """
UPDATE alert_channels SET attempts = attempts + 1, failures = failures + 1, error = %s,
    next_at = clock_timestamp() + make_interval(secs => %s)
WHERE channel = %s"""
HOLD = "UPDATE alert_channels SET held = greatest(held, %s) WHERE channel = %s"

CHANNELS = """
SELECT channel, attempts, failures, error, held, nullif(next_at, '-infinity'),
       (SELECT max(sent_at) FROM alert_messages m WHERE m.channel = c.channel)
FROM alert_channels c ORDER BY channel"""

KEPT = 90  # days after which what is resolved, and what was sent, is forgotten


class Standing(Struct, frozen=True):
    """An alert that somebody was or will be told of, and that is not over."""

    alert_id: int
    alert: Alert
    raised_at: datetime
    state: State


class Turn(Struct, frozen=True):
    """Leave to tell by one channel. `attempts`: failed since the last message that was taken."""

    attempts: int
    held: int
    sent_lately: int  # messages within the last hour


class Channel(Struct, frozen=True):
    """How one channel fares; `next_at`: no try before it."""

    name: str
    attempts: int
    failures: int
    error: str | None
    held: int
    next_at: datetime | None
    sent_at: datetime | None


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


@contextmanager
def claim_channel(store: Store, name: str) -> Iterator[Turn | None]:
    """Nobody else tells by this channel within the block; None: somebody does, or it must rest.

    What is written in the block counts when it ends: whoever dies in it has told nothing.
    """
    store.execute(OPEN_CHANNEL, [name])
    with store.transaction():
        row = store.execute(CLAIM, [name]).fetchone()
        yield Turn(*row) if row else None


def untold(store: Store, name: str, remind: float = 0.0) -> list[Untold]:
    """What this channel has not told yet; `remind`: seconds after which it tells again, 0: never.

    A channel that is new tells what stands, and nothing that was over before.
    """
    rows = store.execute(UNTOLD, {"channel": name, "remind": remind}).fetchall()
    return [Untold(row[0], alert_of(*row[1:7]), *row[7:]) for row in rows]


def note_sent(store: Store, name: str, message: Message) -> None:
    count = len(message.alerts)
    kind = message.kind.value
    store.execute(SENT, [name, kind, message.subject, message.reference, count])
    values = {
        "channel": name,
        "reference": message.reference,
        "is_end": message.kind is Kind.RESOLVED,
        "ids": [told.alert_id for told in message.alerts],
    }
    store.execute(TOLD, values)
    store.execute(TAKEN, [name])


def note_failed(store: Store, name: str, error: str, pause: float) -> None:
    store.execute(FAILED, [error, pause, name])


def note_held(store: Store, name: str, alerts: int) -> None:
    store.execute(HOLD, [alerts, name])


def channels(store: Store) -> list[Channel]:
    return [Channel(*row) for row in store.execute(CHANNELS).fetchall()]


def prune(store: Store) -> None:
    """Forget what was over long ago."""
    store.execute(PRUNE, [KEPT])
    store.execute(PRUNE_MESSAGES, [KEPT])
