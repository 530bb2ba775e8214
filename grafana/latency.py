"""How late trades are, by merged histograms: percentiles are never averaged."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.parts import exchanges, graph, page, rows
from grafana.seconds import of_collectors, of_feeds, of_stream, one_quantile, quantiles

MARKETS = """
SELECT exchange, symbol, sum(trades) AS trades,
       round((q[1] / 1000)::numeric, 1) AS "p50 ms", round((q[2] / 1000)::numeric, 1) AS "p99 ms",
       round(largest::numeric / 1000, 1) AS "max ms"
FROM (
    SELECT m.exchange, m.symbol, sum(trades) AS trades, max(lag_max) AS largest,
           quantiles_of(merge_buckets(lag), ARRAY[0.5, 0.99]) AS q
    FROM feed_minutes JOIN markets m USING (market_id)
    WHERE $__timeFilter(at) AND m.exchange IN ($exchange)
    GROUP BY 1, 2
) AS merged
GROUP BY exchange, symbol, q, largest
ORDER BY "p99 ms" DESC NULLS LAST LIMIT 50"""

RECEIVE = quantiles("lag", "lag_max", of_collectors("lag, lag_max"))
WRITE = quantiles("write", "write_max", of_collectors("write, write_max"))
DELIVER = quantiles("deliver", "deliver_max", of_stream("deliver, deliver_max"))


def make() -> Dashboard:
    return page(
        "latency",
        "AlphaPulse: latency",
        "From the exchange's own time of a trade to our socket, database and stream clients.",
        [
            [
                (graph("Exchange to us", "Of trades that were pushed live, by the exchange's "
                       "clock: a clock that is wrong shows here.", "ms", RECEIVE), 9),
                (graph("Into the database", "Of a transaction, commit included.", "ms", WRITE), 9),
            ],
            [
                (graph("Out to clients", "From our socket to the clients' buffers, database "
                       "included.", "ms", DELIVER), 9),
                (graph("Exchange to us, 99th percentile", "By exchange.", "ms",
                       one_quantile(0.99, "lag", "exchange", of_collectors("lag"))), 9),
            ],
            [
                (graph("Exchange to us, median", "By market.", "ms", one_quantile(
                    0.5, "lag", "m.exchange || '/' || m.symbol", of_feeds("lag"))), 10),
                (rows("Slowest markets", "Of the whole span; its last minute may be missing.",
                      MARKETS), 10),
            ],
        ],
        [exchanges()],
    )  # fmt: skip
