"""Read a file back and compare it with what it certifies, by pyarrow alone."""

from collections.abc import Callable
from decimal import Decimal, localcontext
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alphapulse.certificate import Certificate
from alphapulse.lake.place import SCHEMA, LakeError, read_certificate

WIDE = pa.decimal256(76, 18)  # sums of EXACT values cannot overflow here
EXACTLY = 200  # digits: no sum of products that a file can hold needs more
LARGEST_SUM = Decimal("1e40")  # of a decimal256 with 36 decimals
LARGEST_FACTOR = Decimal("1e19")  # of a decimal256(37, 18)


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
