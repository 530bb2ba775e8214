"""market_data.duckdb: views and macros over the Parquet files, and tables of what is known of them.

It holds no trades, is written aside and renamed into place: whoever has it open keeps the old one,
whoever opens it next gets the new one, and nobody waits for anybody.
"""

from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
from msgspec import Struct

from alphapulse import lake
from alphapulse.archive.copying import OFFLINE
from alphapulse.archive.live import attach_store
from alphapulse.archive.tables import describe
from alphapulse.lake import File

SUMMARY = """
SELECT count(*), count(DISTINCT (exchange, symbol)), coalesce(sum(rows), 0)::BIGINT,
       coalesce(sum(bytes), 0)::BIGINT, min(date), max(date)
FROM files"""

SEEN = "SELECT path, bytes, changed_at FROM seen"

# What was told by the same file, to be told again without opening it.
KNOWN = """
SELECT seen.bytes AS file_bytes, listed.* FROM {table} AS listed JOIN seen USING (path)
WHERE row_group IS NULL"""


class Archived(Struct, frozen=True):
    """What market_data.duckdb shows now."""

    files: int
    markets: int
    rows: int
    bytes: int
    first_day: date | None
    last_day: date | None


class Found(Struct, frozen=True):
    """Where the files lie, and which there are."""

    parquet: Path
    candles: Path
    trades: list[File]
    bars: list[File]


def write_archive(
    path: Path, parquet: Path, *, candles: Path | None = None, store_url: str | None = None
) -> Archived:
    """Write market_data.duckdb over the lake as it lies; raises LakeError or StoreUnavailable.

    `candles`: where they lie, None: beside `parquet`. With the store's address, the tables
    coverage, gaps and markets say what the store knows now; without, what the files say.

    Two writers at once need no lock: each looks again after its rename, and writes again if the
    lake is not the one that it described, so the last rename always describes the last file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        found = look(parquet, candles)
        archived = replace_archive(path, found, store_url)
        if look(parquet, candles) == found:
            return archived


def look(parquet: Path, candles: Path | None) -> Found:
    parquet = parquet.absolute()
    beside = (candles or parquet.with_name("candles")).absolute()
    return Found(parquet, beside, lake.files(parquet), lake.bar_files(beside))


def replace_archive(path: Path, found: Found, store_url: str | None) -> Archived:
    written = path.with_name(f".{path.name}.{uuid4().hex}")
    known = {table: known_rows(path, table) for table in ("files", "candle_files")}
    try:
        with duckdb.connect(str(written), config=OFFLINE) as duck:
            duck.execute("SET TimeZone = 'UTC'")
            if store_url:
                attach_store(duck, store_url)
            duck.register("catalogue", lake.catalogue(found.trades, known["files"]))
            duck.register(
                "candle_catalogue", lake.candle_catalogue(found.bars, known["candle_files"])
            )
            duck.register("found", lake.seen(found.trades + found.bars))
            describe(duck, found.parquet, found.candles, with_store=store_url is not None)
            archived = Archived(*duck.execute(SUMMARY).fetchall()[0])
        lake.put_in_place(written, path)
    finally:
        written.unlink(missing_ok=True)
    return archived


def known_rows(path: Path, table: str) -> dict[File, dict[str, Any]]:
    """The rows of the archive that is replaced, by the files that they were read from."""
    if not path.exists():
        return {}
    try:
        with duckdb.connect(str(path), read_only=True) as duck:
            rows = duck.execute(KNOWN.format(table=table)).to_arrow_table().to_pylist()
    except duckdb.Error:  # written by an older version, or damaged: all is read anew
        return {}
    return {File(Path(row["path"]), row.pop("file_bytes"), row["changed_at"]): row for row in rows}


def is_behind(path: Path, parquet: Path, *, candles: Path | None = None) -> bool:
    """Whether the lake has changed since market_data.duckdb was written, or it never was."""
    if not path.exists():
        return True
    found = look(parquet, candles)
    with duckdb.connect(str(path), read_only=True) as duck:
        try:
            seen = {File(Path(name), *rest) for name, *rest in duck.execute(SEEN).fetchall()}
        except duckdb.CatalogException:  # written by an older version
            return True
    return seen != {*found.trades, *found.bars}
