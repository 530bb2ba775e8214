"""Frames that a parser refused, with the reason: kept for the day when it can read them.

Bounded twice: by the size of the files, and by a rate, so that a flood of one kind does not push
out the others. What is left out is counted, and lies in the journal all the same.
"""

import base64
import logging
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import msgspec
from msgspec import Struct

from alphapulse.trade import Micros

log = logging.getLogger(__name__)

FILE = "dead.jsonl"
FILE_BYTES = 8 * 2**20
FILES = 4  # dead.jsonl, dead.jsonl.1, …: the last is the oldest
BURST = 2 * 2**20  # bytes at once
RATE = 4096.0  # bytes per second after that


class Letter(Struct, omit_defaults=True):
    """A line of the file. The frame is text, or base64 where it is none."""

    received_at: Micros
    connection: int
    reason: str
    frame: str = ""
    base64: str = ""
    left_out: int = 0  # letters before this one that were not written

    @property
    def raw(self) -> bytes:
        return base64.b64decode(self.base64) if self.base64 else self.frame.encode()


class Counters(Struct):
    kept: int = 0
    left_out: int = 0


class DeadLetters:
    """Belongs to one thread."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.counters = Counters()
        self.untold = 0
        self.credit = float(BURST)
        self.credited_at = monotonic()

    def add(self, frame: bytes, reason: str, received_at: Micros, connection: int) -> None:
        letter = Letter(received_at, connection, reason, left_out=self.untold)
        try:
            letter.frame = frame.decode()
        except UnicodeDecodeError:
            letter.base64 = base64.b64encode(frame).decode()
        if self.write(msgspec.json.encode(letter) + b"\n"):
            self.counters.kept += 1
            self.untold = 0
        else:
            self.counters.left_out += 1
            self.untold += 1

    def write(self, line: bytes) -> bool:
        now = monotonic()
        self.credit = min(BURST, self.credit + RATE * (now - self.credited_at))
        self.credited_at = now
        if len(line) > self.credit:
            return False
        self.credit -= len(line)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab+", buffering=0) as file:
                size = file.tell()
                if size:
                    file.seek(size - 1)
                    line = line if file.read(1) == b"\n" else b"\n" + line  # the last was torn
                if not size or size + len(line) <= FILE_BYTES:
                    file.write(line)
                    return True
            self.rotate()
            self.path.write_bytes(line)
        except OSError as failure:
            log.warning("a refused frame was not kept: %s", failure)
            return False
        return True

    def rotate(self) -> None:
        for number in range(FILES - 1, 0, -1):
            older = numbered(self.path, number - 1)
            if older.exists():
                older.replace(numbered(self.path, number))


def numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}") if number else path


def read_letters(folder: Path) -> Iterator[Letter]:
    """Oldest first; a line that is none (a crash may tear the last) is passed over."""
    for number in range(FILES - 1, -1, -1):
        with suppress(FileNotFoundError), numbered(folder / FILE, number).open("rb") as file:
            for line in file:
                with suppress(msgspec.MsgspecError, ValueError, RecursionError):
                    letter = msgspec.json.decode(line, type=Letter)
                    _ = letter.raw  # raises where it is no base64
                    yield letter
