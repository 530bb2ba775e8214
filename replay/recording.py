"""Recorded frames: lines {"recv_ns", "raw"}, plain, .gz or .zst, read whole and served as received.

Which exchange a recording is of is seen from its frames.
"""

import gzip
import io
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import msgspec
import zstandard
from msgspec import Struct
from msgspec.json import Decoder

from alphapulse.trade import Market, Micros
from replay.dialect import Dialect
from replay.protocols import ALL
from replay.tape import Digits, Print, Tape, fraction_digits

SNIFFED = 500  # frames in which a recording must have shown whose it is


class RecordingError(ValueError):
    """A recording that cannot be served; the message names the file and what is wrong."""


class Line(Struct):
    recv_ns: int
    raw: str


class Frame(Struct, frozen=True):
    """A recorded frame, when it came, and the trades in it by symbol."""

    at: Micros
    raw: str
    trades: tuple[tuple[str, Print], ...]

    @property
    def symbols(self) -> frozenset[str]:
        return frozenset(symbol for symbol, _ in self.trades)


class Recording(Struct, frozen=True):
    """Frames of one exchange in order of receipt, without its answers to requests."""

    dialect: Dialect
    frames: Sequence[Frame]

    def tapes(self) -> dict[str, Tape]:
        """An empty tape for each market that has trades in it, wide enough for all their digits."""
        prints: dict[str, list[Print]] = {}
        for frame in self.frames:
            for symbol, print in frame.trades:
                prints.setdefault(symbol, []).append(print)
        return {
            symbol: Tape(Market(self.dialect.NAME, symbol), digits_of(found))
            for symbol, found in prints.items()
        }


def digits_of(prints: Sequence[Print]) -> Digits:
    return Digits(
        max(fraction_digits(print.price) for print in prints),
        max(fraction_digits(print.size) for print in prints),
    )


def read_recording(path: Path, shift_days: int = 0) -> Recording:
    """The recording in a file; `shift_days` moves its times, not its ids."""
    lines = list(read_lines(path))
    dialect = find_dialect(path, lines)
    frames = [frame for line in lines if (frame := read(dialect, line, shift_days))]
    return Recording(dialect, frames)


def read(dialect: Dialect, line: Line, shift_days: int) -> Frame | None:
    raw = dialect.shift(line.raw, shift_days) if shift_days else line.raw
    trades = read_trades(dialect, raw)
    if trades is None:
        return None
    return Frame(line.recv_ns // 1000 + shift_days * 86_400_000_000, raw, tuple(trades))


def read_trades(dialect: Dialect, raw: str) -> list[tuple[str, Print]] | None:
    """A recorded frame may be broken, too: it is served, but has no trades."""
    try:
        return dialect.read_frame(raw)
    except (msgspec.DecodeError, KeyError, ValueError):
        return []


def find_dialect(path: Path, lines: Sequence[Line]) -> Dialect:
    for dialect in ALL:
        if any(read_trades(dialect, line.raw) for line in islice(lines, SNIFFED)):
            return dialect
    known = ", ".join(dialect.NAME for dialect in ALL)
    raise RecordingError(
        f"{path}: none of its first {SNIFFED} frames is a trade in a protocol of {known}"
    )


def read_lines(path: Path) -> Iterator[Line]:
    decoder = Decoder(Line)
    with open_recording(path) as file:
        for number, text in enumerate(file, start=1):
            try:
                yield decoder.decode(text)
            except msgspec.DecodeError as failure:
                raise RecordingError(f"{path}, line {number}: {failure}") from failure


def open_recording(path: Path) -> io.BufferedIOBase:
    if path.suffix == ".gz":
        return gzip.open(path)
    if path.suffix == ".zst":
        return io.BufferedReader(zstandard.open(path, "rb"))
    return io.BufferedReader(io.FileIO(path))
