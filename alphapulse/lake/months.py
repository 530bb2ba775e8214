"""Month files: the days of one market's month in one file, each as it was in its own.

`parquet/{exchange}/{symbol}/{YYYY-MM}.parquet` has one row group per day, a last column `date`, and
in its metadata, under `alphapulse.day.{date}`, the metadata of each day's own file. So whatever is
known, checked and read by day goes on by day. Candles lie in month files likewise.
"""

import json
import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import Struct

from alphapulse.certificate import PREFIX
from alphapulse.lake.place import LakeError, footer

DAY = f"{PREFIX}day."
DATE = pa.field("date", pa.date32())
MONTH = re.compile(r"\d{4}-\d{2}")
LENGTH_OF_MONTH = len("2026-11")

Pairs = dict[str, str]


class Place(Struct, frozen=True):
    """Where a day lies: in a file of its own, or in a row group of its month's file."""

    path: Path
    date: date
    group: int | None = None

    @property
    def pairs(self) -> Pairs:
        """What the day's file says of itself; raises LakeError, or FileNotFoundError."""
        return day_pairs(self.path) if self.group is None else month_pairs(self.path)[self.date]

    def read(self) -> pa.Table:
        """The day's rows with the columns of its own file."""
        if self.group is None:
            return pq.read_table(self.path, partitioning=None).replace_schema_metadata()
        with pq.ParquetFile(self.path, page_checksum_verification=True) as file:
            table = file.read_row_group(self.group)
        return table.drop_columns([DATE.name]).replace_schema_metadata()


def is_month(path: Path) -> bool:
    return MONTH.fullmatch(path.stem) is not None


def month_of(path: Path) -> Path:
    """The month's file beside a day's file."""
    return path.with_name(f"{path.stem[:LENGTH_OF_MONTH]}.parquet")


def day_pairs(path: Path) -> Pairs:
    return {
        key.decode(): value.decode()
        for key, value in metadata_of(path).items()
        if key.startswith(PREFIX.encode())
    }


def month_pairs(path: Path) -> dict[date, Pairs]:
    """What each day's own file said of itself, in the order of the row groups.

    Raises LakeError, or FileNotFoundError.
    """
    try:
        found = {
            key.decode().removeprefix(DAY): json.loads(value)
            for key, value in metadata_of(path).items()
            if key.startswith(DAY.encode())
        }
        return {date.fromisoformat(day): found[day] for day in sorted(found)}
    except ValueError as failure:
        raise LakeError(f"{path} is no month's file ({failure}): move it away") from failure


def metadata_of(path: Path) -> dict[bytes, bytes]:
    try:
        return footer(path)
    except pa.ArrowInvalid as failure:
        raise LakeError(f"{path} is no Parquet file ({failure}): move it away") from failure


def places_in(path: Path) -> list[Place]:
    """The days of a month's file."""
    return [Place(path, day, group) for group, day in enumerate(month_pairs(path))]


def find_place(path: Path) -> Place | None:
    """Where the day of this path lies: there, or in its month's file, or nowhere."""
    day = date.fromisoformat(path.stem)
    if path.exists():
        return Place(path, day)
    month = month_of(path)
    if not month.exists():
        return None
    return next((place for place in places_in(month) if place.date == day), None)


def group_bytes(path: Path) -> list[int]:
    """The size of each row group, in bytes as compressed."""
    words = pq.read_metadata(path)
    groups = (words.row_group(place) for place in range(words.num_row_groups))
    return [
        sum(group.column(column).total_compressed_size for column in range(group.num_columns))
        for group in groups
    ]


def write_month(path: Path, places: Iterable[Place]) -> None:
    """Write the days, in their order, to `path`, one after the other: memory of one day."""
    ordered = sorted(places, key=lambda place: place.date)
    words = {f"{DAY}{place.date}": json.dumps(place.pairs) for place in ordered}
    schema = pq.read_schema(ordered[0].path).remove_metadata()
    columns = [field for field in schema if field.name != DATE.name]
    whole = pa.schema([*columns, DATE], metadata=words)
    with pq.ParquetWriter(path, whole, compression="zstd", write_page_checksum=True) as writer:
        for place in ordered:
            table = place.read()
            dates = pa.array([place.date] * len(table), DATE.type)
            writer.write_table(
                table.append_column(DATE, dates).cast(whole), row_group_size=len(table)
            )


def extract(place: Place, path: Path) -> None:
    """Write the day's own file anew."""
    table = place.read().replace_schema_metadata(place.pairs)
    pq.write_table(table, path, compression="zstd", write_page_checksum=True)
