"""Which markets the store knows, when each traded, and how it stands now."""

from collections.abc import Iterator
from datetime import date

from msgspec import Struct

from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.trade import Market

TRADED_DAYS = """
SELECT exchange, symbol, day::date
FROM markets,
    LATERAL (SELECT traded_at FROM trades WHERE market_id = markets.market_id
             ORDER BY traded_at LIMIT 1) AS oldest,
    LATERAL (SELECT traded_at FROM trades WHERE market_id = markets.market_id
             ORDER BY traded_at DESC LIMIT 1) AS newest,
    LATERAL generate_series(
        greatest(date_trunc('day', oldest.traded_at AT TIME ZONE 'UTC'), %(first)s),
        least(newest.traded_at AT TIME ZONE 'UTC', %(last)s),
        interval '1 day') AS day
WHERE EXISTS (SELECT FROM trades WHERE market_id = markets.market_id
              AND traded_at >= day AT TIME ZONE 'UTC'
              AND traded_at < (day + interval '1 day') AT TIME ZONE 'UTC')
  AND NOT EXISTS (SELECT FROM dropped_days d
                  WHERE d.market_id = markets.market_id AND d.day = day.day::date)
ORDER BY day, market_id"""

COUNT = """
SELECT count(*) FROM trades
WHERE market_id = %s AND traded_at >= %s AND traded_at < %s"""

STANDINGS = """
SELECT exchange, count(*), array_agg(markets.market_id), sum(latest.rows)::bigint,
       max(newest.traded_at), extract(epoch FROM now() - max(newest.traded_at))::float8
FROM markets
    LEFT JOIN LATERAL (
        SELECT traded_at FROM trades WHERE market_id = markets.market_id
        ORDER BY traded_at DESC LIMIT 1
    ) AS newest ON true
    CROSS JOIN LATERAL (
        SELECT count(*) AS rows FROM trades
        WHERE market_id = markets.market_id AND traded_at >= now() - interval '1 minute'
    ) AS latest
GROUP BY exchange ORDER BY exchange"""

ESTIMATE = "EXPLAIN (FORMAT JSON) SELECT FROM trades WHERE market_id = ANY(%s)"


class Standing(Struct, frozen=True):
    """How one exchange stands in the store now; `lag` is the newest trade's age in seconds."""

    exchange: str
    markets: int
    rows_estimated: int
    rows_last_minute: int
    newest_at: str | None
    lag: float | None


def market_ids(store: Store) -> dict[Market, int]:
    """Every market that was ever stored, oldest first, with its id."""
    rows = store.execute("SELECT exchange, symbol, market_id FROM markets ORDER BY market_id")
    return {Market(exchange, symbol): market_id for exchange, symbol, market_id in rows}


def traded_days(
    store: Store, first: date | None = None, last: date | None = None
) -> list[MarketDay]:
    """The market-days with at least one trade, by day, then oldest market first; without those
    that left the store, of which only what came late is there.
    """
    rows = store.execute(TRADED_DAYS, {"first": first or date.min, "last": last or date.max})
    return [MarketDay(day, Market(exchange, symbol)) for exchange, symbol, day in rows]


def count_rows(store: Store, market_id: int, day: MarketDay) -> int:
    (rows,) = store.execute(COUNT, [market_id, day.starts_at, day.ends_at]).fetchone() or (0,)
    return int(rows)


def standings(store: Store) -> Iterator[Standing]:
    """Each exchange's standing; quick, whatever the table's size.

    Only the last minute is counted: for the whole, the planner's estimate has to do, which is rough
    until autovacuum has looked at a young table.
    """
    for exchange, markets, ids, latest, newest_at, lag in store.execute(STANDINGS).fetchall():
        newest = newest_at and newest_at.isoformat()
        yield Standing(exchange, markets, estimate_rows(store, ids), latest, newest, lag)


def estimate_rows(store: Store, ids: list[int]) -> int:
    (plans,) = store.execute(ESTIMATE, [ids]).fetchone() or ([],)
    return int(plans[0]["Plan"]["Plan Rows"])
