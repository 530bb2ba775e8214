"""Market-days' files, several at a time, from batches in which the markets' rows take turns."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alphapulse.lake.place import SCHEMA
from alphapulse.trade import Market

# Ids and times climb: their differences are small. Numbers repeat too seldom for a dictionary.
DIFFERENCES = dict.fromkeys(("trade_id", "traded_at", "received_at"), "DELTA_BINARY_PACKED")
TEXTS = ("exchange", "symbol", "side", "source")
SIDES = pa.array(["buy", "sell"])  # for b and s, and so on: the places of the store's letters
SOURCES = pa.array(["live", "snapshot", "backfill"])
WORD = pa.dictionary(pa.uint8(), pa.string())
COLUMNS = pa.schema([field.with_type(WORD) if field.name in TEXTS else field for field in SCHEMA])
LARGEST_GROUP = 32_768  # rows
ALL_GROUPS = 400_000  # rows of all open files that may wait to become a row group


class DayFile:
    """A file that is being written; it counts for nothing before it has its certificate."""

    def __init__(self, path: Path, market: Market, files: int) -> None:
        """`files`: how many are written at a time; the more, the fewer rows of each may wait."""
        self.path = path
        self.names = [pa.array([name]) for name in (market.exchange, market.symbol)]
        self.group = min(LARGEST_GROUP, max(1, ALL_GROUPS // files))
        self.waiting: list[pa.RecordBatch] = []
        self.rows = 0  # that wait
        self.total = 0
        self.writer: Any = pq.ParquetWriter(
            path,
            COLUMNS,
            store_schema=False,  # the words are texts to whoever reads the file
            use_dictionary=list(TEXTS),
            column_encoding=DIFFERENCES | dict.fromkeys(("price", "size"), "PLAIN"),
            compression="zstd",
            compression_level=1,
            write_page_checksum=True,  # a damaged page is told even where its values are not
        )

    def add(self, batch: pa.RecordBatch) -> None:
        self.waiting.append(batch)
        self.rows += len(batch)
        self.total += len(batch)
        if self.rows >= self.group:
            self.write()

    def write(self) -> None:
        """What waits, as a row group."""
        if self.waiting:
            table = pa.Table.from_batches(map(self.columns, self.waiting), COLUMNS)
            self.writer.write_table(table, row_group_size=self.rows)
        self.waiting, self.rows = [], 0

    def columns(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """The archive's columns: names for the market, words for letters."""
        always = pa.array(np.zeros(len(batch), np.uint8))
        words = {
            "exchange": (always, self.names[0]),
            "symbol": (always, self.names[1]),
            "side": (batch["side"].indices, SIDES),
            "source": (batch["source"].indices, SOURCES),
        }
        found = [
            pa.DictionaryArray.from_arrays(*words[name]) if name in words else batch[name]
            for name in COLUMNS.names
        ]
        return pa.record_batch(found, COLUMNS)

    def close(self, words: Mapping[str, str]) -> None:
        """Write what waits, and the file's certificate."""
        self.write()
        self.writer.add_key_value_metadata(dict(words))
        self.writer.close()

    def abandon(self) -> None:
        """Let go of the file; it stays as incomplete as it is."""
        self.waiting = []
        self.writer.close()


def spread(batch: pa.RecordBatch, files: Sequence[DayFile]) -> None:
    """Give each file its rows of the batch; `place` says whose a row is, from 1."""
    places = batch["place"].to_numpy()
    edges = [0, *(np.flatnonzero(np.diff(places)) + 1).tolist(), len(places)]
    for start, end in pairwise(edges):
        files[int(places[start]) - 1].add(batch.slice(start, end - start))
