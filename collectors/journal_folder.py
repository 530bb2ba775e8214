"""What lies beside the frames of a journal: who writes it, and up to where the store has it."""

import fcntl
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from struct import Struct as Layout
from zlib import crc32

from collectors.segments import Position, segment_numbers, segment_path

NOWHERE = Position(0, 0)
COMMITTED = Layout("<QQ")


class JournalTaken(Exception):
    """Another process writes this journal; the message names it."""


def take_lock(folder: Path, holder: str) -> int:
    """The descriptor that holds it, to be closed; raises JournalTaken or OSError."""
    fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        who = os.pread(fd, 200, 0).decode(errors="replace") or "another process"
        os.close(fd)
        raise JournalTaken(
            f"{folder} is already being written by {who}; stop that collector first"
        ) from None
    with suppress(OSError):  # a full disk
        os.ftruncate(fd, 0)
        os.pwrite(fd, holder.encode(), 0)
    return fd


def open_committed(folder: Path) -> int:
    return os.open(folder / "committed", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def write_committed(fd: int, position: Position) -> None:
    values = COMMITTED.pack(*position)
    os.pwrite(fd, values + checksum(values), 0)


def read_committed(folder: Path) -> Position:
    """Up to where the store has this journal; what is no position counts as the beginning."""
    try:
        found = (folder / "committed").read_bytes()
    except OSError:
        return NOWHERE
    values, check = found[: COMMITTED.size], found[COMMITTED.size :]
    if len(values) < COMMITTED.size or check != checksum(values):
        return NOWHERE
    return Position(*COMMITTED.unpack(values))


def checksum(values: bytes) -> bytes:
    return crc32(values).to_bytes(4, "little")


def sizes_of(folder: Path) -> dict[int, int]:
    """Bytes of each segment; one that is removed meanwhile is left out."""
    sizes = {}
    for number in segment_numbers(folder):
        with suppress(FileNotFoundError):
            sizes[number] = segment_path(folder, number).stat().st_size
    return sizes


def lag(sizes: Mapping[int, int], committed: Position) -> int:
    """Bytes that the store does not have yet."""
    behind = sum(size for number, size in sizes.items() if number > committed.segment)
    return behind + max(0, sizes.get(committed.segment, 0) - committed.offset)
