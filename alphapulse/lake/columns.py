"""Days in files as columns of text, page by page; and columns as files, as the API gives them.

Prices are told without the zeros that only end them: the archive's decimals do not keep those.
"""

from collections.abc import Iterator
from datetime import datetime
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyarrow import csv

from alphapulse.columns import BAR_COLUMNS, TRADE_COLUMNS, Columns
from alphapulse.lake.candle_files import CANDLE_SCHEMA, read_candles
from alphapulse.lake.months import Place
from alphapulse.lake.place import INSTANT, SCHEMA, LakeError
from alphapulse.lake.rows import trimmed
from alphapulse.trade import Market

FORMATS = {
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
FORMAT = "%Y-%m-%dT%H:%M:%SZ"  # Arrow's %S has the microseconds
READ = list(TRADE_COLUMNS.values())
DECIMALS = {field.name for field in [*SCHEMA, *CANDLE_SCHEMA] if pa.types.is_decimal(field.type)}


def trades_in_day(
    place: Place, after: tuple[datetime, int], before: tuple[datetime, int], limit: int,
    *, is_descending: bool = False,
) -> Columns:  # fmt: skip
    """The first (or, descending, last) `limit` trades of a day strictly between two places.

    Opens only the row groups that may hold them. Raises LakeError.
    """
    found: list[pa.Table] = []
    left = limit
    for table in groups_between(place, after, before, is_descending):
        part = table.sort_by([(name, "ascending") for name in ("traded_at", "trade_id")])
        if is_descending:
            part = part.take(pa.array(range(len(part) - 1, -1, -1), pa.int64()))
        found.append(part.slice(0, left))
        left -= len(found[-1])
        if left == 0:
            break
    whole = pa.concat_tables(found) if found else nothing()
    return {name: texts(whole[column]) for name, column in TRADE_COLUMNS.items()}


def nothing() -> pa.Table:
    return pa.schema([SCHEMA.field(name) for name in READ]).empty_table()


def groups_between(
    place: Place, after: tuple[datetime, int], before: tuple[datetime, int], is_descending: bool
) -> Iterator[pa.Table]:
    try:
        with pq.ParquetFile(place.path, page_checksum_verification=True) as file:
            groups = list(range(file.num_row_groups)) if place.group is None else [place.group]
            for group in reversed(groups) if is_descending else groups:
                if reaches(file, group, after[0], before[0]):
                    table = file.read_row_group(group, READ)
                    yield table.filter(between(table, after, before))
    except FileNotFoundError:
        raise
    except (pa.ArrowInvalid, OSError) as failure:
        raise LakeError(f"{place.path.name} cannot be read: {failure}") from failure


def reaches(file: pq.ParquetFile, group: int, first: datetime, last: datetime) -> bool:
    """Whether a row group may hold trades from `first` to `last`, by its statistics."""
    column = file.schema_arrow.get_field_index("traded_at")
    known = file.metadata.row_group(group).column(column).statistics
    if known is None or not known.has_min_max:
        return True
    lowest, highest = (pa.scalar(edge, INSTANT).as_py() for edge in (known.min, known.max))
    return bool(lowest <= last and highest >= first)


def between(table: pa.Table, after: tuple[datetime, int], before: tuple[datetime, int]) -> pa.Array:
    """Which rows lie strictly between two places in the order of (time, id)."""
    times, ids = table["traded_at"], table["trade_id"]
    low, high = (pa.scalar(edge[0], INSTANT) for edge in (after, before))
    later = pc.or_(pc.greater(times, low), pc.and_(pc.equal(times, low), pc.greater(ids, after[1])))
    earlier = pc.or_(pc.less(times, high), pc.and_(pc.equal(times, high), pc.less(ids, before[1])))
    return pc.and_(later, earlier)


def bars_in_day(place: Place, start: datetime, end: datetime) -> Columns:
    """A day's bars that open in [start, end); raises LakeError."""
    table = read_candles(place.path, place.group)
    opened = table["opened_at"]
    inside = pc.and_(
        pc.greater_equal(opened, pa.scalar(start, INSTANT)),
        pc.less(opened, pa.scalar(end, INSTANT)),
    )
    table = table.filter(inside)
    return {
        name: table[name].to_pylist() if name == "trades" else texts(table[name])
        for name in BAR_COLUMNS
    }


def texts(column: pa.ChunkedArray) -> list[str]:
    """As the API tells them: times with six digits, numbers plain."""
    if pa.types.is_timestamp(column.type):
        found: list[str] = pc.strftime(column, FORMAT).to_pylist()
        return found
    if pa.types.is_decimal(column.type):
        return [text for chunk in column.chunks for text in trimmed(chunk).to_pylist()]
    plain: list[str] = column.cast(pa.string()).to_pylist()
    return plain


# -- columns as files


def trades_table(market: Market, columns: Columns) -> pa.Table:
    """With the archive's columns and types; raises LakeError where 18 decimals do not hold one."""
    named = {column: columns[name] for name, column in TRADE_COLUMNS.items()}
    return typed(market, named, SCHEMA)


def candles_table(market: Market, columns: Columns) -> pa.Table:
    return typed(market, columns, CANDLE_SCHEMA)


def typed(market: Market, columns: Columns, schema: pa.Schema) -> pa.Table:
    count = len(next(iter(columns.values())))
    whole = columns | {"exchange": [market.exchange] * count, "symbol": [market.symbol] * count}
    try:
        arrays = [
            pa.array(whole[field.name], None if field.name == "trades" else pa.string()).cast(
                field.type
            )
            for field in schema
        ]
    except pa.ArrowInvalid as failure:
        raise LakeError(f"{market.key}: {failure}") from failure
    return pa.Table.from_arrays(arrays, schema=schema)


def encoded(table: pa.Table, format: str) -> bytes:
    """The table as a file of one of FORMATS; in CSV numbers are spelled as in JSON."""
    sink = BytesIO()
    if format == "parquet":
        pq.write_table(table, sink, compression="zstd")
    elif format == "arrow":
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
    else:
        raise ValueError(f"{format!r} is none of {', '.join(FORMATS)}")
    return sink.getvalue()


def csv_of_columns(market: Market, columns: Columns, names: dict[str, str]) -> bytes:
    """Text as it is: exact, and quoted only where a symbol needs it."""
    count = len(next(iter(columns.values())))
    owner = {"exchange": [market.exchange] * count, "symbol": [market.symbol] * count}
    plain = {name: columns[key] for key, name in names.items()}
    table = pa.table({**owner, **plain}, schema=csv_schema(names))
    sink = BytesIO()
    csv.write_csv(table, sink, csv.WriteOptions(quoting_style="needed"))
    return sink.getvalue()


def csv_schema(names: dict[str, str]) -> pa.Schema:
    whole = ("exchange", "symbol", *names.values())
    return pa.schema([(name, pa.int64() if name == "trades" else pa.string()) for name in whole])


def file_columns() -> list[list[tuple[str, str]]]:
    """Names and types of a day's file of trades, and of candles."""
    return [
        [(field.name, str(field.type)) for field in schema] for schema in (SCHEMA, CANDLE_SCHEMA)
    ]
