"""What people ask of an open archive besides trades and candles, answered as Arrow tables.

`duck` comes from `reading.open_archive`.
"""

from datetime import datetime
from typing import Any

from duckdb import DuckDBPyConnection

from alphapulse.archive.reading import HAS_STORE
from alphapulse.trade import Market

COVERAGE = """
FROM coverage
WHERE ($exchange IS NULL OR (exchange = $exchange AND symbol = $symbol))
  AND ($start IS NULL OR date::TIMESTAMP AT TIME ZONE 'UTC' >= $start)
  AND ($end IS NULL OR date::TIMESTAMP AT TIME ZONE 'UTC' < $end)
ORDER BY date, exchange, symbol"""

# A gap is the open stretch between its edges; one without an end reaches until now.
GAPS = """
FROM gaps
WHERE ($exchange IS NULL OR (exchange = $exchange AND symbol = $symbol))
  AND ($start IS NULL OR coalesce(before_at, 'infinity') > $start)
  AND ($end IS NULL OR after_at < $end)
ORDER BY after_at, exchange, symbol"""

# A market without a file yet is as simulated as the store is.
MARKETS = """
SELECT * REPLACE (coalesce(simulated, {simulated}) AS simulated)
FROM markets ORDER BY exchange, symbol"""

ARCHIVED_UNTIL = """
SELECT max(least(exported_at, (date + 1)::TIMESTAMP AT TIME ZONE 'UTC'))
FROM files WHERE exchange = $exchange AND symbol = $symbol"""


def known_markets(duck: DuckDBPyConnection) -> list[Market]:
    rows = duck.execute("SELECT exchange, symbol FROM markets ORDER BY exchange, symbol").fetchall()
    return [Market(exchange, symbol) for exchange, symbol in rows]


def markets(duck: DuckDBPyConnection) -> Any:
    (has_store,) = duck.execute(HAS_STORE).fetchone() or (False,)
    simulated = "(SELECT simulated FROM store.instance)" if has_store else "false"
    return duck.execute(MARKETS.format(simulated=simulated)).to_arrow_table()


def coverage(
    duck: DuckDBPyConnection, market: Market | None, start: datetime | None, end: datetime | None
) -> Any:
    """Verdicts of the days that begin in [start, end)."""
    return duck.execute(COVERAGE, bound(market, start, end)).to_arrow_table()


def gaps(
    duck: DuckDBPyConnection, market: Market | None, start: datetime | None, end: datetime | None
) -> Any:
    """Gaps that reach into [start, end), closed ones too."""
    return duck.execute(GAPS, bound(market, start, end)).to_arrow_table()


def archived_until(duck: DuckDBPyConnection, market: Market) -> datetime | None:
    """Where the archived days of the market end; None: it has none."""
    (until,) = duck.execute(ARCHIVED_UNTIL, names(market)).fetchone() or (None,)
    return until if isinstance(until, datetime) else None


def bound(
    market: Market | None, start: datetime | None, end: datetime | None
) -> dict[str, str | datetime | None]:
    return names(market) | {"start": start, "end": end}


def names(market: Market | None) -> dict[str, Any]:
    return {"exchange": market and market.exchange, "symbol": market and market.symbol}
