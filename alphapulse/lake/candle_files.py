"""Files of candles: `candles/{size}/{exchange}/{symbol}/{date}.parquet`, and what holds of each.

A day without a file of its own may lie in its month's, see `alphapulse.lake.months`.
"""

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alphapulse import lake
from alphapulse.candle_certificate import CandleCertificate, read_candle_pairs
from alphapulse.candles import BarSize, Candle
from alphapulse.day import MarketDay
from alphapulse.lake.months import Pairs, Place, find_place, month_of, month_pairs
from alphapulse.lake.place import EXACT, INSTANT, File, LakeError, files, footer, path_of

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


def place_of_candles(candles: Path, size: BarSize, day: MarketDay) -> Place | None:
    """Where the day's candles lie: in a file of their own, in their month's, or nowhere."""
    return find_place(path_of_candles(candles, size, day))


def candle_files(candles: Path, size: BarSize) -> list[File]:
    """Every file of this size in order of its path."""
    return files(candles / size)


def read_candle_certificate(path: Path) -> CandleCertificate:
    """The file's own words, from its footer alone; raises LakeError, or FileNotFoundError."""
    try:
        return read_candle_pairs(footer(path))
    except (pa.ArrowInvalid, msgspec.ValidationError, UnicodeDecodeError) as failure:
        raise no_candles(path, failure) from failure


def no_candles(path: Path, failure: Exception) -> LakeError:
    return LakeError(f"{path} is no file of candles ({failure}): move it away and make it again")


def find_candle_certificate(
    candles: Path,
    size: BarSize,
    day: MarketDay,
    months: Callable[[Path], dict[date, Pairs]] = month_pairs,
) -> CandleCertificate | None:
    """The certificate of the day's candles, wherever they lie; None: nowhere. Raises LakeError.

    `months` reads a month's file, for whoever asks for many of its days.
    """
    path = path_of_candles(candles, size, day)
    try:
        if path.exists():
            return read_candle_certificate(path)
    except FileNotFoundError:
        pass  # compacted since, and swept
    month = month_of(path)
    try:
        pairs = months(month).get(day.date)
        return None if pairs is None else read_candle_pairs(encoded(pairs))
    except FileNotFoundError:
        return None
    except msgspec.ValidationError as failure:
        raise no_candles(month, failure) from failure


def encoded(pairs: Pairs) -> dict[bytes, bytes]:
    return {key.encode(): value.encode() for key, value in pairs.items()}


def read_candles(path: Path, group: int | None = None) -> pa.Table:
    """One file, or one row group of it, its columns as in CANDLE_SCHEMA; raises LakeError."""
    try:
        if group is None:
            return pq.read_table(path, partitioning=None, schema=CANDLE_SCHEMA)
        with pq.ParquetFile(path) as file:
            return file.read_row_group(group, CANDLE_SCHEMA.names).cast(CANDLE_SCHEMA)
    except (ValueError, OSError) as failure:  # pyarrow's are of both kinds
        raise LakeError(f"{path} cannot be read: {failure}") from failure


def bars_of(path: Path, group: int | None = None) -> Iterator[Candle]:
    """The same as values; raises LakeError."""
    table = read_candles(path, group).drop_columns(["exchange", "symbol"])
    numbered = table.set_column(0, "opened_at", table["opened_at"].cast(pa.int64()))
    return (Candle(**row) for row in numbered.to_pylist())


def verify_candles(path: Path, certificate: CandleCertificate) -> None:
    """Read the whole file back and compare; raises LakeError at the first thing that differs."""
    if read_candle_certificate(path) != certificate:
        raise LakeError(f"{path} does not carry the certificate it was given")
    check_candle_columns(path)
    table = read_candles(path)
    for check in CANDLE_CHECKS.values():
        check(path, table, certificate)


def check_candle_columns(path: Path) -> None:
    schema = pq.read_schema(path).remove_metadata()
    if not schema.equals(CANDLE_SCHEMA):
        raise LakeError(f"{path} has other columns than candles: {schema}")


def check_counts(path: Path, table: pa.Table, certificate: CandleCertificate) -> None:
    """Every trade is in one bar, and no trade but those; every bar is whole, and the market's."""
    if any(column.null_count for column in table.columns):
        raise LakeError(f"{path} holds a bar that lacks a value")
    expected = (
        certificate.bars, certificate.trades, certificate.first_id, certificate.last_id,
    )  # fmt: skip
    first, last = pc.min(table["first_id"]).as_py(), pc.max(table["last_id"]).as_py()
    found = (table.num_rows, pc.sum(table["trades"]).as_py(), first, last)
    if found != expected:
        raise LakeError(f"{path} holds (bars, trades, first id, last id) {found}, not {expected}")
    for name in ("exchange", "symbol"):
        if pc.unique(table[name]).to_pylist() != [getattr(certificate, name)]:
            raise LakeError(f"{path} holds bars of another {name} than its certificate says")


def check_candle_sums(path: Path, table: pa.Table, certificate: CandleCertificate) -> None:
    found = (lake.sum_of(table["volume"]), lake.sum_of(table["quote_volume"]))
    expected = (certificate.volume_sum, certificate.quote_volume_sum)
    if found != expected:
        raise LakeError(f"{path}: (volume, quote volume) sum up to {found}, not {expected}")


def check_openings(path: Path, table: pa.Table, certificate: CandleCertificate) -> None:
    """In order, inside the day, and each where a bar of this size begins."""
    day, openings = certificate.day, table["opened_at"].drop_null()
    ends = [openings[place].as_py() for place in (0, -1) if len(openings)]
    if not ends or not day.starts_at <= ends[0] <= ends[1] < day.ends_at:
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


CANDLE_CHECKS: dict[str, Callable[[Path, pa.Table, CandleCertificate], None]] = {
    "bars": check_counts,
    "sums": check_candle_sums,
    "times": check_openings,
    "shape": check_shape,
}
