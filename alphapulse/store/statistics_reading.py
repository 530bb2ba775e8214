"""What the statistics say, as columns over one line of instants: a question is one statement.

A second or minute without a row is null: nobody was there to count. The line ends where rows must
have been written by now, so that null is not said of what is still on its way.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from alphapulse.store.connect import Store

SECONDS_UPTO = timedelta(minutes=15)  # of window are told by the second, longer ones by the minute
QUANTILES = (0.5, 0.95, 0.99)
COUNTS = ("trades", "stored", "repeats", "bytes", "connects", "queue_rows")
RATE_OVER = 60  # seconds by which a feed's rate and lag are told

# Rows of a second are written within the next; a minute is added up some seconds after its end.
SPANS = {
    1: "date_trunc('second', now() - interval '2 seconds')",
    60: "date_trunc('minute', now() - interval '15 seconds')",
}
TABLES = {1: "seconds", 60: "minutes"}

INGESTION = """
WITH span AS (SELECT {until} - %(window)s::interval AS since, {until} AS until),
line AS (SELECT at FROM span, generate_series(
    since, until - make_interval(secs => {step}), make_interval(secs => {step})) AS at),
counted AS (SELECT c.* FROM span, collector_{table} c WHERE c.at >= since AND c.at < until),
collected AS (
    SELECT DISTINCT exchange FROM counted UNION
    SELECT DISTINCT exchange FROM collector_minutes WHERE at > now() - interval '1 day')
SELECT now(), (SELECT simulated FROM instance), (SELECT array_agg(at ORDER BY at) FROM line),
    (SELECT jsonb_object_agg(exchange, columns) FROM (
        SELECT exchange, jsonb_build_object({columns}) AS columns
        FROM collected CROSS JOIN line LEFT JOIN counted c USING (exchange, at)
        GROUP BY exchange) AS feeds)"""

LATENCY = """
WITH span AS (SELECT {until} - %(window)s::interval AS since, {until} AS until),
line AS (SELECT at FROM span, generate_series(
    since, until - make_interval(secs => {step}), make_interval(secs => {step})) AS at),
counted AS (
    SELECT c.* FROM span, collector_{table} c WHERE c.at >= since AND c.at < until
      AND (%(exchange)s::text IS NULL OR exchange = %(exchange)s)),
kept AS (
    SELECT 'receive' AS kind, exchange, at, lag AS buckets, lag_max AS longest FROM counted
    UNION ALL SELECT 'write', exchange, at, write, write_max FROM counted
    UNION ALL SELECT 'deliver', '', s.at, deliver, deliver_max
        FROM span, stream_{table} s WHERE s.at >= since AND s.at < until
    UNION ALL SELECT 'total', '', at, merge_buckets(lag), max(lag_max) FROM counted GROUP BY at),
told AS (
    SELECT kind, exchange, at, quantiles_of(buckets, %(shares)s::float8[]) AS q, longest
    FROM kept),
kinds AS (SELECT DISTINCT kind, exchange FROM told)
SELECT now(), (SELECT simulated FROM instance), (SELECT array_agg(at ORDER BY at) FROM line),
    (SELECT jsonb_agg(jsonb_build_object(
        'kind', kind, 'exchange', exchange, 'p50', p50, 'p95', p95, 'p99', p99, 'max', longest)
        ORDER BY kind, exchange)
    FROM (
        SELECT kind, exchange,
            jsonb_agg(least(q[1], longest) / 1000 ORDER BY at) AS p50,
            jsonb_agg(least(q[2], longest) / 1000 ORDER BY at) AS p95,
            jsonb_agg(least(q[3], longest) / 1000 ORDER BY at) AS p99,
            jsonb_agg(longest::float8 / 1000 ORDER BY at) AS longest
        FROM kinds CROSS JOIN line LEFT JOIN told USING (kind, exchange, at)
        GROUP BY kind, exchange) AS feeds)"""

FEEDS = """
SELECT now(), i.simulated, m.exchange, m.symbol, m.refused_at IS NOT NULL,
    coalesce(served.until > now() - interval '30 seconds', false),
    coalesce(s.trades, 0)::float8 / %(seconds)s, s.q, s.longest, coalesce(g.open, 0),
    newest.at
FROM instance i LEFT JOIN markets m ON true
    LEFT JOIN LATERAL (
        SELECT traded_at AS at FROM trades WHERE market_id = m.market_id
        ORDER BY traded_at DESC LIMIT 1) AS newest ON true
    LEFT JOIN LATERAL (
        SELECT until FROM uptime WHERE market_id = m.market_id
        ORDER BY until DESC LIMIT 1) AS served ON true
    LEFT JOIN (
        SELECT market_id, sum(trades) AS trades, max(lag_max) AS longest,
            quantiles_of(merge_buckets(lag), '{0.5,0.99}') AS q
        FROM feed_seconds
        WHERE at >= date_trunc('second', now()) - make_interval(secs => %(seconds)s + 2)
          AND at < date_trunc('second', now()) - interval '2 seconds'
        GROUP BY market_id) AS s USING (market_id)
    LEFT JOIN (
        SELECT market_id, count(*) AS open FROM gaps WHERE closed_at IS NULL
        GROUP BY market_id) AS g USING (market_id)
ORDER BY m.exchange, m.symbol"""

# A partition or chunk is told as its table; what TimescaleDB keeps of its own is not ours.
STORAGE = """
WITH RECURSIVE heir AS (
    SELECT c.oid AS top, c.oid FROM pg_class c
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind IN ('r', 'p')
      AND NOT c.relispartition
    UNION ALL
    SELECT heir.top, i.inhrelid FROM heir JOIN pg_inherits i ON i.inhparent = heir.oid)
SELECT now(), (SELECT simulated FROM instance), pg_database_size(current_database()),
    (SELECT jsonb_agg(jsonb_build_object('name', name, 'bytes', bytes) ORDER BY bytes DESC, name)
    FROM (
        SELECT top::regclass::text AS name, sum(pg_total_relation_size(oid))::bigint AS bytes
        FROM heir GROUP BY top) AS tables)"""


class Columns(Struct, frozen=True):
    """`times` are where seconds or minutes begin; every list of `feeds` has one value for each."""

    now: datetime
    simulated: bool
    bucket_seconds: int
    times: Sequence[datetime]
    feeds: Sequence[Mapping[str, Any]]


class FeedFacts(Struct, frozen=True):
    """One market now; milliseconds. `is_served`: a connection that serves it was alive lately."""

    exchange: str
    symbol: str
    is_refused: bool
    is_served: bool
    trades_per_second: float
    lag_p50: float | None
    lag_p99: float | None
    open_gaps: int
    last_trade: datetime | None


class Feeds(Struct, frozen=True):
    now: datetime
    simulated: bool
    feeds: Sequence[FeedFacts]


class Stored(Struct, frozen=True):
    """Bytes; of a table with all its partitions or chunks and indexes."""

    now: datetime
    simulated: bool
    database_bytes: int
    tables: Sequence[Mapping[str, Any]]


def step_of(window: timedelta) -> int:
    """How many seconds one value stands for."""
    return 1 if window <= SECONDS_UPTO else 60


def read_ingestion(store: Store, window: timedelta) -> Columns:
    """What each exchange's collector received and stored."""
    columns = ", ".join(f"'{name}', jsonb_agg(c.{name} ORDER BY at)" for name in COUNTS)
    now, simulated, times, found = one_row(store, INGESTION, {"window": window}, columns=columns)
    feeds = [{"exchange": name, **(found or {})[name]} for name in sorted(found or {})]
    return Columns(now, bool(simulated), step_of(window), times, feeds)


def read_latency(store: Store, window: timedelta, exchange: str | None = None) -> Columns:
    """Milliseconds: from the exchange to us (`receive`), into the store (`write`), to the clients
    (`deliver`, of no exchange); `total` is `receive` of all exchanges.
    """
    values = {"window": window, "exchange": exchange, "shares": list(QUANTILES)}
    now, simulated, times, feeds = one_row(store, LATENCY, values)
    return Columns(now, bool(simulated), step_of(window), times, feeds or [])


def one_row(
    store: Store, statement: str, values: Mapping[str, Any], columns: str = ""
) -> tuple[Any, ...]:
    step = step_of(values["window"])
    text = statement.format(until=SPANS[step], step=step, table=TABLES[step], columns=columns)
    return store.execute(text.encode(), values).fetchone() or ()  # only our own words in it


def read_feeds(store: Store) -> Feeds:
    """Every market, by exchange and symbol."""
    rows = store.execute(FEEDS, {"seconds": RATE_OVER}).fetchall()
    now, simulated = rows[0][:2]
    return Feeds(now, bool(simulated), [feed_facts(*row[2:]) for row in rows if row[2]])


def feed_facts(
    exchange: str,
    symbol: str,
    is_refused: bool,
    is_served: bool,
    rate: float,
    quantiles: Sequence[float | None] | None,
    longest: int | None,
    open_gaps: int,
    last_trade: datetime | None,
) -> FeedFacts:
    p50, p99 = (milliseconds(one, longest) for one in quantiles or (None, None))
    return FeedFacts(exchange, symbol, is_refused, is_served, rate, p50, p99, open_gaps, last_trade)


def milliseconds(quantile: float | None, longest: int | None) -> float | None:
    return None if quantile is None or longest is None else min(quantile, longest) / 1000


def read_stored(store: Store) -> Stored:
    now, simulated, size, tables = store.execute(STORAGE).fetchone() or (None, False, 0, [])
    assert isinstance(now, datetime)
    return Stored(now, bool(simulated), size, tables or [])
