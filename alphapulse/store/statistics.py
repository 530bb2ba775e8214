"""Statistics go in by the second, are added up by the minute, and are forgotten in time.

A second that is written twice is added to: a process that was started again within the second has
its share in it. So whoever does not know whether a batch was committed asks (`was_committed`).
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import psycopg
from msgspec import Struct
from psycopg.sql import SQL, Identifier

from alphapulse.statistics import CollectorSecond, StreamSecond
from alphapulse.store.connect import Store, StoreUnavailable
from alphapulse.store.writing import market_id
from alphapulse.trade import Market

BATCH = 50_000  # rows of one deletion: nobody waits long for it

# The lock on the row makes whoever adds the minute up wait for us, or us for him.
DUE = """
INSERT INTO due_minutes (at, exchange)
SELECT DISTINCT date_trunc('minute', at), %s FROM unnest(%s::timestamptz[]) AS given (at) ORDER BY 1
ON CONFLICT (at, exchange) DO UPDATE SET exchange = excluded.exchange"""

COLLECTOR = """
INSERT INTO collector_seconds AS s (
    exchange, at, frames, rejected, bytes, trades, stored, repeats, connects, disconnects, batches,
    queue_rows, journal_bytes, journal_lag_bytes, write, write_max, lag, lag_max)
VALUES (
    %(exchange)s, %(at)s, %(frames)s, %(rejected)s, %(bytes)s, %(trades)s, %(stored)s, %(repeats)s,
    %(connects)s, %(disconnects)s, %(batches)s, %(queue_rows)s, %(journal_bytes)s,
    %(journal_lag_bytes)s, %(write)s::integer[], %(write_max)s, %(lag)s::integer[], %(lag_max)s)
ON CONFLICT (at, exchange) DO UPDATE SET
    frames = s.frames + excluded.frames,
    rejected = s.rejected + excluded.rejected,
    bytes = s.bytes + excluded.bytes,
    trades = s.trades + excluded.trades,
    stored = s.stored + excluded.stored,
    repeats = s.repeats + excluded.repeats,
    connects = s.connects + excluded.connects,
    disconnects = s.disconnects + excluded.disconnects,
    batches = s.batches + excluded.batches,
    queue_rows = greatest(s.queue_rows, excluded.queue_rows),
    journal_bytes = greatest(s.journal_bytes, excluded.journal_bytes),
    journal_lag_bytes = greatest(s.journal_lag_bytes, excluded.journal_lag_bytes),
    write = add_buckets(s.write, excluded.write),
    write_max = greatest(s.write_max, excluded.write_max),
    lag = add_buckets(s.lag, excluded.lag),
    lag_max = greatest(s.lag_max, excluded.lag_max)"""

FEED = """
INSERT INTO feed_seconds AS s (market_id, at, trades, lag, lag_max)
SELECT market_id, at, trades, lag::integer[], lag_max
FROM unnest(%s::integer[], %s::timestamptz[], %s::integer[], %s::text[], %s::bigint[])
    AS given (market_id, at, trades, lag, lag_max)
ORDER BY at, market_id
ON CONFLICT (at, market_id) DO UPDATE SET
    trades = s.trades + excluded.trades,
    lag = add_buckets(s.lag, excluded.lag),
    lag_max = greatest(s.lag_max, excluded.lag_max)"""

STREAM = """
INSERT INTO stream_seconds AS s (at, sent, clients, deliver, deliver_max)
VALUES (%s, %s, %s, %s::integer[], %s)
ON CONFLICT (at) DO UPDATE SET
    sent = s.sent + excluded.sent,
    clients = greatest(s.clients, excluded.clients),
    deliver = add_buckets(s.deliver, excluded.deliver),
    deliver_max = greatest(s.deliver_max, excluded.deliver_max)"""

SECONDS = ("feed_seconds", "collector_seconds", "stream_seconds")
MINUTES = ("feed_minutes", "collector_minutes", "stream_minutes")

# Seconds of a minute that is still to be added up stay.
FORGET_SECONDS = SQL("""
DELETE FROM {table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {table} s WHERE at < %(before)s
      AND NOT EXISTS (SELECT FROM due_minutes d WHERE d.at = date_trunc('minute', s.at))
    ORDER BY at LIMIT %(batch)s))""")
FORGET_MINUTES = SQL("""
DELETE FROM {table} WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM {table} WHERE at < %(before)s ORDER BY at LIMIT %(batch)s))""")

BEFORE = "SELECT date_trunc('minute', now()) - make_interval(days => %s)"
SIZE = """
SELECT coalesce(sum(pg_total_relation_size(t::regclass)), 0)::bigint FROM unnest(%s::text[]) AS t"""


class Forgotten(Struct, frozen=True):
    """Rows that were deleted, minutes that were added up before, and what the tables take on disk
    (they use it again, and give nothing back).
    """

    seconds: int = 0
    minutes: int = 0
    rolled: int = 0
    bytes: int = 0


class StatisticsWriter:
    """Writes one process's seconds through one connection; remembers market ids."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.market_ids: dict[tuple[str, str], int] = {}
        # A power cut may cost the last of them; capture shares the disk.
        store.execute("SET synchronous_commit = off")

    def begin(self) -> str:
        """The transaction that is under way, by which `was_committed` finds it again."""
        (number,) = self.store.execute("SELECT pg_current_xact_id()::text").fetchone() or ("",)
        return str(number)

    def was_committed(self, transaction: str) -> bool:
        """Of a transaction whose end we did not hear; raises StoreUnavailable while it runs."""
        try:
            (state,) = self.store.execute(
                "SELECT pg_xact_status(%s::text::xid8)", [transaction]
            ).fetchone() or (None,)
        except psycopg.DataError:  # it lies in the future: another database answers now
            return False
        if state == "in progress":
            raise StoreUnavailable(f"transaction {transaction} of ours is still under way")
        return bool(state == "committed")

    def write(self, seconds: Sequence[CollectorSecond | StreamSecond]) -> None:
        """In the caller's transaction."""
        collectors = [one for one in seconds if isinstance(one, CollectorSecond)]
        streams = [one for one in seconds if isinstance(one, StreamSecond)]
        for exchange in sorted({one.exchange for one in collectors}):
            self.write_collector(exchange, [one for one in collectors if one.exchange == exchange])
        if streams:
            self.name_minutes("", streams)
            with self.store.cursor() as cursor:
                cursor.executemany(STREAM, [stream_row(one) for one in streams])

    def write_collector(self, exchange: str, seconds: Sequence[CollectorSecond]) -> None:
        self.name_minutes(exchange, seconds)
        with self.store.cursor() as cursor:
            cursor.executemany(COLLECTOR, [collector_row(one) for one in seconds])
        rows = list(self.feed_rows(seconds))
        if rows:
            self.store.execute(FEED, [list(column) for column in zip(*rows, strict=True)])

    def name_minutes(
        self, exchange: str, seconds: Iterable[CollectorSecond | StreamSecond]
    ) -> None:
        self.store.execute(DUE, [exchange, [instant(one.at) for one in seconds]])

    def feed_rows(
        self, seconds: Iterable[CollectorSecond]
    ) -> Iterable[tuple[int, datetime, int, str, int | None]]:
        for one in seconds:
            for feed in one.feeds:
                number = self.market_id(one.exchange, feed.symbol)
                yield number, instant(one.at), feed.trades, feed.lag.text(), feed.lag.max

    def market_id(self, exchange: str, symbol: str) -> int:
        key = (exchange, symbol)
        if key not in self.market_ids:
            self.market_ids[key] = market_id(self.store, Market(exchange, symbol))
        return self.market_ids[key]


def instant(at: int) -> datetime:
    return datetime.fromtimestamp(at, UTC)


def collector_row(one: CollectorSecond) -> dict[str, object]:
    return {
        "exchange": one.exchange,
        "at": instant(one.at),
        "frames": one.frames,
        "rejected": one.rejected,
        "bytes": one.bytes,
        "trades": one.trades,
        "stored": one.stored,
        "repeats": one.repeats,
        "connects": one.connects,
        "disconnects": one.disconnects,
        "batches": one.batches,
        "queue_rows": one.queue_rows,
        "journal_bytes": one.journal_bytes,
        "journal_lag_bytes": one.journal_lag_bytes,
        "write": one.write.text(),
        "write_max": one.write.max,
        "lag": one.lag.text(),
        "lag_max": one.lag.max,
    }


def stream_row(one: StreamSecond) -> tuple[object, ...]:
    return instant(one.at), one.sent, one.clients, one.deliver.text(), one.deliver.max


def roll_minutes(store: Store) -> int:
    """Add up every minute that is over and got seconds since; gives how many."""
    (rolled,) = store.execute("SELECT roll_minutes()").fetchone() or (0,)
    return int(rolled)


def forget_statistics(
    store: Store, seconds_days: int, minutes_days: int, batch: int = BATCH
) -> Forgotten:
    """Delete what is older, in small transactions; seconds only once their minute has them.

    0 days: nothing is deleted.
    """
    rolled = roll_minutes(store)
    seconds = sum(forget(store, FORGET_SECONDS, name, seconds_days, batch) for name in SECONDS)
    minutes = sum(forget(store, FORGET_MINUTES, name, minutes_days, batch) for name in MINUTES)
    (size,) = store.execute(SIZE, [[*SECONDS, *MINUTES, "due_minutes"]]).fetchone() or (0,)
    return Forgotten(seconds, minutes, rolled, int(size))


def forget(store: Store, statement: SQL, table: str, days: int, batch: int) -> int:
    if not days:
        return 0
    (before,) = store.execute(BEFORE, [days]).fetchone() or (None,)
    query = statement.format(table=Identifier(table))
    values = {"before": before, "batch": batch}
    gone = 0
    while True:
        done = store.execute(query, values).rowcount
        gone += done
        if done < batch:
            return gone
