"""market_data.duckdb: views and macros over the Parquet files, and a table that lists them.

It holds no trades, is written aside and renamed into place: whoever has it open keeps the old one,
whoever opens it next gets the new one, and nobody waits for anybody.
"""

from datetime import date
from glob import escape
from pathlib import Path
from uuid import uuid4

import duckdb
from duckdb import DuckDBPyConnection
from msgspec import Struct

from alphapulse import lake
from alphapulse.lake import File

FILES = """
CREATE TABLE files AS FROM catalogue ORDER BY exchange, symbol, date;
COMMENT ON TABLE files IS 'One row per Parquet file, and what it certifies.';
CREATE VIEW days AS
    SELECT date, count(*) AS markets, sum(rows)::BIGINT AS rows, sum(bytes)::BIGINT AS bytes,
           bool_and(day_closed) AS day_closed
    FROM files GROUP BY date ORDER BY date;"""

# Exchange, symbol and date are read from the file's name, so that DuckDB leaves out whole files
# before it opens any. A moved lake is found by SET VARIABLE parquet = '/new/place/parquet'.
TRADES = """
CREATE VIEW trades AS
    SELECT string_split(filename, '/')[-3] AS exchange,
           url_decode(replace(string_split(filename, '/')[-2], '_', '/')) AS symbol,
           string_split(filename, '/')[-1][:10]::DATE AS date,
           * EXCLUDE (exchange, symbol, filename)
    FROM read_parquet(
        coalesce(getvariable('parquet'), 'PARQUET') || '/*/*/*.parquet', filename = true);"""

NO_TRADES = """
CREATE VIEW trades AS
    SELECT NULL::VARCHAR AS exchange, NULL::VARCHAR AS symbol, NULL::DATE AS date,
           NULL::BIGINT AS trade_id, NULL::TIMESTAMPTZ AS traded_at,
           NULL::DECIMAL(38, 18) AS price, NULL::DECIMAL(38, 18) AS size, NULL::VARCHAR AS side,
           NULL::TIMESTAMPTZ AS received_at, NULL::VARCHAR AS source
    LIMIT 0;"""

# Spells the symbol as alphapulse.trade.spell does, and names no other macro of ours: whoever
# ATTACHes the file could not use it then. With the folder named, only that folder is listed.
TRADES_OF = """
CREATE MACRO trades_of(exchange, symbol, from_day, to_day) AS TABLE
    SELECT string_split(filename, '/')[-3] AS exchange,
           url_decode(replace(string_split(filename, '/')[-2], '_', '/')) AS symbol,
           string_split(filename, '/')[-1][:10]::DATE AS date,
           * EXCLUDE (exchange, symbol, filename)
    FROM read_parquet(
        coalesce(getvariable('parquet'), 'PARQUET') || '/' || exchange || '/'
        || regexp_replace(
            replace(replace(url_encode(symbol), '_', '%5F'), '%2F', '_'), '^[.]', '%2E')
        || '/*.parquet', filename = true)
    WHERE string_split(filename, '/')[-1][:10]::DATE BETWEEN from_day::DATE AND to_day::DATE;"""

LISTED = "SELECT path, bytes, changed_at FROM files ORDER BY path"

SUMMARY = """
SELECT count(*), count(DISTINCT (exchange, symbol)), coalesce(sum(rows), 0)::BIGINT,
       coalesce(sum(bytes), 0)::BIGINT, min(date), max(date)
FROM files"""


class Archived(Struct, frozen=True):
    """What market_data.duckdb shows now."""

    files: int
    markets: int
    rows: int
    bytes: int
    first_day: date | None
    last_day: date | None


def write_archive(path: Path, parquet: Path) -> Archived:
    """Write market_data.duckdb over the lake as it lies; raises LakeError.

    Two writers at once need no lock: each looks again after its rename, and writes again if the
    lake is not the one that it described, so the last rename always describes the last file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        found = lake.files(parquet)
        archived = replace_archive(path, parquet.absolute(), found)
        if lake.files(parquet) == found:
            return archived


def replace_archive(path: Path, parquet: Path, found: list[File]) -> Archived:
    written = path.with_name(f".{path.name}.{uuid4().hex}")
    try:
        with duckdb.connect(str(written)) as duck:
            archived = describe(duck, parquet, found)
        lake.put_in_place(written, path)
    finally:
        written.unlink(missing_ok=True)
    return archived


def describe(duck: DuckDBPyConnection, parquet: Path, found: list[File]) -> Archived:
    place = escape(str(parquet)).replace("'", "''")
    duck.register("catalogue", lake.catalogue(found))
    duck.execute(FILES)
    duck.execute(TRADES.replace("PARQUET", place) if found else NO_TRADES)
    duck.execute(TRADES_OF.replace("PARQUET", place))
    return Archived(*duck.execute(SUMMARY).fetchall()[0])


def is_behind(path: Path, parquet: Path) -> bool:
    """Whether the lake has changed since market_data.duckdb was written, or it never was."""
    if not path.exists():
        return True
    with duckdb.connect(str(path), read_only=True) as duck:
        listed = [File(Path(name), *rest) for name, *rest in duck.execute(LISTED).fetchall()]
    return listed != sorted(lake.files(parquet.absolute()), key=lambda file: str(file.path))
