"""What the archive asks of the store: which markets traded when, and the rows of one market-day.

DuckDB's `postgres_query` takes a statement as text and binds nothing, so two statements are
composed here by psycopg, of integers and instants only; no symbol becomes part of a statement.
"""

from collections.abc import Iterator
from datetime import date

from msgspec import Struct
from psycopg.sql import SQL, Composed, Literal

from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.trade import Market

# price and size are unconstrained in the store; DuckDB would read them as floats without the cast,
# and the cast rounds, so that SUMMARY counts first what it would change. The checksum is made here,
# from the rows as stored: DuckDB and pyarrow need longer, and would only certify what they wrote.
ROWS = SQL("""
SELECT trade_id, traded_at, price::numeric(38,18) AS price, size::numeric(38,18) AS size,
       CASE side WHEN 'b' THEN 'buy' ELSE 'sell' END AS side,
       received_at,
       CASE source WHEN 'l' THEN 'live' WHEN 's' THEN 'snapshot' ELSE 'backfill' END AS source
FROM trades
WHERE market_id = {market_id} AND traded_at >= {starts_at} AND traded_at < {ends_at}
ORDER BY traded_at, trade_id""")

SUMMARY = SQL("""
SELECT count(*) AS rows, min(trade_id) AS first_id, max(trade_id) AS last_id,
       trim_scale(sum(price) FILTER (WHERE fits))::text AS price_sum,
       trim_scale(sum(size) FILTER (WHERE fits))::text AS size_sum,
       trim_scale(sum(price * size) FILTER (WHERE fits))::text AS notional_sum,
       sum(('x' || left(md5(concat_ws('|',
           trade_id, (extract(epoch FROM traded_at) * 1000000)::bigint,
           trim_scale(price), trim_scale(size), CASE side WHEN 'b' THEN 'buy' ELSE 'sell' END
       )), 15))::bit(60)::bigint)::text AS checksum,
       min(trade_id) FILTER (WHERE NOT fits) AS unfit_id,
       (SELECT simulated FROM instance) AS simulated,
       now() AS exported_at
FROM (
    SELECT trade_id, traded_at, price, size, side, coalesce(
        scale(trim_scale(price)) <= 18 AND abs(price) < 1e20
        AND scale(trim_scale(size)) <= 18 AND abs(size) < 1e20, false) AS fits
    FROM trades
    WHERE market_id = {market_id} AND traded_at >= {starts_at} AND traded_at < {ends_at}
) AS day""")

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


def rows_of_day(market_id: int, day: MarketDay) -> str:
    """The statement that gives the day's trades in the archive's columns and order."""
    return compose(ROWS, market_id, day)


def summary_of_day(market_id: int, day: MarketDay) -> str:
    """The statement that counts and sums the day: one row, see SUMMARY."""
    return compose(SUMMARY, market_id, day)


def compose(statement: SQL, market_id: int, day: MarketDay) -> str:
    composed: Composed = statement.format(
        market_id=Literal(int(market_id)),
        starts_at=Literal(day.starts_at),
        ends_at=Literal(day.ends_at),
    )
    return composed.as_string(None)


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
