"""The list of all market-days: where each lies, and what its file says of itself.

While a month's file and the days' own files lie side by side, each day is listed once: in the
month's file, unless its own says something else, because it was exported again since.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from msgspec import Struct

from alphapulse.certificate import Certificate, read_pairs
from alphapulse.lake.months import (
    Pairs,
    Place,
    day_pairs,
    group_bytes,
    is_month,
    month_of,
    month_pairs,
)
from alphapulse.lake.place import INSTANT, File, LakeError, files, path_of
from alphapulse.trade import unspell

Row = dict[str, Any]


class Listed(Struct, frozen=True):
    """A day, the file that it is read from, and its share of it in bytes."""

    place: Place
    file: File
    bytes: int
    pairs: Pairs | None = None  # None: not read yet


def listed(found: Iterable[File]) -> Iterator[Listed]:
    """Each day once, where it is to be read from."""
    every = list(found)
    months = {file.path: month_pairs(file.path) for file in every if is_month(file.path)}
    anew = set()
    for file in every:
        if not is_month(file.path):
            day = day_of(file.path)
            copied = months.get(month_of(file.path), {}).get(day)
            if copied is None or day_pairs(file.path) != copied:
                anew.add(file.path)
                yield Listed(Place(file.path, day), file, file.bytes)
    for file in every:
        sizes = group_bytes(file.path) if file.path in months else []
        for group, (day, pairs) in enumerate(months.get(file.path, {}).items()):
            if file.path.with_name(f"{day}.parquet") not in anew:
                yield Listed(Place(file.path, day, group), file, sizes[group], pairs)


def superseded(found: Iterable[File]) -> Iterator[Place]:
    """The days' own files that their month's file holds as well."""
    every = list(found)
    used = {day.place.path for day in listed(every)}
    for file in every:
        if not is_month(file.path) and file.path not in used:
            yield Place(file.path, day_of(file.path))


def day_of(path: Path) -> date:
    try:
        return date.fromisoformat(path.stem)
    except ValueError as failure:
        raise LakeError(f"{path} is named after no day: move it away") from failure


def catalogue(found: list[File], known: Mapping[File, Row] | None = None) -> pa.Table:
    """One row per market-day of trades: its certificate, where it lies, how large it is.

    `known`: rows of files that need not be opened again. Raises LakeError.
    """
    return table_of(found, known or {}, certified_row, CATALOGUE)


def candle_catalogue(found: list[File], known: Mapping[File, Row] | None = None) -> pa.Table:
    """One row per market-day of bars: whose, and whether the day was over; raises LakeError."""
    return table_of(found, known or {}, candle_row, CANDLE_CATALOGUE)


def table_of(found: list[File], known: Mapping[File, Row], row: Any, schema: pa.Schema) -> pa.Table:
    rows = [known.get(day.file) or row(day) | lying(day) for day in listed(found)]
    return pa.Table.from_pylist(rows, schema=schema)


def lying(day: Listed) -> Row:
    return {
        "path": str(day.file.path.absolute()),
        "row_group": day.place.group,
        "bytes": day.bytes,
        "changed_at": day.file.changed_at,
    }


def certified_row(day: Listed) -> Row:
    certificate = certificate_of(day.place.path, day.pairs or day.place.pairs)
    path = day.place.path
    if (*path.parts[-3:-1], f"{day.place.date}.parquet") != path_of(Path(), certificate.day).parts:
        raise LakeError(f"{path} holds {certificate.day.key}: move it where it belongs")
    return msgspec.structs.asdict(certificate)


def candle_row(day: Listed) -> Row:
    size, exchange, symbol, _ = day.place.path.parts[-4:]
    pairs = day.pairs or day.place.pairs
    return {
        "size": size,
        "exchange": exchange,
        "symbol": unspell(symbol),
        "date": day.place.date,
        "day_closed": pairs.get("alphapulse.day_closed") == "true",
    }


def certificate_of(path: Path, pairs: Pairs) -> Certificate:
    """The certificate among a day's metadata; raises LakeError."""
    try:
        return read_pairs({key.encode(): value.encode() for key, value in pairs.items()})
    except msgspec.ValidationError as failure:
        raise LakeError(f"{path} is no file of this archive ({failure}): move it away") from failure


def bar_files(candles: Path) -> list[File]:
    """Every file of bars, of all sizes, in order of their paths."""
    return [file for size in sorted(candles.glob("[!.]*/")) for file in files(size)]


def seen(found: list[File]) -> pa.Table:
    """The files themselves."""
    return pa.Table.from_pylist(
        [{**msgspec.structs.asdict(file), "path": str(file.path)} for file in found], schema=SEEN
    )


SEEN = pa.schema([("path", pa.string()), ("bytes", pa.int64()), ("changed_at", pa.int64())])
LYING = [
    ("path", pa.string()),
    ("row_group", pa.int32()),
    ("bytes", pa.int64()),
    ("changed_at", pa.int64()),
]
CATALOGUE = pa.schema(
    [
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("date", pa.date32()),
        *LYING[:1],
        ("rows", pa.int64()),
        ("first_id", pa.int64()),
        ("last_id", pa.int64()),
        *LYING[1:],
        ("day_closed", pa.bool_()),
        ("simulated", pa.bool_()),
        ("exported_at", INSTANT),
        ("schema_version", pa.int32()),
        ("certificate_version", pa.int32()),
        ("verdict", pa.string()),
        ("reason", pa.string()),
        ("expected", pa.int64()),
        ("repaired", pa.int64()),
        ("absent", pa.int64()),
        ("missing", pa.int64()),
        ("unexplained", pa.int64()),
        ("observed", pa.float64()),
        ("checksum", pa.string()),
    ]
)
CANDLE_CATALOGUE = pa.schema(
    [
        ("size", pa.string()),
        ("exchange", pa.string()),
        ("symbol", pa.string()),
        ("date", pa.date32()),
        *LYING,
        ("day_closed", pa.bool_()),
    ]
)
