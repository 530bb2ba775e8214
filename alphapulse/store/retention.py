"""Days that leave the store: what is known of each of their markets, and the drop itself.

A drop locks little, for a short time, and only after everything it was decided on was read again
behind a lock that keeps writers of that day out: what came in between stops it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from psycopg import errors
from psycopg.sql import SQL, Identifier

from alphapulse.day import ONE_DAY, MarketDay
from alphapulse.retention import Decision, Held
from alphapulse.store.connect import Store
from alphapulse.store.dropped import bounds_of, record_drop, start_of
from alphapulse.store.writing import make_days
from alphapulse.trade import Market

PATIENCE = "50ms"  # to wait for a lock: who comes behind us in the queue waits as long

PARTITIONS = """
SELECT nspname, relname, bounds[1]::timestamptz, bounds[2]::timestamptz
FROM pg_inherits
    JOIN pg_class ON pg_class.oid = inhrelid
    JOIN pg_namespace ON pg_namespace.oid = relnamespace
    CROSS JOIN LATERAL regexp_match(
        pg_get_expr(relpartbound, inhrelid), $$FROM \\('([^']+)'\\) TO \\('([^']+)'\\)$$) AS bounds
WHERE inhparent = 'trades'::regclass AND bounds IS NOT NULL
ORDER BY 3"""

CHUNKS = """
SELECT chunk_schema, chunk_name, range_start, range_end
FROM timescaledb_information.chunks
WHERE format('%I.%I', hypertable_schema, hypertable_name)::regclass = 'trades'::regclass
ORDER BY range_start"""

# Days that nobody had made a partition for; others' rows cannot be there.
STRAYS = """
SELECT DISTINCT (traded_at AT TIME ZONE 'UTC')::date FROM trades_default
WHERE traded_at >= '0001-01-02Z' AND traded_at < %s"""

HELD = """
SELECT coalesce(m.exchange, 'no market'), coalesce(m.symbol, t.market_id::text),
       t.market_id, t.rows, t.last_tx, t.late, c.exported_at, c.rows, c.checksum::text, c.certified,
       c.reopened_at,
       ARRAY(SELECT gap_id FROM gaps g WHERE g.market_id = t.market_id AND g.closed_at IS NULL
             AND g.after_at < %(end)s + %(slack)s
             AND coalesce(g.before_at, 'infinity') > %(start)s - %(slack)s ORDER BY gap_id),
       p.checksum::text, d.day IS NOT NULL
FROM (
    SELECT t.market_id, count(*) AS rows, max(t.tx) AS last_tx, count(*) FILTER (
        WHERE CASE WHEN t.tx < e.xmin THEN false
              ELSE pg_visible_in_snapshot(t.tx::text::xid8, e.snapshot) IS NOT TRUE END) AS late
    FROM trades t LEFT JOIN (
        SELECT market_id, snapshot, pg_snapshot_xmin(snapshot)::text::bigint AS xmin
        FROM coverage WHERE day = %(day)s
    ) AS e USING (market_id)
    WHERE t.traded_at >= %(start)s AND t.traded_at < %(end)s
    GROUP BY t.market_id
) AS t
    LEFT JOIN markets m USING (market_id)
    LEFT JOIN coverage c ON c.market_id = t.market_id AND c.day = %(day)s
    LEFT JOIN copies p ON p.market_id = t.market_id AND p.day = %(day)s
    LEFT JOIN dropped_days d ON d.market_id = t.market_id AND d.day = %(day)s
ORDER BY t.market_id"""

FACTS = Held.__struct_fields__[1:-2]  # the columns of HELD behind the market's name

# As the certificate's checksum (docs/archive.md), but of every column: `archive.digest` is the same
# of a file. Of every market in one pass.
DIGESTS = """
SELECT market_id, sum(('x' || left(md5(concat_ws('|', exchange, symbol,
    trade_id, (extract(epoch FROM traded_at) * 1000000)::bigint,
    trim_scale(price), trim_scale(size), CASE side WHEN 'b' THEN 'buy' ELSE 'sell' END,
    (extract(epoch FROM received_at) * 1000000)::bigint,
    CASE source WHEN 'l' THEN 'live' WHEN 's' THEN 'snapshot' ELSE 'backfill' END
)), 15))::bit(60)::bigint)::text
FROM trades JOIN markets USING (market_id)
WHERE traded_at >= %(start)s AND traded_at < %(end)s GROUP BY market_id"""

SIZE = "SELECT pg_total_relation_size(format('%%I.%%I', %s::text, %s::text)::regclass)"
CHUNK_SIZE = """
SELECT coalesce(sum(total_bytes), 0)::bigint FROM chunks_detailed_size('trades')
WHERE (chunk_schema, chunk_name) = (%s, %s)"""

CLOSE = SQL("LOCK TABLE ONLY {} IN SHARE ROW EXCLUSIVE MODE")  # its writers wait, readers do not
DROP_CHUNKS = "SELECT drop_chunks('trades', older_than => %s, newer_than => %s)"


class DayChanged(Exception):
    """What the decision followed from no longer holds: nothing was dropped. Decide again."""


class DayLocked(Exception):
    """Somebody's long transaction is in the way: nothing was dropped. Try again later."""


class Slot(Struct, frozen=True):
    """A partition or chunk of `trades`: its name, and its times from `since` up to `until`."""

    schema: str
    name: str
    since: datetime
    until: datetime

    @property
    def identifier(self) -> Identifier:
        return Identifier(self.schema, self.name)

    def is_within(self, day: date) -> bool:
        return start_of(day) <= self.since and self.until <= start_of(day) + ONE_DAY


class Dropped(Struct, frozen=True):
    """A day that left; `bytes` on disk are free again. Both are 0 where there was nothing."""

    day: date
    rows: int
    bytes: int


def has_chunks(store: Store) -> bool:
    return store.execute("SELECT layout FROM instance").fetchone() == ("hypertable",)


def read_slots(store: Store) -> list[Slot]:
    """Every partition or chunk with bounds, oldest first."""
    statement = CHUNKS if has_chunks(store) else PARTITIONS
    return [Slot(*row) for row in store.execute(statement).fetchall()]


def days_before(store: Store, limit: date) -> list[date]:
    """The UTC days before `limit` that have a partition, a chunk or stray rows; oldest first."""
    if limit == date.min:
        return []
    days = {slot.since.date() for slot in read_slots(store) if slot.since < start_of(limit)}
    return sorted(days | {day for day in stray_days(store, limit) if day < limit})


def stray_days(store: Store, limit: date) -> set[date]:
    """Days with rows in the default partition."""
    if has_chunks(store):
        return set()
    return {day for (day,) in store.execute(STRAYS, [start_of(limit)])}


def odd_slots(store: Store, day: date) -> list[Slot]:
    """Chunks with times of that day and of others: somebody chose another chunk interval."""
    end = start_of(day) + ONE_DAY
    slots = (slot for slot in read_slots(store) if slot.since < end and slot.until > start_of(day))
    return [slot for slot in slots if not slot.is_within(day)]


def read_held(store: Store, day: date) -> list[Held]:
    """The facts of each market with rows of that day, as the store has them now."""
    rows = store.execute(HELD, bounds_of(day)).fetchall()
    return [as_held(MarketDay(day, Market(*row[:2])), row[2:]) for row in rows]


def as_held(day: MarketDay, columns: Sequence[Any]) -> Held:
    facts = dict(zip(FACTS, columns, strict=True))
    return Held(day, **facts | {"gaps": tuple(facts["gaps"])})


def read_digests(store: Store, day: date) -> dict[int, str]:
    """By market: the digest of every column of the day's rows. Reads all of them (2 us each)."""
    found = store.execute(DIGESTS, bounds_of(day)).fetchall()
    return {int(market_id): str(digest) for market_id, digest in found}


def drop_day(store: Store, decision: Decision) -> Dropped:
    """Let a day go that may leave, if all is as it was when that was decided.

    One transaction: all of it or nothing. Raises DayChanged or DayLocked; a lock that is not had at
    once is let go of, so that nobody waits behind us for longer than PATIENCE.
    """
    assert decision.may_leave
    day = decision.day
    try:
        if day in stray_days(store, day + ONE_DAY):
            make_days(store, day, day)
        with store.transaction():
            store.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            slots = [slot for slot in read_slots(store) if slot.is_within(day)]
            for slot in slots:
                store.execute(CLOSE.format(slot.identifier))
            refuse_change(store, decision)
            size = sum(size_of(store, slot) for slot in slots)
            record_drop(store, decision)
            drop_slots(store, day, slots)
    except (errors.LockNotAvailable, errors.DeadlockDetected) as failure:
        raise DayLocked(f"{day}: a long transaction on trades is in the way") from failure
    return Dropped(day, decision.rows, size)


def refuse_change(store: Store, decision: Decision) -> None:
    """Raises DayChanged. No writer can change the answer until the transaction ends."""
    expected = [replace(one, digest=None, sheet=None) for one in decision.held]
    found = read_held(store, decision.day)
    if found != expected:
        names = ", ".join(sorted(changes(expected, found)))
        raise DayChanged(f"{decision.day}: not as it was when its leaving was decided: {names}")


def changes(expected: Sequence[Held], found: Sequence[Held]) -> Iterator[str]:
    """Markets of which anything is different."""
    of = [{one.market_id: one for one in some} for some in (expected, found)]
    for market_id in of[0].keys() | of[1].keys():
        before, after = (some.get(market_id) for some in of)
        one = after or before
        if before != after and one is not None:
            rows = [some.rows if some else 0 for some in (before, after)]
            yield f"{one.day.market.key} ({rows[0]:,} rows, now {rows[1]:,})"


def drop_slots(store: Store, day: date, slots: Iterable[Slot]) -> None:
    """The last statements of their transaction: from here on all writers wait."""
    if has_chunks(store):
        store.execute(CLOSE.format(Identifier("trades")))  # no writer holds or awaits a chunk now
        store.execute(DROP_CHUNKS, [start_of(day) + ONE_DAY, start_of(day)])
        return
    for slot in slots:
        store.execute(SQL("DROP TABLE {}").format(slot.identifier))


def size_of(store: Store, slot: Slot) -> int:
    statement = CHUNK_SIZE if has_chunks(store) else SIZE
    (size,) = store.execute(statement, [slot.schema, slot.name]).fetchone() or (0,)
    return int(size)
