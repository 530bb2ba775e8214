"""Bars folded from the store's trades, exactly as `alphapulse.candles` folds them.

One pass makes sums and extremes; what a bar opened and closed at is looked up by the key, because
sorting every bar's trades costs more. Rows come as columns of text.
"""

from datetime import date, datetime, timedelta

from msgspec import Struct

from alphapulse.columns import BAR_COLUMNS, Columns
from alphapulse.store.connect import Store
from alphapulse.store.pages import A_DAY

# As alphapulse.candles.quote_of: up to 18 decimals exact, then half to even, trade by trade.
BARS = """
WITH worth AS (
    SELECT date_bin(%(size)s, traded_at, timestamptz '1970-01-01 00:00:00+00') AS opened_at,
           traded_at, trade_id, price, size, side, price * size AS quote
    FROM trades
    WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
), folded AS (
    SELECT opened_at, max(price) AS high, min(price) AS low, sum(size) AS volume,
           coalesce(sum(size) FILTER (WHERE side = 'b'), 0) AS buy_volume,
           sum(CASE WHEN scale(quote) <= 18 THEN quote
               WHEN abs(quote - trunc(quote, 18)) = 0.5e-18 AND mod(trunc(quote, 18) * 1e18, 2) = 0
               THEN trunc(quote, 18) ELSE round(quote, 18) END) AS quote_volume,
           count(*) AS trades, min(trade_id) AS first_id, max(trade_id) AS last_id
    FROM worth GROUP BY opened_at ORDER BY opened_at LIMIT %(limit)s
)
SELECT coalesce(array_agg(
           to_char(opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), '{}'),
       coalesce(array_agg(trim_scale(opening.price)::text), '{}'),
       coalesce(array_agg(trim_scale(high)::text), '{}'),
       coalesce(array_agg(trim_scale(low)::text), '{}'),
       coalesce(array_agg(trim_scale(closing.price)::text), '{}'),
       coalesce(array_agg(trim_scale(volume)::text), '{}'),
       coalesce(array_agg(trim_scale(buy_volume)::text), '{}'),
       coalesce(array_agg(trim_scale(quote_volume)::text), '{}'),
       coalesce(array_agg(trades), '{}'), coalesce(array_agg(first_id::text), '{}'),
       coalesce(array_agg(last_id::text), '{}')
FROM folded
    CROSS JOIN LATERAL (
        SELECT price FROM trades
        WHERE market_id = %(market_id)s AND traded_at >= opened_at
          AND traded_at < opened_at + %(size)s
          AND traded_at >= %(start)s AND traded_at < %(end)s
        ORDER BY traded_at, trade_id LIMIT 1) AS opening
    CROSS JOIN LATERAL (
        SELECT price FROM trades
        WHERE market_id = %(market_id)s AND traded_at >= opened_at
          AND traded_at < opened_at + %(size)s
          AND traded_at >= %(start)s AND traded_at < %(end)s
        ORDER BY traded_at DESC, trade_id DESC LIMIT 1) AS closing"""

NEXT = """
SELECT traded_at FROM trades
WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
ORDER BY traded_at LIMIT 1"""

# By the index of recent transactions, where those are few.
UNSEEN = """
SELECT date_bin('1 hour', traded_at, timestamptz '1970-01-01 00:00:00+00') AS hour, min(traded_at)
FROM trades
WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
  AND tx >= %(oldest)s AND NOT pg_visible_in_snapshot(tx::text::xid8, %(snapshot)s::pg_snapshot)
GROUP BY hour"""

# A file of candles counts where it was made of the very export that says all that is known.
SETTLED = """
SELECT day, checksum::text, gone FROM (
    SELECT day, c.checksum, false AS gone FROM coverage c
    WHERE c.market_id = %(market_id)s AND c.reopened_at IS NULL
      AND c.exported_at >= (c.day + 1)::timestamp AT TIME ZONE 'UTC'
      AND NOT EXISTS (
        SELECT FROM dropped_days d WHERE d.market_id = c.market_id AND d.day = c.day)
    UNION ALL
    SELECT day, checksum, true FROM dropped_days WHERE market_id = %(market_id)s
) AS days
WHERE day >= %(first)s AND day <= %(last)s ORDER BY day"""


def fold_bars(
    store: Store, market_id: int, size: timedelta, start: datetime, end: datetime, limit: int
) -> Columns:
    """The first `limit` bars that open in [start, end), of the trades in the store."""
    values = {
        "market_id": market_id, "size": size, "start": start, "end": end, "limit": limit,
    }  # fmt: skip
    with store.cursor(binary=True) as cursor:
        row = cursor.execute(BARS, values).fetchone()
    assert row, "an aggregate gives a row"
    return dict(zip(BAR_COLUMNS, row, strict=True))


def next_trade(store: Store, market_id: int, start: datetime, end: datetime) -> datetime | None:
    """When the first stored trade of [start, end) was; looks at the first day first."""
    near = min(end, start + A_DAY)
    row = None
    for beyond in (near, end) if near < end else (end,):
        values = {"market_id": market_id, "start": start, "end": beyond}
        row = row or store.execute(NEXT, values).fetchone()
    return row[0] if row else None


class Sight(Struct, frozen=True):
    """Which transactions a reader saw. They mean something in one life of the server only."""

    life: str
    snapshot: str

    @property
    def oldest(self) -> int:
        """Every transaction below it was seen, or never ended well."""
        return int(self.snapshot.partition(":")[0])

    def age(self) -> tuple[int, int, int]:
        """The later of two is the greater one, and saw all that the other saw."""
        oldest, beyond, running = self.snapshot.split(":")
        return int(oldest), int(beyond), -len(running.split(",") if running else [])


def read_sight(store: Store) -> Sight:
    """That of the statement, or of the transaction where it keeps one snapshot."""
    query = "SELECT pg_postmaster_start_time()::text, pg_current_snapshot()::text"
    row = store.execute(query).fetchone()
    assert row, "a row of functions"
    return Sight(*row)


def first_unseen(
    store: Store, market_id: int, start: datetime, end: datetime, sight: Sight
) -> dict[datetime, datetime]:
    """By hour: when the first stored trade of [start, end) was that `sight` had not seen."""
    values = {
        "market_id": market_id, "start": start, "end": end, "oldest": sight.oldest,
        "snapshot": sight.snapshot,
    }  # fmt: skip
    # Planned each time: how many rows are that new decides on the index.
    return dict(store.execute(UNSEEN, values, prepare=False).fetchall())


class Archived(Struct, frozen=True):
    """A day whose file says all that is known of it; `is_gone`: the store has it no more."""

    checksum: str | None
    is_gone: bool


def archived_days(store: Store, market_id: int, first: date, last: date) -> dict[date, Archived]:
    values = {"market_id": market_id, "first": first, "last": last}
    rows = store.execute(SETTLED, values).fetchall()
    return {day: Archived(checksum, gone) for day, checksum, gone in rows}
