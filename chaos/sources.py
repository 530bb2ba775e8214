"""The three places that are compared with the tapes: the database, the Parquet files, client logs.

None of them is read by the code that wrote it.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from alphapulse.store.connect import Store
from alphapulse.trade import Market, spell
from chaos.log import RECORDS, records_of
from chaos.rows import BUY, DIGITS, ROW, SELL, UNFIT, Ids, Rows, make_rows

# A binary COPY of five bigints that are never null: every row has the same 62 bytes.
COPIED = np.dtype(
    [("columns", ">i2")]
    + [part for name in ROW.names or () for part in ((f"{name}_size", ">i4"), (name, ">i8"))]
)
COPY_HEADER = 19  # bytes: signature, flags, length of the extension
COPY_TRAILER = 2
FETCH = f"""
COPY (SELECT trade_id,
             CASE WHEN scale(trim_scale(price)) <= {DIGITS}
                  THEN (price * 1e{DIGITS})::bigint ELSE {UNFIT} END,
             CASE WHEN scale(trim_scale(size)) <= {DIGITS}
                  THEN (size * 1e{DIGITS})::bigint ELSE {UNFIT} END,
             (extract(epoch FROM traded_at) * 1000000)::bigint,
             CASE side WHEN 'buy' THEN {BUY}::bigint WHEN 'sell' THEN {SELL} ELSE {UNFIT} END
      FROM market_trades WHERE exchange = %s AND symbol = %s
) TO STDOUT (FORMAT BINARY)"""

SIDES = {"buy": BUY, "sell": SELL}


def from_database(store: Store, market: Market) -> Rows:
    """Every stored row of a market, in no order."""
    with store.cursor().copy(FETCH, [market.exchange, market.symbol]) as copy:
        data = b"".join(bytes(block) for block in copy)
    found = np.frombuffer(data[COPY_HEADER : len(data) - COPY_TRAILER], COPIED)
    return make_rows(*(found[name] for name in ROW.names or ()))


def stored_markets(store: Store) -> set[Market]:
    rows = store.execute("SELECT exchange, symbol FROM markets").fetchall()
    return {Market(exchange, symbol) for exchange, symbol in rows}


def from_parquet(parquet: Path, market: Market) -> Rows:
    """Every row of every day's file of a market."""
    folder = parquet / market.exchange / spell(market.symbol)
    parts = [read_file(path, market) for path in sorted(folder.glob("[!.]*.parquet"))]
    return np.concatenate(parts) if parts else np.empty(0, ROW)


def read_file(path: Path, market: Market) -> Rows:
    """Rows of another market, or outside the day of the file's name, count as changed."""
    table = pq.read_table(path, partitioning=None)
    sides = table["side"].to_pandas().map(SIDES).fillna(UNFIT)
    times = table["traded_at"].cast(pa.int64()).to_numpy()
    day = int(np.datetime64(path.stem[:10], "us").astype(np.int64))
    is_astray = (times < day) | (times >= day + 86_400_000_000)
    for name, value in (("exchange", market.exchange), ("symbol", market.symbol)):
        is_astray |= (table[name].to_pandas() != value).to_numpy()
    prices = np.where(is_astray, UNFIT, whole_units(table["price"]))
    return make_rows(table["trade_id"].to_numpy(), prices, whole_units(table["size"]), times, sides)


def whole_units(column: pa.ChunkedArray) -> Ids:
    """Decimals as counts of the eighth digit; raises ArrowInvalid where digits would be lost."""
    shorter = column.cast(pa.decimal128(38, DIGITS))
    parts = [low_words(chunk) for chunk in shorter.chunks]
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def low_words(chunk: pa.Array) -> Ids:
    """The lower half of each 128-bit number; a number that needs the upper half is UNFIT."""
    words = np.frombuffer(chunk.buffers()[1], np.int64).reshape(-1, 2)
    mine = words[chunk.offset : chunk.offset + len(chunk)]
    found: Ids = np.where(mine[:, 1] == 0, mine[:, 0], UNFIT)
    return found


def from_log(path: Path, known: list[Market]) -> tuple[Mapping[Market, Rows], int]:
    """What a client was given of each market, and how many trades of no market that is served."""
    records = records_of(path)
    strangers = int(((records["market"] < 0) | (records["market"] >= len(known))).sum())
    return dict(by_market(records, known)), strangers


def by_market(records: Rows, known: list[Market]) -> Iterator[tuple[Market, Rows]]:
    assert records.dtype == RECORDS
    for number, market in enumerate(known):
        mine = records[records["market"] == number]
        yield market, make_rows(*(mine[name] for name in ROW.names or ()))
