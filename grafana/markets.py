"""The markets: what was traded last, where, and how much is going on."""

from grafana_foundation_sdk.models.dashboard import Dashboard

from grafana.parts import candles, choice, exchanges, graph, page, rows
from grafana.seconds import of_feeds, rate

# By the index of trades: two rows of each market, however many there are.
OVERVIEW = """
SELECT m.exchange, m.symbol, newest.price::float8 AS price,
       round(100 * (newest.price / before.price - 1), 2)::float8 AS "24 h %",
       extract(epoch FROM now() - newest.traded_at)::float8 AS "age s",
       coalesce(counted.trades, 0) AS "trades 1 h", m.refusal
FROM markets m
    CROSS JOIN LATERAL (SELECT price, traded_at FROM trades WHERE market_id = m.market_id
                        ORDER BY traded_at DESC, trade_id DESC LIMIT 1) AS newest
    LEFT JOIN LATERAL (SELECT price FROM trades WHERE market_id = m.market_id
                       AND traded_at >= now() - interval '24 hours'
                       ORDER BY traded_at, trade_id LIMIT 1) AS before ON true
    LEFT JOIN (SELECT market_id, sum(trades) AS trades FROM feed_minutes
               WHERE at >= now() - interval '1 hour' GROUP BY market_id) AS counted
        ON counted.market_id = m.market_id
WHERE m.exchange IN ($exchange)
ORDER BY "trades 1 h" DESC, m.exchange, m.symbol"""

BARS = """
SELECT $__timeGroupAlias(traded_at,$__interval),
       (array_agg(price ORDER BY traded_at, trade_id))[1]::float8 AS open,
       max(price)::float8 AS high, min(price)::float8 AS low,
       (array_agg(price ORDER BY traded_at DESC, trade_id DESC))[1]::float8 AS close,
       sum(size)::float8 AS volume
FROM trades
WHERE market_id = $market AND $__timeFilter(traded_at)
GROUP BY 1 ORDER BY 1"""

MARKET = """
SELECT exchange || '/' || symbol AS __text, market_id AS __value FROM markets ORDER BY 1"""

TAPE = """
SELECT t.traded_at AS time, t.price::float8 AS price, t.size::float8 AS size,
       CASE t.side WHEN 'b' THEN 'buy' ELSE 'sell' END AS side, t.trade_id::text AS id
FROM trades t
WHERE t.market_id = $market AND $__timeFilter(t.traded_at)
ORDER BY t.traded_at DESC, t.trade_id DESC LIMIT 100"""

RATES = rate("trades", "m.exchange || '/' || m.symbol", of_feeds("trades"))


def make() -> Dashboard:
    return page(
        "markets",
        "AlphaPulse: markets",
        "What was traded last, where, and how much.",
        [
            [
                (candles("Price and volume", "Of the chosen market, from its stored trades. For "
                         "long spans read the archive.", BARS), 12),
                (rows("Last trades", "Of the chosen market.", TAPE), 12),
            ],
            [(rows("All markets", "The busiest first.", OVERVIEW), 10)],
            [(graph("Trades by market", "A second.", "short", RATES), 9)],
        ],
        [choice("market", "Market", MARKET, several=False), exchanges()],
    )  # fmt: skip
