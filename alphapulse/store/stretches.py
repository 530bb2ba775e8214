"""What of a stretch of ids is stored, and where some are missing: questions before a backfill."""

from datetime import UTC, datetime, timedelta

from alphapulse.store.connect import Store
from alphapulse.store.gaps import gap_between, instant, micros
from alphapulse.store.mending import close_if_filled
from alphapulse.store.writing import market_id
from alphapulse.trade import Gap, Market, Micros

SLACK = timedelta(minutes=1)  # ids and times of neighbouring trades may disagree by this much

THIS = "(SELECT market_id FROM markets WHERE exchange = %(exchange)s AND symbol = %(symbol)s)"
AROUND = f"""
(SELECT trade_id, traded_at FROM trades WHERE market_id = {THIS} AND traded_at < %(at)s
 ORDER BY traded_at DESC, trade_id DESC LIMIT 1)
UNION ALL
(SELECT trade_id, traded_at FROM trades WHERE market_id = {THIS} AND traded_at >= %(at)s
 ORDER BY traded_at, trade_id LIMIT 1)"""  # noqa: S608  # our own words

INSIDE = f"""
SELECT trade_id, traded_at FROM trades
WHERE market_id = {THIS} AND trade_id > %(after_id)s AND trade_id < %(before_id)s
  AND traded_at >= %(since)s AND traded_at <= %(until)s"""  # noqa: S608  # our own words

COUNT = f"SELECT count(DISTINCT trade_id) FROM ({INSIDE}) AS inside"  # noqa: S608  # our own words

HOLES = f"""
SELECT trade_id, traded_at, next_id, next_at
FROM (
    SELECT trade_id, traded_at, lead(trade_id) OVER w AS next_id, lead(traded_at) OVER w AS next_at
    FROM (
        SELECT %(after_id)s::bigint AS trade_id, %(after_at)s::timestamptz AS traded_at
        UNION ALL {INSIDE}
        UNION ALL SELECT %(before_id)s::bigint, %(before_at)s::timestamptz
    ) AS ids
    WINDOW w AS (ORDER BY trade_id)
) AS pairs
WHERE next_id > trade_id + 1
ORDER BY trade_id"""  # noqa: S608  # our own words

ABSENT = f"""
SELECT after_id, before_id FROM gaps
WHERE market_id = {THIS} AND state = 'absent' AND before_id > %(after_id)s
  AND after_id < %(before_id)s
ORDER BY after_id"""  # noqa: S608  # our own words

# A gap that is open there belongs to the repair worker, which will look for itself.
ADD_ABSENT = """
INSERT INTO gaps (market_id, after_id, after_at, before_id, before_at, state, cause, attempts,
                  tried_at, closed_at, absent, note)
SELECT %(market_id)s, %(after_id)s, %(after_at)s, %(before_id)s, %(before_at)s, 'absent', 'history',
       1, now(), now(), %(absent)s, 'a backfill of history crossed it'
WHERE NOT EXISTS (
    SELECT FROM gaps WHERE market_id = %(market_id)s AND (
        closed_at IS NULL AND after_id < %(before_id)s
            AND coalesce(before_id, 9223372036854775807) > %(after_id)s
        OR state = 'absent' AND after_id <= %(after_id)s AND before_id >= %(before_id)s))"""

UNSETTLED = f"""
SELECT gap_id FROM gaps
WHERE market_id = {THIS} AND state <> 'repaired' AND after_id < %(before_id)s
  AND before_id > %(after_id)s"""  # noqa: S608  # our own words

OPEN = """
SELECT count(*) FROM gaps
WHERE market_id = %(market_id)s AND closed_at IS NULL AND after_id < %(before_id)s
  AND coalesce(before_id, 9223372036854775807) > %(after_id)s"""


def around(store: Store, market: Market, at: Micros) -> list[tuple[int, Micros]]:
    """Id and time of the stored trades next to `at`, before it and from it on."""
    rows = store.execute(AROUND, named(market) | {"at": instant(at)}).fetchall()
    return [(id, micros(traded_at)) for id, traded_at in rows]


def count_stored(store: Store, gap: Gap) -> int:
    (stored,) = store.execute(COUNT, bounds(gap)).fetchone() or (0,)
    return int(stored)


def holes(store: Store, gap: Gap) -> list[Gap]:
    """Where ids inside `gap` are missing, each between two trades that exist, oldest first."""
    return [gap_between(gap.market, *row) for row in store.execute(HOLES, bounds(gap)).fetchall()]


def absences(store: Store, gap: Gap) -> list[tuple[int, int]]:
    """(after_id, before_id) of stretches that are known to be missing at the exchange too."""
    return store.execute(ABSENT, bounds(gap)).fetchall()


def settle_within(store: Store, gap: Gap) -> int:
    """Close the gaps of whatever width that are filled by now; gives how many."""
    found = store.execute(UNSETTLED, bounds(gap)).fetchall()
    return sum(close_if_filled(store, gap_id) for (gap_id,) in found)


def note_absent(store: Store, hole: Gap) -> bool:
    """Write down that the exchange lacks the ids of `hole` too; False: a gap is open there, and it
    is for the repair worker to say so.
    """
    number = market_id(store, hole.market)
    count = {"absent": (hole.before_id or 0) - hole.after_id - 1, "market_id": number}
    store.execute(ADD_ABSENT, bounds(hole) | count)
    return store.execute(OPEN, bounds(hole) | count).fetchone() == (0,)


def named(market: Market) -> dict[str, object]:
    return {"exchange": market.exchange, "symbol": market.symbol}


def bounds(gap: Gap) -> dict[str, object]:
    after_at = instant(gap.after_at)
    before_at = None if gap.before_at is None else instant(gap.before_at)
    return named(gap.market) | {
        "after_id": gap.after_id,
        "after_at": after_at,
        "before_id": gap.before_id,
        "before_at": before_at,
        "since": after_at - SLACK,
        "until": before_at + SLACK if before_at else datetime.max.replace(tzinfo=UTC),
    }
