"""The pauses of each market, hour by hour, and how long each is silent now."""

from collections import defaultdict
from datetime import datetime, timedelta
from time import monotonic

from alphapulse.pauses import DAYS, Hour, Silence, limit_of
from alphapulse.store.connect import Store

# Late rows of an hour would change it; they seldom come after this.
SETTLED = timedelta(minutes=5)

UNCOUNTED = """
SELECT m.market_id, wanted.hour FROM markets m, generate_series(
    date_trunc('hour', %(now)s::timestamptz - %(span)s::interval),
    date_trunc('hour', %(now)s::timestamptz - %(settled)s::interval) - interval '1 hour',
    interval '1 hour') AS wanted (hour)
WHERE NOT EXISTS (
    SELECT FROM pauses p WHERE p.market_id = m.market_id AND p.hour = wanted.hour)
ORDER BY wanted.hour DESC, m.market_id"""

# A pause is between two neighbours: where ids are consecutive, a hole in them is no pause. It
# belongs to the hour in which it ends, so the last trade before the hour is looked at too.
COUNT = """
INSERT INTO pauses (market_id, hour, pauses, longest)
SELECT m.market_id, %(hour)s, coalesce(max(p.count), 0),
       coalesce(array_agg(p.pause ORDER BY p.pause DESC) FILTER (WHERE p.pause IS NOT NULL), '{}')
FROM markets m LEFT JOIN LATERAL (
    SELECT count(*) OVER () AS count, pause
    FROM (
        SELECT traded_at, extract(epoch FROM traded_at - lag(traded_at) OVER w)::float8 AS pause,
               trade_id - lag(trade_id) OVER w AS step
        FROM (
            (SELECT traded_at, trade_id FROM trades
             WHERE market_id = m.market_id AND traded_at < %(hour)s
               AND traded_at >= %(hour)s - %(span)s::interval
             ORDER BY traded_at DESC, trade_id DESC LIMIT 1)
            UNION ALL
            SELECT traded_at, trade_id FROM trades
            WHERE market_id = m.market_id AND traded_at >= %(hour)s
              AND traded_at < %(hour)s + interval '1 hour'
        ) AS seen
        WINDOW w AS (ORDER BY traded_at, trade_id)
    ) AS paired
    WHERE pause IS NOT NULL AND (step = 1 OR NOT m.counts_trades)
    ORDER BY pause DESC LIMIT 4
) AS p ON true
WHERE m.market_id = %(market_id)s
GROUP BY m.market_id
ON CONFLICT DO NOTHING"""

FORGET = """
DELETE FROM pauses WHERE hour < date_trunc('hour', %(now)s::timestamptz - %(span)s::interval)"""

KNOWN = """
SELECT market_id, extract(hour FROM hour AT TIME ZONE 'UTC')::int, pauses, longest
FROM pauses WHERE hour >= %(now)s::timestamptz - %(span)s::interval AND pauses > 0"""

NEWEST = """
SELECT m.market_id, m.exchange, m.symbol, m.first_seen_at, t.traded_at
FROM markets m LEFT JOIN LATERAL (
    SELECT traded_at FROM trades WHERE market_id = m.market_id ORDER BY traded_at DESC LIMIT 1
) AS t ON true
WHERE m.refusal IS NULL
ORDER BY m.exchange, m.symbol"""

SPAN = timedelta(days=DAYS)


def count_pauses(store: Store, now: datetime, seconds: float) -> tuple[int, int]:
    """Count the hours of the last week that were not counted yet, newest first, for `seconds`.

    Gives how many hours of a market were counted, and how many are left for the next time.
    """
    values = {"now": now, "span": SPAN, "settled": SETTLED}
    store.execute(FORGET, values)
    hours = store.execute(UNCOUNTED, values).fetchall()
    started, done = monotonic(), 0
    for market_id, hour in hours:
        store.execute(COUNT, {"market_id": market_id, "hour": hour, "span": SPAN})
        done += 1
        if monotonic() - started > seconds:
            break
    return done, len(hours) - done


def silences(store: Store, now: datetime) -> list[Silence]:
    """How long each market is silent and may be; those that the exchange refuses are left out."""
    known: dict[int, list[Hour]] = defaultdict(list)
    for market_id, of_day, pauses, longest in store.execute(KNOWN, {"now": now, "span": SPAN}):
        known[market_id].append(Hour(of_day, pauses, tuple(longest)))
    found = []
    for market_id, exchange, symbol, first_seen_at, newest_at in store.execute(NEWEST).fetchall():
        since = newest_at or first_seen_at
        limit = limit_of(known[market_id], now.hour)
        silent = (now - since).total_seconds()
        found.append(Silence(exchange, symbol, newest_at, since, silent, limit))
    return found
