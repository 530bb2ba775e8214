"""Rows as the texts that a checksum is made of."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from alphapulse.lake.figures import TEXTS, batches
from alphapulse.lake.place import SCHEMA

NEAR_ZERO = pa.decimal128(19, 18)
ZERO, ONE = (pa.scalar(Decimal(number), NEAR_ZERO) for number in (0, 1))
WORD = pa.dictionary(pa.int32(), pa.string())
SPELLED = pa.schema(
    [
        *(field.with_type(WORD) if field.name in TEXTS else field for field in SCHEMA),
        ("price_text", pa.string()),
        ("size_text", pa.string()),
    ]
)


def spelled(path: Path) -> pa.RecordBatchReader:
    """The file's rows, a batch at a time: as they are, and price and size as plain numbers too."""
    return pa.RecordBatchReader.from_batches(SPELLED, spelled_batches(path))


def spelled_batches(path: Path) -> Iterator[pa.RecordBatch]:
    for batch in batches(path, SCHEMA.names):
        texts = (plain_texts(batch[name]) for name in ("price", "size"))
        yield pa.record_batch([*batch.columns, *texts], SPELLED)


def plain_texts(numbers: pa.Array) -> pa.Array:
    """Decimals in plain notation without trailing zeros."""
    texts = numbers.cast(pa.string())  # those below a millionth with an exponent
    tiny = pc.match_substring(texts, "E")
    if pc.any(tiny).as_py():
        texts = pc.replace_with_mask(texts, tiny, tiny_texts(numbers.filter(tiny)))
    return pc.ascii_rtrim(pc.ascii_rtrim(texts, "0"), ".")


def tiny_texts(numbers: pa.Array) -> pa.Array:
    """One further from zero they are written plainly; the one is taken out of the text again."""
    near = numbers.cast(NEAR_ZERO)
    further = pc.if_else(pc.less(near, ZERO), pc.subtract(near, ONE), pc.add(near, ONE))
    return pc.replace_substring_regex(further.cast(pa.string()), "^(-?)1", r"\10")
