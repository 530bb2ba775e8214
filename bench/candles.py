"""Candles: a million trades of one market-day into bars of one minute, file to file.

Ours: DuckDB, exact, read back and verified, durable. Peers on the same file in the same run: the
exact fold in plain Python (a tenth of the trades), and pandas' resample, which rounds to floats,
skips takers and ids, and verifies nothing.
"""

import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pandas as pd

from alphapulse import lake
from alphapulse.archive.candles import Made, make_days, widen_days
from alphapulse.archive.checksum import checksum_of
from alphapulse.candles import WIDER, BarSize, fold
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.lake.trades import trades_of
from alphapulse.trade import Market
from bench.stage import median

DAY = MarketDay(date(2024, 8, 8), Market("binance", "BTCUSDT"))
SHARE = 10  # plain Python folds one in so many

# Prices of two decimals and sizes of eight, of a walk that a hash makes: the same in every run.
TAPE = """
SELECT $exchange::VARCHAR AS exchange, $symbol::VARCHAR AS symbol, n AS trade_id,
    make_timestamptz($midnight + n * (86400000000 // $trades)) AS traded_at,
    (6000000 + hash(n // 50) % 100000)::BIGINT::DECIMAL(19, 0) * 0.01::DECIMAL(18, 18) AS price,
    (1 + hash(n + 7) % 100000000)::BIGINT::DECIMAL(19, 0) * 0.00000001::DECIMAL(18, 18) AS size,
    CASE WHEN hash(n + 3) % 2 = 0 THEN 'buy' ELSE 'sell' END AS side,
    traded_at AS received_at, 'live' AS source
FROM (SELECT range AS n FROM range($trades)) ORDER BY n"""


def run(rounds: int, trades: int) -> dict[str, float]:
    """Medians of trades per second, and their ratios."""
    folder = Path(tempfile.mkdtemp(prefix="alphapulse-bench-"))
    try:
        source = write_trades(folder / "parquet", trades)
        part = write_trades(folder / "part", trades // SHARE)
        ways: dict[str, Callable[[], float]] = {
            "ours": lambda: timed(trades, lambda: make(folder)),
            "plain Python, exact": lambda: timed(
                trades // SHARE, lambda: fold(trades_of(part), BarSize.ONE_MINUTE)
            ),
            "pandas, floats": lambda: timed(trades, lambda: resample(source)),
        }
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                speeds[name].append(way())
        wider = median([timed(1, lambda: widen(folder)) for _ in range(rounds)])
    finally:
        shutil.rmtree(folder)
    found = {name: median(values) for name, values in speeds.items()}
    ours = found["ours"]
    return found | {
        "ratio to Python": ours / found["plain Python, exact"],
        "ratio to pandas": ours / found["pandas, floats"],
        "four wider files, s": 1 / wider,
    }


def timed(trades: int, work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return trades / (time.perf_counter() - started)


def make(folder: Path) -> None:
    (done,) = make_days(folder / "parquet", folder / "candles", [DAY])
    assert isinstance(done, Made), done


def widen(folder: Path) -> None:
    for size in WIDER:
        (done,) = widen_days(folder / "candles", [DAY], size)
        assert isinstance(done, Made), done


def resample(source: Path) -> pd.DataFrame:
    table = lake.read(source).select(["traded_at", "price", "size"])
    for place, name in ((1, "price"), (2, "size")):
        table = table.set_column(place, name, table[name].cast("float64"))
    frame: pd.DataFrame = table.to_pandas().set_index("traded_at")
    frame["quote"] = frame["price"] * frame["size"]
    bars = frame.resample("1min")
    found: pd.DataFrame = (
        bars["price"].ohlc().join(bars[["size", "quote"]].sum()).join(bars.size().rename("n"))
    )
    found[found["n"] > 0].to_parquet(source.with_name("floats"), compression="zstd")
    return found


def write_trades(parquet: Path, trades: int) -> Path:
    """A market-day's file as the export leaves it, its certificate included."""
    path = lake.path_of(parquet, DAY)
    path.parent.mkdir(parents=True)
    bound = {
        "exchange": DAY.market.exchange,
        "symbol": DAY.market.symbol,
        "midnight": int(DAY.starts_at.timestamp()) * 1_000_000,
        "trades": trades,
    }
    with duckdb.connect(":memory:") as duck:
        duck.execute("SET enable_progress_bar = false")
        duck.execute(f"COPY ({TAPE}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)", bound)
        words = Certificate(
            exchange=DAY.market.exchange,
            symbol=DAY.market.symbol,
            date=DAY.date,
            rows=trades,
            first_id=0,
            last_id=trades - 1,
            price_sum=lake.sum_of(lake.read(path)["price"]),
            size_sum=lake.sum_of(lake.read(path)["size"]),
            simulated=True,
            day_closed=True,
            exported_at=datetime.now(UTC),
            certificate_version=2,
            notional_sum=lake.notional_of(path),
            checksum=checksum_of(duck, path),
        )
        duck.execute(
            f"COPY ({TAPE}) TO '{path}' (FORMAT parquet, COMPRESSION zstd, KV_METADATA $words)",
            bound | {"words": words.metadata()},
        )
    return path
