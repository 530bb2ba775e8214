"""A day's file as rows for PostgreSQL's COPY: the way back into the store."""

import json
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from alphapulse.certificate import PREFIX, Certificate, read_pairs
from alphapulse.day import MarketDay
from alphapulse.lake.place import EXACT, INSTANT, LakeError, read_certificate

DAY = f"{PREFIX}day.".encode()  # begins the keys of a month's file
BATCH = 65_536  # rows
OPTIONS = csv.WriteOptions(include_header=False)
DECIMALS = EXACT.scale
DIGITS = pa.decimal128(38, 0)
COLUMNS = ["traded_at", "received_at", "trade_id", "side", "source", "price", "size"]


def certificates(path: Path) -> list[Certificate]:
    """Of the file's day, or of each day of a month's file; raises LakeError or OSError.

    A month's file keeps the metadata of each day's own under `alphapulse.day.{date}`.
    """
    try:
        pairs = pq.read_metadata(path).metadata or {}
        days = [json.loads(value) for key, value in pairs.items() if key.startswith(DAY)]
        return [read_words(day) for day in days] or [read_certificate(path)]
    except (pa.ArrowInvalid, ValueError) as failure:
        raise LakeError(f"{path} is no file of this archive ({failure})") from failure


def read_words(day: dict[str, str]) -> Certificate:
    return read_pairs({key.encode(): value.encode() for key, value in day.items()})


def csv_of(path: Path, market_id: int, day: MarketDay) -> Iterator[bytes]:
    """CSV of market_id and COLUMNS, in pieces; raises OSError, or LakeError where damaged.

    The file may hold other days too: parts without the day's trades are not read. Prices and sizes
    are exact; zeros that only end them are not in the file and do not come back.
    """
    try:
        with pq.ParquetFile(path) as file:
            groups = [place for place in range(file.num_row_groups) if may_hold(file, place, day)]
            for batch in file.iter_batches(BATCH, row_groups=groups, columns=COLUMNS):
                times = batch["traded_at"]
                first = pa.scalar(day.starts_at, INSTANT)
                beyond = pa.scalar(day.ends_at, INSTANT)
                own = pc.and_(pc.greater_equal(times, first), pc.less(times, beyond))
                yield lines_of(batch.filter(own), market_id)
    except pa.ArrowInvalid as failure:
        raise LakeError(f"{path} cannot be read: {failure}") from failure


def may_hold(file: pq.ParquetFile, place: int, day: MarketDay) -> bool:
    """Whether a row group may have trades of the day, by its statistics."""
    column = file.schema_arrow.get_field_index("traded_at")
    found = file.metadata.row_group(place).column(column).statistics
    if found is None or not found.has_min_max:
        return True
    first, last = (pa.scalar(edge, INSTANT).as_py() for edge in (found.min, found.max))
    return bool(first < day.ends_at and last >= day.starts_at)


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
