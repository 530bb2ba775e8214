"""Trades of a file with what each was worth, exactly, batch by batch.

DuckDB multiplies decimals of 38 digits only into 38 digits; Arrow has 76. So the products are made
here, and DuckDB folds them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from alphapulse.candles import BarTooLarge, quote_of
from alphapulse.lake.place import EXACT, INSTANT, LakeError

ROWS = 65_536  # of one batch: some 10 MB with its products
COLUMNS = ["trade_id", "traded_at", "price", "size", "side"]
PRICE, SIZE = pa.decimal256(38, 18), pa.decimal256(37, 18)
QUOTED = pa.schema(
    [
        ("trade_id", pa.int64()),
        ("traded_at", INSTANT),
        ("price", EXACT),
        ("size", EXACT),
        ("side", pa.string()),
        ("quote", EXACT),
    ]
)


def quoted_trades(path: Path, group: int | None = None) -> Any:
    """A pyarrow RecordBatchReader over QUOTED: the file's trades, and price x size as `quote`.

    `group`: of one row group alone. `quote` is as `alphapulse.candles.quote_of` says. Reading it
    raises LakeError where a product is 1e20 or more, or what Arrow raises of a damaged file; DuckDB
    repeats either in its own error.
    """
    return pa.RecordBatchReader.from_batches(QUOTED, batches(path, group))


def batches(path: Path, group: int | None) -> Iterator[pa.RecordBatch]:
    groups = None if group is None else [group]
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(ROWS, groups, COLUMNS):
            quotes = quotes_of(path, batch["price"], batch["size"])
            columns = [batch[name] for name in COLUMNS]
            yield pa.RecordBatch.from_arrays([*columns, quotes], schema=QUOTED)


def quotes_of(path: Path, prices: pa.Array, sizes: pa.Array) -> pa.Array:
    try:
        products = pc.multiply(prices.cast(PRICE), sizes.cast(SIZE))
        quotes = products.cast(EXACT)
    except pa.ArrowInvalid:
        return quotes_one_by_one(path, prices, sizes)
    # Arrow 26 divides some numbers of this width wrongly (0.5 x 36.893488144158113654; its round
    # too): what comes back multiplied is right.
    if pc.all(pc.equal(quotes.cast(products.type), products)).as_py():
        return quotes
    return quotes_one_by_one(path, prices, sizes)


def quotes_one_by_one(path: Path, prices: pa.Array, sizes: pa.Array) -> pa.Array:
    """By the reference: where a product needs more than 18 decimals, for sizes from 1e19 on, and to
    name the trade that is worth too much.
    """
    pairs = zip(prices.to_pylist(), sizes.to_pylist(), strict=True)
    try:
        return pa.array([quote_of(price, size) for price, size in pairs], EXACT)
    except BarTooLarge as failure:
        raise LakeError(f"{path}: {failure}") from failure
