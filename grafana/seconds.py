"""Where statistics are read from: seconds for short spans, minutes for long ones. SQL, as text.

Both are UNITED, and one of them is always empty: PostgreSQL sees a constant condition and does not
even open the other. `seconds` says how many seconds a row stands for, so that a rate is one of the
time in which somebody looked.
"""

GRAIN = 60_000  # milliseconds of a panel's interval from which minutes are read


def united(kind: str, columns: str, condition: str = "true") -> str:
    """Rows of feed, collector or stream statistics in the panel's time, as a subquery."""
    short = f"{kind}_seconds WHERE $__interval_ms < {GRAIN}"
    long = f"{kind}_minutes WHERE $__interval_ms >= {GRAIN}"
    bounds = f"$__timeFilter(at) AND {condition}"
    return f"""(
        SELECT at, 1 AS seconds, {columns} FROM {short} AND {bounds}
        UNION ALL
        SELECT at, seconds, {columns} FROM {long} AND {bounds}
    ) AS s"""


def of_feeds(columns: str) -> str:
    """The same with the market's exchange and symbol by name, of the chosen exchanges."""
    inner = united("feed", f"market_id, {columns}")
    return f"{inner} JOIN markets m USING (market_id) WHERE m.exchange IN ($exchange)"


def of_collectors(columns: str) -> str:
    return united("collector", f"exchange, {columns}", "exchange IN ($exchange)")


def of_stream(columns: str) -> str:
    return united("stream", columns)


def rate(column: str, per: str = "exchange", source: str = "") -> str:
    """How many of `column` a second, one line for each `per`."""
    return f"""
    SELECT $__timeGroupAlias(at,$__interval), {per} AS metric,
           sum({column})::float8 / sum(seconds) AS value
    FROM {source or of_collectors(column)}
    GROUP BY 1, 2 ORDER BY 1, 2"""


def quantiles(histogram: str, largest: str, source: str) -> str:
    """The merged histogram's 50th, 95th and 99th percentile and the exact maximum, milliseconds."""
    return f"""
    SELECT time, q[1] / 1000 AS p50, q[2] / 1000 AS p95, q[3] / 1000 AS p99,
           largest::float8 / 1000 AS max
    FROM (
        SELECT $__timeGroupAlias(at,$__interval), max({largest}) AS largest,
               quantiles_of(merge_buckets({histogram}), ARRAY[0.5, 0.95, 0.99]) AS q
        FROM {source}
        GROUP BY 1
    ) AS merged
    ORDER BY time"""


def one_quantile(share: float, histogram: str, per: str, source: str) -> str:
    """One percentile of the merged histogram, one line for each `per`, milliseconds."""
    return f"""
    SELECT $__timeGroupAlias(at,$__interval), {per} AS metric,
           quantile_of(merge_buckets({histogram}), {share}) / 1000 AS value
    FROM {source}
    GROUP BY 1, 2 ORDER BY 1, 2"""
