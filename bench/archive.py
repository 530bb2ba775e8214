"""One market's day of 1-minute bars among 36,500 files, against the same query on its one file.

100 markets and 365 days. Of each market the day asked for is written anew, the other days are links
to one file of its bars: names, sizes and the number of files are what costs here.
"""

import os
import random
import shutil
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from alphapulse import lake
from alphapulse.archive.market_data import write_archive
from alphapulse.archive.reading import candles_between, open_archive
from alphapulse.day import MarketDay
from alphapulse.postgres import Server
from alphapulse.trade import Market
from bench.stage import median

MARKETS = [Market("binance" if n % 2 else "kraken", f"S{n}/USD") for n in range(100)]
FIRST = date(2025, 1, 1)
ASKED = MarketDay(date(2025, 7, 20), MARKETS[42])
NUMBERS = ("open", "high", "low", "close", "volume", "buy_volume", "quote_volume")
SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("opened_at", lake.INSTANT),
        *((name, lake.EXACT) for name in NUMBERS),
        *((name, pa.int64()) for name in ("trades", "first_id", "last_id")),
    ]
)
COLUMNS = ", ".join(SCHEMA.names)
TOTAL = "SELECT count(*), sum(volume), max(high)"
DAY = f"'{ASKED.date}'"
WHERE = f"exchange = 'kraken' AND symbol = '{ASKED.market.symbol}' AND date = {DAY}"
OF = f"candles_of('1m', 'kraken', '{ASKED.market.symbol}', {DAY}, {DAY})"


def run(found: Server, rounds: int, days: int = 365) -> dict[str, float]:
    """Milliseconds of each way, medians of interleaved rounds, and the ratios to the one file."""
    home = Path(tempfile.mkdtemp(prefix="alphapulse-bench-archive-"))
    try:
        written = build(home / "candles", days)
        began = time.perf_counter()
        write_archive(home / "market_data.duckdb", home / "parquet")
        results = {"files": float(written), "write archive s": time.perf_counter() - began}
        return results | measure(home, rounds * 5) | compacted(home)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def build(candles: Path, days: int) -> int:
    dates = [FIRST + timedelta(days=n) for n in range(days)]
    for market in MARKETS:
        source = write_bars(candles, MarketDay(dates[0], market))
        for on in dates[1:]:
            if on != ASKED.date:
                os.link(source, lake.path_of(candles / "1m", MarketDay(on, market)))
        write_bars(candles, MarketDay(ASKED.date, market))
    return len(MARKETS) * days


def write_bars(candles: Path, day: MarketDay) -> Path:
    """A bar for each minute, with numbers as compressible as real ones."""
    draw = random.Random(day.key)
    path = lake.path_of(candles / "1m", day)
    path.parent.mkdir(parents=True, exist_ok=True)
    minutes = range(1440)
    table = pa.table(
        [
            [day.market.exchange] * 1440,
            [day.market.symbol] * 1440,
            [day.starts_at + timedelta(minutes=minute) for minute in minutes],
            *([Decimal(draw.randrange(10**9)) / 10**5 for _ in minutes] for _ in NUMBERS),
            *([draw.randrange(10**6) for _ in minutes] for _ in range(3)),
        ],
        schema=SCHEMA,
    )
    words = {"alphapulse.day_closed": "true", "alphapulse.date": str(day.date)}
    pq.write_table(table.replace_schema_metadata(words), path, compression="zstd")
    return path


def measure(home: Path, rounds: int) -> dict[str, float]:
    path = lake.path_of(home / "candles" / "1m", ASKED)
    start = datetime(2025, 7, 20, tzinfo=UTC)
    one = f"FROM read_parquet('{path}')"
    began = time.perf_counter()
    with (
        open_archive(home / "market_data.duckdb") as duck,
        duckdb.connect(str(home / "market_data.duckdb"), read_only=True) as plain,
    ):
        opened = time.perf_counter() - began
        ways: dict[str, Callable[[], object]] = {
            "one file": lambda: duck.execute(
                f"SELECT {COLUMNS} {one} ORDER BY opened_at"
            ).to_arrow_table(),
            "candles_between": lambda: candles_between(
                duck, ASKED.market, "1m", start, start + timedelta(days=1)
            ),
            "one file, totals": lambda: duck.execute(f"{TOTAL} {one}").fetchall(),
            "candles_of, totals": lambda: plain.execute(f"{TOTAL} FROM {OF}").fetchall(),
            "candles, totals": lambda: plain.execute(
                f"{TOTAL} FROM candles WHERE size = '1m' AND {WHERE}"
            ).fetchall(),
        }
        times = interleaved(ways, rounds)
    return {
        "open s": opened,
        **{f"{name} ms": value for name, value in times.items()},
        "between / one file": times["candles_between"] / times["one file"],
        "candles_of / one file": times["candles_of, totals"] / times["one file, totals"],
        "candles / one file": times["candles, totals"] / times["one file, totals"],
    }


def interleaved(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            found[name].append((time.perf_counter() - began) * 1000)
    return {name: median(values) for name, values in found.items()}


def compacted(home: Path) -> dict[str, float]:
    """One market's month: its days' bytes against the month's, and the seconds to write it."""
    days = [FIRST + timedelta(days=n) for n in range(31)]
    paths = [write_bars(home / "other", MarketDay(day, ASKED.market)) for day in days]
    month = lake.month_of(paths[0])
    began = time.perf_counter()
    lake.write_month(month, [lake.Place(path, day) for path, day in zip(paths, days, strict=True)])
    return {
        "month file s": time.perf_counter() - began,
        "month / days, bytes": month.stat().st_size / sum(path.stat().st_size for path in paths),
    }
