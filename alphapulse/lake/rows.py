"""A day's file as rows for PostgreSQL's COPY: the way back into the store."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from alphapulse.lake.place import EXACT

BATCH = 65_536  # rows
OPTIONS = csv.WriteOptions(include_header=False)
DECIMALS = EXACT.scale
DIGITS = pa.decimal128(38, 0)
COLUMNS = ["traded_at", "received_at", "trade_id", "side", "source", "price", "size"]


def csv_of(path: Path, market_id: int) -> Iterator[bytes]:
    """CSV of market_id and COLUMNS, in pieces; raises OSError, or pa.ArrowInvalid where damaged.

    Prices and sizes are exact; zeros that only end them are not in the file and do not come back.
    """
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH, columns=COLUMNS):
            yield lines_of(batch, market_id)


def lines_of(batch: pa.RecordBatch, market_id: int) -> bytes:
    """The store spells side and source by their first letters: b s, l s b."""
    columns = {name: batch[name] for name in COLUMNS}
    columns |= {name: pc.utf8_slice_codeunits(batch[name], 0, 1) for name in ("side", "source")}
    columns |= {name: trimmed(batch[name]) for name in ("price", "size")}
    ids = pa.array([market_id], pa.int32()).take(pa.array([0] * len(batch), pa.int8()))
    table = pa.table({"market_id": ids, **columns})
    written = BytesIO()
    csv.write_csv(table, written, OPTIONS)
    return written.getvalue()


def trimmed(numbers: pa.Array) -> pa.Array:
    """As plain text without trailing zeros.

    From the digits alone: Arrow's own text of a small decimal has an exponent.
    """
    plain = pa.Array.from_buffers(DIGITS, len(numbers), numbers.buffers(), offset=numbers.offset)
    text = plain.cast(pa.string())
    digits = pc.utf8_lpad(pc.utf8_ltrim(text, "-"), DECIMALS + 1, "0")
    whole = pc.utf8_slice_codeunits(digits, 0, -DECIMALS)
    rest = pc.utf8_slice_codeunits(digits, -DECIMALS)
    joined = pc.binary_join_element_wise(whole, rest, ".")
    sign = pc.if_else(pc.starts_with(text, "-"), "-", "")
    return pc.binary_join_element_wise(sign, pc.utf8_rtrim(pc.utf8_rtrim(joined, "0"), "."), "")
