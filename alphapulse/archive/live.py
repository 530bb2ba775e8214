"""The live store beside the archive, in one DuckDB session: each market-day from one of them."""

from datetime import datetime, timedelta
from typing import Any

import duckdb
from duckdb import DuckDBPyConnection

from alphapulse.archive.copying import extension_path, quoted
from alphapulse.archive.views import SIZES
from alphapulse.store.connect import StoreUnavailable

# An export that takes longer than this between its snapshot and its record could hide a day.
LONGEST_EXPORT = timedelta(hours=1)

# Days that are settled in the store, and of which the archive at hand has no closed file.
UNSEEN = """
SELECT min(c.exported_at), (FROM postgres_query('store', 'SELECT now()'))
FROM (SELECT exchange, symbol, day AS date, exported_at FROM store.market_coverage
      WHERE reopened_at IS NULL AND exported_at IS NOT NULL) AS c
WHERE NOT EXISTS (FROM archive.files f
                  WHERE f.day_closed
                    AND f.exchange = c.exchange AND f.symbol = c.symbol AND f.date = c.date)
  AND c.exported_at >= (c.date + 1)::TIMESTAMP AT TIME ZONE 'UTC'"""

UNSEEN_CANDLES = """
SELECT min(c.exported_at)
FROM (SELECT exchange, symbol, day AS date, exported_at FROM store.market_coverage
      WHERE reopened_at IS NULL AND exported_at IS NOT NULL) AS c,
     unnest($sizes) AS sizes(size)
WHERE NOT EXISTS (FROM archive.candle_files f
                  WHERE f.day_closed AND f.size = sizes.size
                    AND f.exchange = c.exchange AND f.symbol = c.symbol AND f.date = c.date)
  AND c.exported_at >= (c.date + 1)::TIMESTAMP AT TIME ZONE 'UTC'"""

# The store leaves out what is settled long enough; the rest is compared with the files at hand.
# A row that came after its day's file was made is in no file.
TRADES = """
CREATE VIEW live_trades AS
SELECT exchange, symbol, date, trade_id, traded_at, price, size, side, received_at, source
FROM store.archive_trades t
WHERE settled_at > {since}
  AND (is_late OR NOT EXISTS (
        FROM archive.files f
        WHERE f.day_closed
          AND f.exchange = t.exchange AND f.symbol = t.symbol AND f.date = t.date))"""

# As alphapulse.candles folds them. The key puts time before id in one number that compares fast.
CANDLES = """
CREATE VIEW live_candles AS
SELECT sizes.size, t.exchange, t.symbol, t.date,
       make_timestamptz(epoch_us(traded_at) // micros * micros) AS opened_at,
       arg_min(price, key) AS open, max(price) AS high, min(price) AS low,
       arg_max(price, key) AS close, sum(t.size)::DECIMAL(38, 18) AS volume,
       coalesce(sum(t.size) FILTER (side = 'buy'), 0)::DECIMAL(38, 18) AS buy_volume,
       sum(quote)::DECIMAL(38, 18) AS quote_volume, count(*) AS trades,
       min(trade_id) AS first_id, max(trade_id) AS last_id
FROM (SELECT *, epoch_us(traded_at)::HUGEINT * 18446744073709551616 + trade_id AS key
      FROM store.archive_trades WHERE settled_at > {since}) AS t,
     (VALUES {sizes}) AS sizes(size, micros)
WHERE NOT EXISTS (
    FROM archive.candle_files f
    WHERE f.day_closed AND f.size = sizes.size
      AND f.exchange = t.exchange AND f.symbol = t.symbol AND f.date = t.date)
GROUP BY sizes.size, t.exchange, t.symbol, t.date, epoch_us(traded_at) // micros * micros"""


def attach_store(duck: DuckDBPyConnection, url: str) -> None:
    """Attach the store read-only as `store`; raises StoreUnavailable, which names no address."""
    duck.load_extension(str(extension_path()))
    try:
        # ATTACH takes no parameters; the password must not reach a log through its message.
        duck.execute(f"ATTACH {quoted(url)} AS store (TYPE postgres, READ_ONLY, SCHEMA 'public')")
    except duckdb.Error:
        raise StoreUnavailable("DuckDB cannot reach PostgreSQL") from None


def show_live(duck: DuckDBPyConnection) -> None:
    """The views live_trades and live_candles: what the attached `archive` does not hold closed."""
    trades, now = row_of(duck.execute(UNSEEN).fetchone())
    (candles,) = row_of(duck.execute(UNSEEN_CANDLES, {"sizes": list(SIZES)}).fetchone())
    sizes = ", ".join(f"('{size}', {seconds}000000)" for size, seconds in SIZES.items())
    duck.execute(TRADES.format(since=since(now, trades)))
    duck.execute(CANDLES.format(since=since(now, trades, candles), sizes=sizes))


def since(now: datetime, *unseen: datetime | None) -> str:
    """What was settled later than this may be unknown to the archive at hand."""
    moments = [at - timedelta(microseconds=1) for at in unseen if at]
    return quoted(min([now - LONGEST_EXPORT, *moments]).isoformat()) + "::TIMESTAMPTZ"


def row_of(row: tuple[Any, ...] | None) -> tuple[Any, ...]:
    assert row is not None, "an aggregate gives a row"
    return row
