"""Files of candles: `candles/{size}/{exchange}/{symbol}/{date}.parquet`, and what holds of each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alphapulse.candle_certificate import CandleCertificate, read_candle_pairs
from alphapulse.candles import BarSize, Candle
from alphapulse.day import MarketDay
from alphapulse.lake.checks import sum_of
from alphapulse.lake.place import EXACT, INSTANT, File, LakeError, files, path_of

CANDLE_SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("opened_at", INSTANT),
        ("open", EXACT),
        ("high", EXACT),
        ("low", EXACT),
        ("close", EXACT),
        ("volume", EXACT),
        ("buy_volume", EXACT),
        ("quote_volume", EXACT),
        ("trades", pa.int64()),
        ("first_id", pa.int64()),
        ("last_id", pa.int64()),
    ]
)


def path_of_candles(candles: Path, size: BarSize, day: MarketDay) -> Path:
    """`candles/1m/coinbase/BTC-USD/2026-11-21.parquet`; raises LakeError as `path_of` does."""
    return path_of(candles / size, day)


def candle_files(candles: Path, size: BarSize) -> list[File]:
    """Every file of this size in order of its path."""
    return files(candles / size)


def read_candle_certificate(path: Path) -> CandleCertificate:
    """The file's own words, from its footer alone; raises LakeError, or FileNotFoundError."""
    try:
        return read_candle_pairs(pq.read_metadata(path).metadata or {})
    except (pa.ArrowInvalid, msgspec.ValidationError, UnicodeDecodeError) as failure:
        raise LakeError(
            f"{path} is no file of candles ({failure}): move it away and make it again"
        ) from failure


def find_candle_certificate(
    candles: Path, size: BarSize, day: MarketDay
) -> CandleCertificate | None:
    """The certificate of the day's candles; None where there is no file. Raises LakeError."""
    try:
        return read_candle_certificate(path_of_candles(candles, size, day))
    except FileNotFoundError:
        return None


def read_candles(path: Path) -> pa.Table:
    """One file, its columns as in CANDLE_SCHEMA; raises LakeError."""
    try:
        return pq.read_table(path, partitioning=None, schema=CANDLE_SCHEMA)
    except (pa.ArrowInvalid, OSError) as failure:
        raise LakeError(f"{path} cannot be read: {failure}") from failure


def bars_of(path: Path) -> Iterator[Candle]:
    """The same as values; raises LakeError."""
    table = read_candles(path).drop_columns(["exchange", "symbol"])
    numbered = table.set_column(0, "opened_at", table["opened_at"].cast(pa.int64()))
    return (Candle(**row) for row in numbered.to_pylist())


def verify_candles(path: Path, certificate: CandleCertificate) -> None:
    """Read the whole file back and compare; raises LakeError at the first thing that differs."""
    if read_candle_certificate(path) != certificate:
        raise LakeError(f"{path} does not carry the certificate it was given")
    schema = pq.read_schema(path).remove_metadata()
    if not schema.equals(CANDLE_SCHEMA):
        raise LakeError(f"{path} has other columns than candles: {schema}")
    table = read_candles(path)
    for check in CANDLE_CHECKS:
        check(path, table, certificate)


def check_counts(path: Path, table: pa.Table, certificate: CandleCertificate) -> None:
    """Every trade is in one bar, and no trade but those."""
    expected = (
        certificate.bars, certificate.trades, certificate.first_id, certificate.last_id,
    )  # fmt: skip
    first, last = pc.min(table["first_id"]).as_py(), pc.max(table["last_id"]).as_py()
    found = (table.num_rows, pc.sum(table["trades"]).as_py(), first, last)
    if found != expected:
        raise LakeError(f"{path} holds (bars, trades, first id, last id) {found}, not {expected}")


def check_candle_sums(path: Path, table: pa.Table, certificate: CandleCertificate) -> None:
    found = (sum_of(table["volume"]), sum_of(table["quote_volume"]))
    expected = (certificate.volume_sum, certificate.quote_volume_sum)
    if found != expected:
        raise LakeError(f"{path}: (volume, quote volume) sum up to {found}, not {expected}")


def check_openings(path: Path, table: pa.Table, certificate: CandleCertificate) -> None:
    """In order, inside the day, and each where a bar of this size begins."""
    day, openings = certificate.day, table["opened_at"]
    if not day.starts_at <= openings[0].as_py() <= openings[-1].as_py() < day.ends_at:
        raise LakeError(f"{path} holds bars outside its day")
    if pc.any(pc.greater_equal(openings[:-1], openings[1:])).as_py():
        raise LakeError(f"{path} is not in order of time, or has a bar twice")
    at = openings.cast(pa.int64()).to_pylist()
    if any(certificate.size.opening_of(opened_at) != opened_at for opened_at in at):
        raise LakeError(f"{path} holds a bar that does not begin where {certificate.size} bars do")


def check_shape(path: Path, table: pa.Table, certificate: CandleCertificate) -> None:
    """No bar contradicts itself."""
    holds = [
        pc.less_equal(table[lower], table[upper])
        for lower, upper in (
            ("low", "open"), ("low", "close"), ("open", "high"), ("close", "high"),
            ("buy_volume", "volume"), ("first_id", "last_id"),
        )
    ]  # fmt: skip
    if not all(pc.all(column).as_py() for column in holds):
        raise LakeError(
            f"{path} holds a bar whose low, high, volumes or ids contradict one another"
        )


CANDLE_CHECKS: list[Callable[[Path, pa.Table, CandleCertificate], None]] = [
    check_counts,
    check_candle_sums,
    check_openings,
    check_shape,
]
