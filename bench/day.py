"""A stored day of simulated trades, as collectors would have left it: rows in order of arrival."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.store.writing import make_days, market_id
from alphapulse.trade import Market
from replay.simulated import BLOCK, SimulatedMarket
from replay.tape import text

DAY = date(2024, 8, 8)  # long over
SEED = 7
SYMBOLS = {
    "binance": ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "ADAUSDT", "DOGEUSDT"),
    "coinbase": ("BTC-USD", "ETH-USD", "SOL-USD", "LTC-USD", "DOT-USD", "LINK-USD", "AVAX-USD"),
    "kraken": ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "ADA/USD", "DOT/USD"),
}
MARKETS = [Market(exchange, symbol) for exchange, names in SYMBOLS.items() for symbol in names]
COPY = "COPY trades (traded_at, received_at, trade_id, market_id, side, price, size) FROM STDIN"
PIECE = 50_000  # rows

Columns: TypeAlias = dict[str, npt.NDArray[np.int64]]


def store_day(store: Store, trades: int) -> list[MarketDay]:
    """About so many trades of MARKETS on DAY, with what an index and a planner need."""
    store.execute("ALTER TABLE trades DISABLE TRIGGER USER")  # nobody listens
    make_days(store, DAY, DAY)
    store.execute("SET synchronous_commit = off")
    markets = [
        simulate(market, share) for market, share in zip(MARKETS, shares(trades), strict=True)
    ]
    columns = in_order([columns_of(market, place) for place, market in enumerate(markets)])
    numbers = [market_id(store, market) for market in MARKETS]
    with store.cursor().copy(COPY) as copy:
        for start in range(0, len(columns["times"]), PIECE):
            copy.write(lines(columns, start, markets, numbers))
    store.execute("VACUUM (ANALYZE) trades")
    store.execute("CHECKPOINT")
    return [MarketDay(DAY, market) for market in MARKETS]


def shares(trades: int) -> list[int]:
    """Each market's trades: the busiest has about nine times those of the quietest but one."""
    weights = np.arange(1, len(MARKETS) + 1) ** -0.5
    return [max(BLOCK, int(share)) for share in trades * weights / weights.sum()]


def simulate(market: Market, trades: int) -> SimulatedMarket:
    start = int(MarketDay(DAY, market).starts_at.timestamp()) * 1_000_000
    blocks = max(1, round(trades / BLOCK))
    return SimulatedMarket(market, SEED, start, blocks * BLOCK / timedelta(days=1).total_seconds())


def columns_of(market: SimulatedMarket, place: int) -> Columns:
    """One market's whole day; latencies of some 20 to 80 milliseconds."""
    blocks = [market.block(number) for number in range(round(market.rate * 86_400 / BLOCK))]
    random = np.random.default_rng(SEED + place)
    names = ("ids", "times", "prices", "sizes", "sides")
    found = {
        name: np.concatenate([np.asarray(getattr(block, name), np.int64) for block in blocks])
        for name in names
    }
    latency = (random.lognormal(0.0, 0.35, len(found["times"])) * 40_000).astype(np.int64)
    return found | {"arrivals": found["times"] + latency, "places": np.full(len(latency), place)}


def in_order(parts: list[Columns]) -> Columns:
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    order = np.argsort(whole["arrivals"], kind="stable")
    return {name: values[order] for name, values in whole.items()}


def lines(columns: Columns, start: int, markets: list[SimulatedMarket], numbers: list[int]) -> str:
    return "".join(
        rows({name: v[start : start + PIECE] for name, v in columns.items()}, markets, numbers)
    )


def rows(columns: Columns, markets: list[SimulatedMarket], numbers: list[int]) -> Iterator[str]:
    times, arrivals = (
        np.datetime_as_string(columns[name].view("M8[us]"), timezone="UTC")
        for name in ("times", "arrivals")
    )
    others = (columns[name].tolist() for name in ("ids", "places", "sides", "prices", "sizes"))
    for at, arrived, id, place, side, price, size in zip(times, arrivals, *others, strict=True):
        digits = markets[place].digits
        yield (
            f"{at}\t{arrived}\t{id}\t{numbers[place]}\t{'b' if side else 's'}\t"
            f"{text(price, digits.price)}\t{text(size, digits.size)}\n"
        )
