"""What a file's rows give, by pyarrow, in one read and a few megabytes: exact counts and sums."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from msgspec import Struct

from alphapulse.lake.place import LakeError

TEXTS = ["exchange", "symbol", "side", "source"]  # few words: read as numbers of words
COLUMNS = ["trade_id", "traded_at", "price", "size"]
BATCH = 8_192  # rows
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXACTLY = 200  # digits: no sum of products that a file can hold needs more
DECIMALS = 18
USUAL_PRICE = pa.decimal128(19, 8)  # what nearly all are; products of the two fit 38 digits
USUAL_SIZE = pa.decimal128(18, 8)

Words: TypeAlias = npt.NDArray[np.uint64]


class Figures(Struct, frozen=True):
    """`repeats` are rows whose id another row has too; sums are plain decimal text."""

    rows: int
    first_id: int | None
    last_id: int | None
    repeats: int
    first_at: datetime | None
    last_at: datetime | None
    in_order: bool
    price_sum: str
    size_sum: str
    notional_sum: str


def figures_of(path: Path) -> Figures:
    """Read the file once; raises LakeError, OSError, or ValueError where pages cannot be read."""
    ids, times = Run(), Run()
    price = size = 0
    notional = Decimal(0)
    with localcontext(prec=EXACTLY):
        for batch in batches(path):
            ids.take(batch["trade_id"])
            times.take(batch["traded_at"].cast(pa.int64()))
            price += whole_sum(batch["price"])
            size += whole_sum(batch["size"])
            notional += sum_of_products(batch["price"], batch["size"])
        return Figures(
            rows=ids.count,
            first_id=ids.least,
            last_id=ids.most,
            repeats=0 if ids.rises else repeats_in(path),
            first_at=instant(times.least),
            last_at=instant(times.most),
            in_order=times.holds,
            price_sum=plain(scaled(price, DECIMALS)),
            size_sum=plain(scaled(size, DECIMALS)),
            notional_sum=plain(notional),
        )


def batches(path: Path, columns: list[str] = COLUMNS) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(path, read_dictionary=TEXTS, page_checksum_verification=True) as file:
        for batch in file.iter_batches(BATCH, columns=columns, use_threads=False):
            if any(column.null_count for column in batch.columns):
                raise LakeError(f"{path} has rows without a value in one of {columns}")
            yield batch


class Run:
    """Whole numbers in the order in which they come: how many, their range, whether they climb."""

    def __init__(self) -> None:
        self.count = 0
        self.least: int | None = None
        self.most: int | None = None
        self.last: int | None = None
        self.holds = True  # none is below the one before it
        self.rises = True  # each is above the one before it

    def take(self, column: pa.Array) -> None:
        values = column.to_numpy(zero_copy_only=False)
        if not len(values):
            return
        least, most = int(values.min()), int(values.max())
        before, after = values[:-1], values[1:]
        first, last = int(values[0]), int(values[-1])
        self.holds &= bool((before <= after).all()) and (self.last is None or self.last <= first)
        self.rises &= bool((before < after).all()) and (self.last is None or self.last < first)
        self.least = least if self.least is None else min(self.least, least)
        self.most = most if self.most is None else max(self.most, most)
        self.last = last
        self.count += len(values)


def repeats_in(path: Path) -> int:
    """By sorting all ids, eight bytes each: needed only where they do not climb as they lie."""
    parts = [batch["trade_id"].to_numpy() for batch in batches(path, ["trade_id"])]
    ids = np.concatenate(parts)
    ids.sort()
    return int(np.count_nonzero(ids[1:] == ids[:-1]))


def instant(micros: int | None) -> datetime | None:
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


def sum_of(numbers: pa.ChunkedArray) -> str:
    """The exact sum of decimals, as PostgreSQL's trim_scale() writes it."""
    total = sum(whole_sum(chunk) for chunk in numbers.chunks)
    with localcontext(prec=EXACTLY):
        return plain(scaled(total, numbers.type.scale))


def whole_sum(numbers: pa.Array) -> int:
    """The sum of a decimal128 column in units of its last decimal, of 32 bits at a time."""
    low, high = words_of(numbers)
    parts = (low & 0xFFFFFFFF, low >> 32, high & 0xFFFFFFFF, high.view(np.int64) >> 32)
    return sum(int(part.sum()) << 32 * place for place, part in enumerate(parts))


def words_of(numbers: pa.Array) -> tuple[Words, Words]:
    """The lower and upper 64 bits of each."""
    words = np.frombuffer(numbers.buffers()[1], np.uint64)
    here = words[2 * numbers.offset : 2 * (numbers.offset + len(numbers))]
    return here[::2], here[1::2]


def sum_of_products(prices: pa.Array, sizes: pa.Array) -> Decimal:
    """Exact; the caller's decimal context must hold it."""
    try:
        products = pc.multiply(prices.cast(USUAL_PRICE), sizes.cast(USUAL_SIZE))
    except pa.ArrowInvalid:  # more decimals, or larger
        return sum_of_large_products(prices, sizes)
    return scaled(whole_sum(products), products.type.scale)


def sum_of_large_products(prices: pa.Array, sizes: pa.Array) -> Decimal:
    pairs = zip(prices.to_pylist(), sizes.to_pylist(), strict=True)
    return sum((price * size for price, size in pairs), Decimal(0))


def notional_of(path: Path) -> str:
    """The exact sum of price x size, as PostgreSQL's trim_scale() writes it."""
    return figures_of(path).notional_sum


def scaled(units: int, decimals: int) -> Decimal:
    return Decimal(units).scaleb(-decimals)


def plain(number: Decimal) -> str:
    """Without an exponent and without trailing zeros."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
