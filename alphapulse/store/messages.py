"""What was told by which channel, and what was not yet.

Whoever tells holds the row of the channel: two processes that do the same tell nothing twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from msgspec import Struct

from alphapulse.store.alerts import alert_of
from alphapulse.store.connect import Store
from alphapulse.telling.message import Kind, Message, Untold

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
