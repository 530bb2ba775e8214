"""Candles from the Parquet file of a market-day's trades, or its month's, to a file, by DuckDB.

The fast way; `alphapulse.candles` is the reference. As with trades nothing is half-written: each
file is made aside, read back by pyarrow, compared with what the trades' file certifies, renamed.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias
from uuid import uuid4

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct
from msgspec.structs import replace

from alphapulse import lake
from alphapulse.archive.copying import OFFLINE
from alphapulse.candle_certificate import CandleCertificate, is_rounding
from alphapulse.candles import BarSize
from alphapulse.certificate import Certificate
from alphapulse.day import MarketDay
from alphapulse.lake import LakeError
from alphapulse.lake.candle_files import (
    find_candle_certificate,
    path_of_candles,
    place_of_candles,
    read_candles,
    verify_candles,
)
from alphapulse.lake.quotes import quoted_trades

# The key puts time before id in one number that compares fast: 2^64 is wider than any id.
FOLD = """
CREATE OR REPLACE TEMP TABLE bars AS
SELECT make_timestamptz(min(epoch_us(traded_at)) // 60000000 * 60000000) AS opened_at,
    arg_min(price, key) AS open, max(price) AS high, min(price) AS low,
    arg_max(price, key) AS close, sum(size) AS volume,
    coalesce(sum(size) FILTER (side = 'buy'), 0) AS buy_volume, sum(quote) AS quote_volume,
    count(*) AS trades, min(trade_id) AS first_id, max(trade_id) AS last_id
FROM (SELECT *, epoch_us(traded_at)::HUGEINT * 18446744073709551616 + trade_id AS key FROM quoted)
GROUP BY epoch_us(traded_at) // 60000000"""

WIDEN = """
CREATE OR REPLACE TEMP TABLE bars AS
SELECT make_timestamptz(min(epoch_us(opened_at)) // $micros * $micros) AS opened_at,
    arg_min(open, opened_at) AS open, max(high) AS high, min(low) AS low,
    arg_max(close, opened_at) AS close, sum(volume) AS volume, sum(buy_volume) AS buy_volume,
    sum(quote_volume) AS quote_volume, sum(trades) AS trades,
    min(first_id) AS first_id, max(last_id) AS last_id
FROM minutes GROUP BY epoch_us(opened_at) // $micros"""

# A sum of decimals may leave decimal(38, 18) without a word from DuckDB.
TOO_LARGE = """
SELECT epoch_us(min(opened_at)) FROM bars
WHERE greatest(volume, quote_volume) > 99999999999999999999.999999999999999999"""

COPY = """
COPY (SELECT $exchange::VARCHAR AS exchange, $symbol::VARCHAR AS symbol, opened_at,
          open, high, low, close, volume::DECIMAL(38, 18) AS volume,
          buy_volume::DECIMAL(38, 18) AS buy_volume,
          quote_volume::DECIMAL(38, 18) AS quote_volume,
          trades::BIGINT AS trades, first_id, last_id
      FROM bars ORDER BY opened_at)
TO $path (FORMAT parquet, COMPRESSION zstd, KV_METADATA $certificate)"""

ABANDONED = 3600.0  # seconds after which a file aside is a killed process's


class CandleError(Exception):
    """The candles were not made, and what was there before stands; the message says why."""


class Made(Struct, frozen=True):
    """Candles of a market-day; `certificate` and `path` are None where it has no trade."""

    day: MarketDay
    certificate: CandleCertificate | None = None
    path: Path | None = None
    bytes: int = 0


class NotMade(Struct, frozen=True):
    day: MarketDay
    reason: str


Outcome: TypeAlias = Made | NotMade


def make_days(parquet: Path, candles: Path, days: Iterable[MarketDay]) -> Iterator[Outcome]:
    """Bars of one minute of each day in turn; one that fails does not stop the others."""
    with folding() as duck:
        yield from each(days, lambda day: make_candles(duck, parquet, candles, day))


def widen_days(candles: Path, days: Iterable[MarketDay], size: BarSize) -> Iterator[Outcome]:
    """The same for bars of `size`, from those of one minute."""
    with folding() as duck:
        yield from each(days, lambda day: widen(duck, candles, day, size))


def each(days: Iterable[MarketDay], make: Callable[[MarketDay], Made]) -> Iterator[Outcome]:
    for day in days:
        try:
            yield make(day)
        except (CandleError, LakeError, OSError) as failure:
            yield NotMade(day, str(failure))


def make_candles(duck: DuckDBPyConnection, parquet: Path, candles: Path, day: MarketDay) -> Made:
    """Write the day's bars of one minute; raises CandleError, LakeError or OSError."""
    size = BarSize.ONE_MINUTE
    place = lake.place_of(parquet, day)
    trades = lake.find_certificate(parquet, day)
    if place is None or trades is None or trades.rows == 0:
        there = place_of_candles(candles, size, day)
        return nothing_to_make(day, there, f"no trades in {lake.path_of(parquet, day)}")
    with our_errors(place.path):
        duck.register("quoted", quoted_trades(place.path, place.group))
        duck.execute(FOLD)
    certificate = certify(duck, size, trades)
    compare_notional(place.path, trades, certificate)
    return write(duck, path_of_candles(candles, size, day), certificate, place.path)


def widen(duck: DuckDBPyConnection, candles: Path, day: MarketDay, size: BarSize) -> Made:
    """Write the day's bars of `size`; raises CandleError, LakeError or OSError."""
    place = place_of_candles(candles, BarSize.ONE_MINUTE, day)
    narrow = find_candle_certificate(candles, BarSize.ONE_MINUTE, day)
    if place is None or narrow is None:
        there = place_of_candles(candles, size, day)
        source = path_of_candles(candles, BarSize.ONE_MINUTE, day)
        return nothing_to_make(day, there, f"no file {source}")
    with our_errors(place.path):
        duck.register("minutes", read_candles(place.path, place.group))
        duck.execute(WIDEN, {"micros": size.micros})
    certificate = replace(narrow, size=size, bars=count_bars(duck), made_at=datetime.now(UTC))
    return write(duck, path_of_candles(candles, size, day), certificate, place.path)


def nothing_to_make(day: MarketDay, there: lake.Place | None, why: str) -> Made:
    if there is not None:
        raise CandleError(
            f"{day.key}: there are {why}, and yet there are candles in {there.path}: they stay. "
            "Bring the file back, or move the candles away"
        )
    return Made(day)


def certify(duck: DuckDBPyConnection, size: BarSize, trades: Certificate) -> CandleCertificate:
    """Of `bars`: what the trades' file says, and the sum that only they know."""
    quotes = duck.execute("SELECT quote_volume FROM bars").to_arrow_table()
    return CandleCertificate(
        exchange=trades.exchange,
        symbol=trades.symbol,
        date=trades.date,
        size=size,
        bars=count_bars(duck),
        trades=trades.rows,
        first_id=trades.first_id,
        last_id=trades.last_id,
        volume_sum=trades.size_sum,
        quote_volume_sum=lake.sum_of(quotes["quote_volume"]),
        trades_checksum=trades.checksum,
        trades_exported_at=trades.exported_at,
        simulated=trades.simulated,
        day_closed=trades.day_closed,
        made_at=datetime.now(UTC),
    )


def count_bars(duck: DuckDBPyConnection) -> int:
    (bars,) = duck.execute("SELECT count(*) FROM bars").fetchone() or (0,)
    return int(bars)


def compare_notional(source: Path, trades: Certificate, made: CandleCertificate) -> None:
    """The quote volumes against PostgreSQL's own sum, which rounds no product."""
    if not is_rounding(made.quote_volume_sum, trades):
        raise CandleError(
            f"{source}: price x size sums up to {made.quote_volume_sum}, and it certifies "
            f"{trades.notional_sum}: it is damaged. Export the day again"
        )


def write(
    duck: DuckDBPyConnection, path: Path, certificate: CandleCertificate, source: Path
) -> Made:
    """`bars` into their place."""
    (opened_at,) = duck.execute(TOO_LARGE).fetchone() or (None,)
    if opened_at is not None:
        raise CandleError(
            f"{source}: the {certificate.size} bar at {opened_at} (microseconds since 1970) sums "
            "up to 1e20 or more, which no column holds: nothing was rounded and nothing written"
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path)
    written = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with our_errors(source):
            duck.execute(COPY, bound(certificate, written))
        verify_candles(written, certificate)
        lake.put_in_place(written, path)
    finally:
        written.unlink(missing_ok=True)
    return Made(certificate.day, certificate, path, path.stat().st_size)


def bound(certificate: CandleCertificate, path: Path) -> dict[str, object]:
    return {
        "exchange": certificate.exchange,
        "symbol": certificate.symbol,
        "path": str(path),
        "certificate": certificate.metadata(),
    }


def sweep(path: Path) -> None:
    """Remove what a killed process left beside `path`, and nothing that is being written."""
    for left in path.parent.glob(f".{path.name}.*"):
        if time.time() - left.stat().st_mtime > ABANDONED:
            left.unlink(missing_ok=True)


@contextmanager
def folding() -> Iterator[DuckDBPyConnection]:
    with duckdb.connect(":memory:", config=OFFLINE) as duck:
        duck.execute("SET TimeZone = 'UTC'; SET enable_progress_bar = false")
        yield duck


@contextmanager
def our_errors(source: Path) -> Iterator[None]:
    """DuckDB's errors, those of reading `source` and of its arithmetic included, become ours."""
    try:
        yield
    except duckdb.Error as failure:
        raise CandleError(f"{source}: no candles can be made of it: {failure}") from failure
