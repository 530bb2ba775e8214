"""What is stored, in a few numbers, for status and summaries."""

from alphapulse.store.connect import Store

COUNTS = """
SELECT m.exchange, m.symbol, coalesce(c.trades, 0), m.refusal
FROM markets m
    LEFT JOIN (SELECT market_id, count(*) AS trades FROM trades GROUP BY market_id) c
    USING (market_id)
ORDER BY m.exchange, m.symbol"""

ROUGHLY = """
SELECT m.exchange, m.symbol, t.traded_at, m.refusal
FROM markets m LEFT JOIN LATERAL (
    SELECT traded_at FROM trades WHERE market_id = m.market_id ORDER BY traded_at DESC LIMIT 1
) AS t ON true
ORDER BY m.exchange, m.symbol"""

GAPS = "SELECT state, count(*) FROM gaps GROUP BY state ORDER BY state"


def count_trades(store: Store) -> dict[str, int]:
    """Market as `exchange/symbol` -> trades stored. Reads every row: for small databases only."""
    return {
        f"{exchange}/{symbol}": trades
        for exchange, symbol, trades, _ in store.execute(COUNTS).fetchall()
    }


def newest_trades(store: Store) -> list[dict[str, object]]:
    """Per market the time of its newest trade, and why the exchange refuses it, if it does."""
    return [
        {"exchange": exchange, "symbol": symbol, "newest_trade_at": at, "refusal": refusal}
        for exchange, symbol, at, refusal in store.execute(ROUGHLY).fetchall()
    ]


def count_gaps(store: Store) -> dict[str, int]:
    """State -> gaps in it."""
    return dict(store.execute(GAPS).fetchall())
