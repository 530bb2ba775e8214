"""Trades put into the store by SQL, as a test spells them; no collector is needed."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import TypeAlias

from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.trade import Market

Row: TypeAlias = tuple[int, str, str, str]  # id, UTC time, price, size

BTC = Market("coinbase", "BTC-USD")
ETH = Market("kraken", "ETH/USD")
SOL = Market("binance", "SOLUSDT")
DAY = date(2024, 8, 8)
BTC_DAY = MarketDay(DAY, BTC)

MAKE = "INSERT INTO markets (exchange, symbol) VALUES (%s, %s) ON CONFLICT DO NOTHING"
FIND = "SELECT market_id FROM markets WHERE exchange = %s AND symbol = %s"
COPY = """
COPY trades (market_id, trade_id, traded_at, received_at, side, source, price, size) FROM STDIN"""


def store_market(store: Store, market: Market) -> int:
    names = [market.exchange, market.symbol]
    store.execute(MAKE, names)
    (market_id,) = store.execute(FIND, names).fetchone() or (0,)
    return int(market_id)


def store_trades(store: Store, market: Market, rows: Iterable[Row], side: str = "b") -> None:
    market_id = store_market(store, market)
    with store.cursor().copy(COPY) as copy:
        for id, traded_at, price, size in rows:
            at = datetime.fromisoformat(traded_at).replace(tzinfo=UTC)
            copy.write_row((market_id, id, at, at, side, "l", price, size))


def store_day(store: Store, market: Market, day: date = DAY, trades: int = 3) -> MarketDay:
    """A few trades, one per minute from midnight, with ids from 1."""
    store_trades(
        store,
        market,
        [(n, f"{day} 00:{n:02}:00", f"100.{n}0", "0.50") for n in range(1, trades + 1)],
    )
    return MarketDay(day, market)
