"""Days that left the store: written down before they go, and known to whoever meets them later.

Their trades are in their files. What lies in the store of such a day came afterwards.
"""

from datetime import UTC, date, datetime, time, timedelta

from alphapulse.day import ONE_DAY, MarketDay
from alphapulse.retention import Decision
from alphapulse.store.connect import Store
from alphapulse.store.coverage import FEW, NEAR
from alphapulse.trade import Market

SLACK = timedelta(minutes=1)  # of a gap's times: what repairs allow for

# With the ids near both midnights, as coverage.EDGES would have found them.
RECORD = """
INSERT INTO dropped_days AS d
    (market_id, day, rows, checksum, last_tx, last_id, last_at, first_ids, last_ids)
SELECT o.market_id, %(day)s, o.rows, o.checksum, o.last_tx, newest.trade_id, newest.traded_at,
    ARRAY(
        SELECT trade_id FROM trades WHERE market_id = o.market_id
        AND traded_at >= %(start)s AND traded_at < %(end)s
        ORDER BY traded_at, trade_id LIMIT %(few)s
    ) || ARRAY(
        SELECT trade_id FROM trades WHERE market_id = o.market_id
        AND traded_at >= %(start)s AND traded_at < %(end)s
        AND traded_at <= oldest.traded_at + %(near)s),
    ARRAY(
        SELECT trade_id FROM trades WHERE market_id = o.market_id
        AND traded_at >= %(start)s AND traded_at < %(end)s
        ORDER BY traded_at DESC, trade_id DESC LIMIT %(few)s
    ) || ARRAY(
        SELECT trade_id FROM trades WHERE market_id = o.market_id
        AND traded_at >= %(start)s AND traded_at < %(end)s
        AND traded_at >= newest.traded_at - %(near)s)
FROM unnest(%(ids)s::integer[], %(rows)s::bigint[], %(checksums)s::numeric[], %(txs)s::bigint[])
        AS o (market_id, rows, checksum, last_tx)
    CROSS JOIN LATERAL (
        SELECT trade_id, traded_at FROM trades WHERE market_id = o.market_id
        AND traded_at >= %(start)s AND traded_at < %(end)s
        ORDER BY traded_at DESC, trade_id DESC LIMIT 1
    ) AS newest
    CROSS JOIN LATERAL (
        SELECT traded_at FROM trades WHERE market_id = o.market_id
        AND traded_at >= %(start)s AND traded_at < %(end)s ORDER BY traded_at LIMIT 1
    ) AS oldest
ON CONFLICT (market_id, day) DO UPDATE SET
    rows = excluded.rows, checksum = excluded.checksum, left_at = now(),
    last_id = CASE WHEN (excluded.last_at, excluded.last_id) > (d.last_at, d.last_id)
                   THEN excluded.last_id ELSE d.last_id END,
    last_at = greatest(excluded.last_at, d.last_at),
    last_tx = greatest(excluded.last_tx, d.last_tx),
    first_ids = d.first_ids || excluded.first_ids, last_ids = d.last_ids || excluded.last_ids"""

DROPPED = """
SELECT m.exchange, m.symbol, d.day FROM dropped_days d JOIN markets m USING (market_id)
WHERE (%(first)s::date IS NULL OR d.day >= %(first)s)
  AND (%(last)s::date IS NULL OR d.day <= %(last)s)"""


def start_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def bounds_of(day: date) -> dict[str, object]:
    return {"day": day, "start": start_of(day), "end": start_of(day) + ONE_DAY, "slack": SLACK}


def dropped_days(
    store: Store, first: date | None = None, last: date | None = None
) -> set[MarketDay]:
    """The market-days that left the store, whether or not rows of them came since."""
    rows = store.execute(DROPPED, {"first": first, "last": last}).fetchall()
    return {MarketDay(day, Market(exchange, symbol)) for exchange, symbol, day in rows}


def was_dropped(store: Store, market_id: int, day: date) -> bool:
    query = "SELECT count(*) FROM dropped_days WHERE market_id = %s AND day = %s"
    return store.execute(query, [market_id, day]).fetchone() != (0,)


def record_drop(store: Store, decision: Decision) -> None:
    """Of each market: what its file has, where it ended, and the ids that its neighbours need."""
    sheets = [(one.market_id, one.last_tx, one.sheet) for one in decision.held if one.sheet]
    values = {
        "ids": [market_id for market_id, _, _ in sheets],
        "txs": [last_tx for _, last_tx, _ in sheets],
        "rows": [sheet.rows for _, _, sheet in sheets],
        "checksums": [sheet.checksum for _, _, sheet in sheets],
        "near": NEAR,
        "few": FEW,
    }
    store.execute(RECORD, bounds_of(decision.day) | values)
