"""What a backup says of itself, which backups are kept, and what a drill looks at. Pure."""

from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256

import msgspec
from msgspec import Struct

from alphapulse.day import MarketDay
from alphapulse.trade import Market

FORMAT = 1
BACKUPS = "backups/"
FILES = "files/"
MANIFEST = "manifest.json"
STAMP = "%Y-%m-%dT%H%M%S.%fZ"
SHORT = 16  # hex digits of a file's sha256 in its name


class BackupError(Exception):
    """A backup that cannot be made, or must not be trusted; the message names it."""


class Written(Struct, frozen=True):
    """An object of the place: `name` below it, and what was read back."""

    name: str
    bytes: int
    sha256: str


class Table(Struct, frozen=True):
    """A small table, whole, as COPY's text, zstd."""

    name: str
    columns: tuple[str, ...]
    rows: int
    dump: Written


class StoredDay(Struct, frozen=True):
    """A market-day that the store held: its rows stand in `file`, or (None) in the dump.

    `checksum` is PostgreSQL's, see `alphapulse.certificate`. `is_late`: rows came since its export.
    """

    exchange: str
    symbol: str
    date: date
    market_id: int
    rows: int
    checksum: str
    file: str | None = None
    is_late: bool = False

    @property
    def day(self) -> MarketDay:
        return MarketDay(self.date, Market(self.exchange, self.symbol))


class Certified(Struct, frozen=True):
    """What a market-day's file certifies, as far as a backup needs it."""

    exchange: str
    symbol: str
    date: date
    rows: int
    checksum: str | None
    day_closed: bool

    @property
    def day(self) -> MarketDay:
        return MarketDay(self.date, Market(self.exchange, self.symbol))


class Copied(Struct, frozen=True):
    """A file of the lake: its `path` below the home, and the object that holds it."""

    path: str
    changed_at: int  # nanoseconds
    object: Written
    certified: tuple[Certified, ...] = ()  # its market-days; none: candles


class Backup(Struct, frozen=True):
    """Everything that a restore needs to know, and to compare."""

    made_at: datetime
    version: str
    server: str
    layout: str
    simulated: bool
    snapshot: str
    migrations: dict[str, str]
    sequences: dict[str, int]
    tables: tuple[Table, ...]
    trades: Written
    days: tuple[StoredDay, ...]
    files: tuple[Copied, ...]
    dagster: Written | None = None
    dagster_note: str | None = None  # why Dagster's database is not in it
    format: int = FORMAT

    @property
    def stamp(self) -> str:
        return stamp_of(self.made_at)

    @property
    def rows(self) -> int:
        return sum(day.rows for day in self.days)

    @property
    def objects(self) -> list[Written]:
        own = [table.dump for table in self.tables] + [self.trades]
        return own + ([self.dagster] if self.dagster else []) + [one.object for one in self.files]


class Envelope(Struct):
    """The manifest as stored: its own checksum beside it, so that no edit goes unseen."""

    sha256: str
    backup: msgspec.Raw


def stamp_of(at: datetime) -> str:
    """`2026-11-29T013000.000000Z`: sorts by time, and is a name everywhere."""
    return at.astimezone(UTC).strftime(STAMP)


def folder_of(stamp: str) -> str:
    return f"{BACKUPS}{stamp}/"


def manifest_of(stamp: str) -> str:
    return f"{folder_of(stamp)}{MANIFEST}"


def object_of(path: str, digest: str) -> str:
    """Where a file of these contents lies: another content is another object."""
    stem, dot, kind = path.rpartition(".")
    return f"{FILES}{stem}.{digest[:SHORT]}{dot}{kind}"


def encode(backup: Backup) -> bytes:
    body = msgspec.json.encode(backup)
    return msgspec.json.encode(Envelope(sha256(body).hexdigest(), msgspec.Raw(body)))


def decode(content: bytes, name: str) -> Backup:
    """The inverse; raises BackupError for one that was changed, or is of another format."""
    try:
        found = msgspec.json.decode(content, type=Envelope)
    except (msgspec.DecodeError, UnicodeDecodeError) as failure:
        raise BackupError(f"{name} is no manifest of a backup: {failure}") from failure
    if sha256(found.backup).hexdigest() != found.sha256:
        raise BackupError(f"{name} was changed after it was written: choose another backup")
    try:
        backup = msgspec.json.decode(found.backup, type=Backup)
    except msgspec.ValidationError as failure:
        raise BackupError(f"{name} is of another version of AlphaPulse: {failure}") from failure
    if backup.format != FORMAT:
        raise BackupError(f"{name} is of format {backup.format}, this program reads {FORMAT}")
    return backup


def stamps_of(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """The stamps with a manifest, oldest first, and those without: begun and never finished."""
    parts = [name.removeprefix(BACKUPS).split("/", 1) for name in names if name.startswith(BACKUPS)]
    every = {part[0] for part in parts}
    whole = {part[0] for part in parts if part[1:] == [MANIFEST]}
    return sorted(whole), sorted(every - whole)


def outdated(stamps: Sequence[str], keep: int) -> list[str]:
    """Those that leave: all but the newest `keep`."""
    return sorted(stamps)[: max(0, len(stamps) - keep)]


def unreferenced(names: Iterable[str], kept: Iterable[Backup]) -> list[str]:
    """The files' objects that no kept backup names."""
    wanted = {copied.object.name for backup in kept for copied in backup.files}
    return [name for name in names if name.startswith(FILES) and name not in wanted]


def carried(former: Iterable[Copied], present: Collection[str]) -> list[Copied]:
    """The files of an older backup that the lake has no more, and nothing replaces.

    A month's file replaces its days' files.
    """
    return [
        one for one in former if one.path not in present and month_file(one.path) not in present
    ]


def month_file(path: str) -> str:
    """`…/2026-11.parquet` of `…/2026-11-21.parquet`."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{name[:7]}.parquet"
