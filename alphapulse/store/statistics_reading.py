"""What the statistics say, as columns over one line of instants: a question is one statement.

A second or minute without a row is null: nobody was there to count. The line ends where rows must
have been written by now, so that null is not said of what is still on its way.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import Struct

from alphapulse.store.connect import Store

SECONDS_UPTO = timedelta(minutes=15)  # of window are told by the second, longer ones by the minute
QUANTILES = (0.5, 0.95, 0.99)  # as sql/0016_percentiles.sql has them
HISTOGRAMS = ("lag", "write", "deliver")
COUNTS = ("trades", "stored", "repeats", "bytes", "disconnects", "queue_rows")
RATE_OVER = 60  # seconds by which a feed's rate and lag are told

# Rows of a second are written within the next; a minute is added up some seconds after its end.
SPANS = {
    1: "date_trunc('second', now() - interval '2 seconds')",
    60: "date_trunc('minute', now() - interval '15 seconds')",
}
TABLES = {1: "seconds", 60: "minutes"}

# Each group's instants come beside its values: joining them to all instants of the window takes
# the server a hundred times as long as finding their places here.
INGESTION = """
WITH span AS (SELECT {until} - %(window)s::interval AS since, {until} AS until),
counted AS (SELECT c.* FROM span, collector_{table} c WHERE c.at >= since AND c.at < until),
collected AS (
    SELECT DISTINCT exchange FROM counted UNION
    SELECT DISTINCT exchange FROM collector_minutes WHERE at > now() - interval '1 day'),
told AS (
    SELECT exchange, array_agg(extract(epoch FROM at)::bigint) FILTER (WHERE at IS NOT NULL) AS ats,
        array_agg(trades), array_agg(stored), array_agg(repeats), array_agg(bytes),
        array_agg(disconnects), array_agg(queue_rows)
    FROM collected LEFT JOIN counted USING (exchange) GROUP BY exchange)
SELECT now(), (SELECT simulated FROM instance),
    extract(epoch FROM since)::bigint, extract(epoch FROM until)::bigint, told.*
FROM span LEFT JOIN told ON true ORDER BY exchange"""

LATENCY = """
WITH span AS (SELECT {until} - %(window)s::interval AS since, {until} AS until),
counted AS (
    SELECT c.* FROM span, collector_{table} c WHERE c.at >= since AND c.at < until
      AND (%(exchange)s::text IS NULL OR exchange = %(exchange)s)),
summed AS (
    SELECT at, merge_buckets(lag) AS lag, max(lag_max) AS longest FROM counted GROUP BY at),
kept AS (
    SELECT 'receive' AS kind, exchange, at, {lag} AS q, lag_max AS longest FROM counted
    UNION ALL SELECT 'write', exchange, at, {write}, write_max FROM counted
    UNION ALL SELECT 'deliver', '', s.at, {deliver}, deliver_max
        FROM span, stream_{table} s WHERE s.at >= since AND s.at < until
    UNION ALL SELECT 'total', '', at, quantiles_of(lag, %(shares)s::float8[]), longest FROM summed),
told AS (
    SELECT kind, exchange, array_agg(extract(epoch FROM at)::bigint) AS ats,
        array_agg(least(q[1], longest) / 1000), array_agg(least(q[2], longest) / 1000),
        array_agg(least(q[3], longest) / 1000), array_agg(longest::float8 / 1000)
    FROM (SELECT * FROM kept OFFSET 0) AS each  -- not pulled up: q would be made for each column
    GROUP BY kind, exchange)
SELECT now(), (SELECT simulated FROM instance),
    extract(epoch FROM since)::bigint, extract(epoch FROM until)::bigint, told.*
FROM span LEFT JOIN told ON true ORDER BY kind, exchange"""
# Of a second they are made when somebody asks, of a minute they are stored with it.
QUANTILES_OF = {
    1: {name: f"quantiles_of({name}, %(shares)s::float8[])" for name in HISTOGRAMS},
    60: {name: f"{name}_quantiles" for name in HISTOGRAMS},
}

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
    rows = ask(store, INGESTION, {"window": window})
    return columns_of(rows, step_of(window), ("exchange",), COUNTS)


def read_latency(store: Store, window: timedelta, exchange: str | None = None) -> Columns:
    """Milliseconds: from the exchange to us (`receive`), into the store (`write`), to the clients
    (`deliver`, of no exchange); `total` is `receive` of all exchanges.
    """
    values = {"window": window, "exchange": exchange, "shares": list(QUANTILES)}
    rows = ask(store, LATENCY, values)
    return columns_of(rows, step_of(window), ("kind", "exchange"), ("p50", "p95", "p99", "max"))


def ask(store: Store, statement: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    step = step_of(values["window"])
    own = {"until": SPANS[step], "table": TABLES[step], **QUANTILES_OF[step]}
    text = statement.format(**own)  # only our own words
    return store.execute(text.encode(), values).fetchall()


def columns_of(
    rows: Sequence[tuple[Any, ...]], step: int, keys: Sequence[str], names: Sequence[str]
) -> Columns:
    """Rows: now, whether simulated, since, until, keys, the instants of values, their columns."""
    now, simulated, since, until = rows[0][:4]
    times = range(since, until, step)
    feeds = []
    for row in rows:
        own, ats, values = row[4 : 4 + len(keys)], row[4 + len(keys)], row[5 + len(keys) :]
        if own[0] is not None:
            columns = (placed(times, ats or (), column) for column in values)
            feeds.append(dict(zip((*keys, *names), (*own, *columns), strict=True)))
    instants = [datetime.fromtimestamp(at, UTC) for at in times]
    return Columns(now, bool(simulated), step, instants, feeds)


def placed(times: range, ats: Sequence[int], values: Sequence[Any]) -> list[Any]:
    """The values where they belong, None elsewhere."""
    found: list[Any] = [None] * len(times)
    for at, value in zip(ats, values, strict=False):  # without instants there is one, null
        found[(at - times.start) // times.step] = value
    return found


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
