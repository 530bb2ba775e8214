"""The trades of a file as values: for what recomputes small days in Python."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from alphapulse.lake.place import INSTANT, LakeError
from alphapulse.trade import Side, Source, Trade

ROWS = 65_536
NAMES = [
    "exchange", "symbol", "trade_id", "price", "size", "side", "traded_at", "received_at", "source",
]  # fmt: skip


def trades_of(path: Path) -> Iterator[Trade]:
    """In the file's order, batch by batch; raises LakeError where the file cannot be read."""
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(ROWS):
                yield from trades_in(batch)
    except (pa.ArrowInvalid, OSError) as failure:
        raise LakeError(f"{path} cannot be read: {failure}") from failure


def trades_in(batch: pa.RecordBatch) -> Iterator[Trade]:
    plain = batch.select(NAMES)
    columns = [
        (column.cast(pa.int64()) if column.type == INSTANT else column).to_pylist()
        for column in plain.columns
    ]
    for row in zip(*columns, strict=True):
        exchange, symbol, id, price, size, side, traded_at, received_at, source = row
        yield Trade(
            exchange, symbol, id, price, size, Side(side), traded_at, received_at, Source(source)
        )
