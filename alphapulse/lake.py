"""Parquet: where a market-day lives, what its file certifies, how it is checked and read.

The only door to pyarrow. Files are written by `archive` (DuckDB) and read back here by another
library before they count: what one wrote and the other reads alike is not a quirk of either.
"""

import os
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from msgspec import Struct

from alphapulse.certificate import Certificate, read_pairs
from alphapulse.day import MarketDay, days_between
from alphapulse.trade import Market, spell

INSTANT = pa.timestamp("us", tz="UTC")
EXACT = pa.decimal128(38, 18)
WIDE = pa.decimal256(76, 18)  # sums of EXACT values cannot overflow here
EXACTLY = 200  # digits: no sum of products that a file can hold needs more
LARGEST_SUM = Decimal("1e40")  # of a decimal256 with 36 decimals
LARGEST_FACTOR = Decimal("1e19")  # of a decimal256(37, 18)

SCHEMA = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("trade_id", pa.int64()),
        ("traded_at", INSTANT),
        ("price", EXACT),
        ("size", EXACT),
        ("side", pa.string()),
        ("received_at", INSTANT),
        ("source", pa.string()),
    ]
)


class LakeError(Exception):
    """A file that must not be trusted; the message names it and what to do."""


class File(Struct, frozen=True):
    """A file of the lake: enough to see that it changed, without opening it."""

    path: Path
    bytes: int
    changed_at: int  # nanoseconds


def path_of(parquet: Path, day: MarketDay) -> Path:
    """`parquet/coinbase/BTC-USD/2026-11-21.parquet`; the symbol is spelled as in `Market.key`."""
    exchange, symbol = day.market.exchange, day.market.symbol
    if spell(exchange) != exchange:
        raise LakeError(
            f"exchange {exchange!r} cannot be a folder: use letters, digits, '.' and '-'"
        )
    return parquet / exchange / spell(symbol) / f"{day.date}.parquet"


def files(parquet: Path) -> list[File]:
    """Every market-day's file in order of its path."""
    stats = ((path, path.stat()) for path in sorted(parquet.glob("*/*/[!.]*.parquet")))
    return [File(path, stat.st_size, stat.st_mtime_ns) for path, stat in stats]


def read_certificate(path: Path) -> Certificate:
    """The file's own words, from its footer alone; raises LakeError, or FileNotFoundError."""
    try:
        return read_pairs(pq.read_metadata(path).metadata or {})
    except (pa.ArrowInvalid, msgspec.ValidationError, UnicodeDecodeError) as failure:
        raise LakeError(f"{path} is no file of this archive ({failure}): move it away") from failure


def find_certificate(parquet: Path, day: MarketDay) -> Certificate | None:
    """The certificate of the day's file; None where there is no file."""
    try:
        return read_certificate(path_of(parquet, day))
    except FileNotFoundError:
        return None


def verify(path: Path, certificate: Certificate) -> None:
    """Read the whole file back and compare; raises LakeError at the first thing that differs.

    Column by column, so that a day of millions of trades needs the memory of one column.
    """
    if read_certificate(path) != certificate:
        raise LakeError(f"{path} does not carry the certificate it was given")
    for check in CHECKS.values():
        check(path, certificate)


def check_columns(path: Path, certificate: Certificate) -> None:
    schema = pq.read_schema(path).remove_metadata()
    if not schema.equals(SCHEMA):
        raise LakeError(f"{path} has other columns than the archive: {schema}")


def check_ids(path: Path, certificate: Certificate) -> None:
    ids = column(path, "trade_id")
    span = pc.min_max(ids).as_py()
    found = (len(ids), span["min"], span["max"])
    if found != (certificate.rows, certificate.first_id, certificate.last_id):
        raise LakeError(
            f"{path} holds (rows, first id, last id) {found}, the store said {certificate}"
        )
    repeats = len(ids) - pc.count_distinct(ids).as_py()
    if repeats:
        raise LakeError(
            f"{certificate.day.key}: {repeats} trade ids are stored more than once, under "
            "different times: find them in `trades` and delete the wrong ones"
        )


def check_times(path: Path, certificate: Certificate) -> None:
    day = certificate.day
    times = column(path, "traded_at")
    span = pc.min_max(times).as_py()
    if not day.starts_at <= span["min"] <= span["max"] < day.ends_at:
        raise LakeError(f"{path} holds trades outside its day: {span}")
    if pc.any(pc.less(times[1:], times[:-1])).as_py():
        raise LakeError(f"{path} is not in order of time")


def column(path: Path, name: str) -> pa.ChunkedArray:
    return pq.read_table(path, columns=[name], partitioning=None)[name]


def sum_of(numbers: pa.ChunkedArray) -> str:
    """The exact sum, as PostgreSQL's trim_scale() writes it."""
    parts = pa.array([pc.sum(chunk.cast(WIDE)).as_py() for chunk in numbers.chunks], WIDE)
    return plain(pc.sum(parts).as_py())


def check_sums(path: Path, certificate: Certificate) -> None:
    sums = [sum_of(column(path, name)) for name in ("price", "size")]
    if sums != [certificate.price_sum, certificate.size_sum]:
        raise LakeError(f"{path} sums up to {sums}, the store's rows to {certificate}")


def check_notional(path: Path, certificate: Certificate) -> None:
    """Price and size belong together: their products sum up to what the store's did."""
    expected = certificate.notional_sum
    if expected is not None and (found := notional_of(path)) != expected:
        raise LakeError(f"{path}: price x size sums up to {found}, the store's rows to {expected}")


CHECKS: dict[str, Callable[[Path, Certificate], None]] = {
    "columns": check_columns,
    "ids": check_ids,
    "times": check_times,
    "sums": check_sums,
    "price x size": check_notional,
}


def notional_of(path: Path) -> str:
    """The exact sum of price x size, as PostgreSQL's trim_scale() writes it."""
    with localcontext(prec=EXACTLY), pq.ParquetFile(path) as file:
        batches = file.iter_batches(columns=["price", "size"])
        total = sum(map(sum_of_products, batches), Decimal(0))
        return plain(total)


def sum_of_products(batch: pa.RecordBatch) -> Decimal:
    """Arrow's product has 76 digits, 36 of them decimals: where the sum may need more, Python's."""
    prices, sizes = batch["price"], batch["size"]
    bound = [max(map(abs, pc.min_max(column).as_py().values())) for column in (prices, sizes)]
    if bound[0] * bound[1] * len(prices) >= LARGEST_SUM or bound[1] >= LARGEST_FACTOR:
        pairs = zip(prices.to_pylist(), sizes.to_pylist(), strict=True)
        return sum((price * size for price, size in pairs), Decimal(0))
    products = pc.multiply(prices.cast(pa.decimal256(38, 18)), sizes.cast(pa.decimal256(37, 18)))
    found = pc.sum(products).as_py()
    assert isinstance(found, Decimal)
    return found


def plain(number: Decimal) -> str:
    """Without an exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def put_in_place(written: Path, path: Path) -> None:
    """Make `written` durable, then rename it to `path`: readers see the old file or the new."""
    sync(written)
    written.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read(path: Path) -> pa.Table:
    """One file, its columns as in SCHEMA."""
    return pq.read_table(path, partitioning=None, schema=SCHEMA)


def read_days(parquet: Path, market: Market, first: date, last: date) -> pa.Table:
    """A market's archived trades from `first` to `last`, both included."""
    return dataset(parquet, market, first, last).to_table()


def dataset(parquet: Path, market: Market, first: date, last: date) -> Any:
    """The same, lazily: a pyarrow Dataset, which Polars and DuckDB scan too."""
    paths = (path_of(parquet, MarketDay(day, market)) for day in days_between(first, last))
    found = [str(path) for path in paths if path.exists()]
    return ds.dataset(found, schema=SCHEMA, format="parquet")


def catalogue(found: list[File]) -> pa.Table:
    """One row per file: its certificate, where it lies and how large it is; raises LakeError."""
    return pa.Table.from_pylist(list(catalogue_rows(found)), schema=CATALOGUE)


def catalogue_rows(found: list[File]) -> Iterator[dict[str, object]]:
    for file in found:
        certificate = read_certificate(file.path)
        if file.path.parts[-3:] != path_of(Path(), certificate.day).parts:
            raise LakeError(f"{file.path} holds {certificate.day.key}: move it where it belongs")
        yield msgspec.structs.asdict(certificate) | {
            "path": str(file.path.absolute()),
            "bytes": file.bytes,
            "changed_at": file.changed_at,
        }


CATALOGUE = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("date", pa.date32()),
        ("path", pa.string()),
        ("rows", pa.int64()),
        ("first_id", pa.int64()),
        ("last_id", pa.int64()),
        ("bytes", pa.int64()),
        ("changed_at", pa.int64()),
        ("day_closed", pa.bool_()),
        ("simulated", pa.bool_()),
        ("exported_at", INSTANT),
        ("schema_version", pa.int32()),
        ("certificate_version", pa.int32()),
        ("verdict", pa.string()),
        ("expected", pa.int64()),
        ("absent", pa.int64()),
        ("missing", pa.int64()),
        ("unexplained", pa.int64()),
        ("observed", pa.float64()),
        ("checksum", pa.string()),
    ]
)
