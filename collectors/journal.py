"""Raw frames on disk before anything else, and up to where the store has them.

One writer, held by a lock. An append costs one write per read of the socket, so a killed process
loses nothing that was appended; `tend` syncs once a second, so a power cut loses that second at
most, and REST has it. What cannot be written is said loudly and tried again each second: the
frames go on without the journal meanwhile.
"""

import logging
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from time import monotonic, time_ns

from msgspec import Struct

from alphapulse.trade import Micros
from collectors.action import Edge
from collectors.journal_folder import (
    NOWHERE,
    lag,
    open_committed,
    read_committed,
    sizes_of,
    take_lock,
    write_committed,
)
from collectors.journal_reader import end_of, read_header
from collectors.segments import (
    Header,
    Packer,
    Position,
    Totals,
    encode_header,
    segment_numbers,
    segment_path,
)

log = logging.getLogger(__name__)

SEGMENT_BYTES = 16 * 2**20  # of a file, after which the next one begins
ROOM = 4 * 2**20  # free bytes below which a full disk counts as full still
AGAIN = 1.0  # seconds between two tries to write again
TOLD = 60.0  # seconds between two complaints about the same trouble

OPEN, FULL = "open", "full"
APPENDING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC


class JournalUnfit(Exception):
    """A journal of simulated frames is not for real ones, nor the other way round."""


class Counters(Struct):
    """Of this process; `kept` and `left_out` count frames."""

    state: str = OPEN
    why: str = ""  # it is not open
    segment: int = 0
    kept: int = 0
    left_out: int = 0
    torn_bytes: int = 0  # cut off at the start
    bytes: int = 0  # of all segments
    lag_bytes: int = 0  # of them, not yet in the store
    pruned: int = 0  # segments


class Journal:
    """`append` belongs to the thread of the socket, `commit` to the one that stores, `tend` to a
    third.
    """

    def __init__(
        self,
        folder: Path,
        exchange: str,
        limit: int,
        *,
        simulated: bool = False,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self.folder = folder
        self.exchange = exchange
        self.limit = limit  # bytes of all segments; what is not committed may exceed it
        self.simulated = simulated
        self.segment_bytes = segment_bytes
        self.edges: Callable[[], Mapping[str, Edge]] = dict  # of the moment
        self.counters = Counters()
        self.head = self.committed = NOWHERE
        self.packer = Packer()
        self.totals = Totals()
        self.fd = self.lock_fd = self.committed_fd = -1
        self.retired: deque[int] = deque()  # descriptors to sync and close
        self.tending = Lock()
        self.trouble: OSError | None = None  # that syncing met
        self.retry_at = self.told_at = 0.0

    def open(self, holder: str) -> None:
        """Take the lock and mend what a crash left. Raises JournalTaken or JournalUnfit.

        A disk that refuses is no error here: the journal is `full`, and tries again.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self.lock_fd = take_lock(self.folder, holder)
            self.recall()
        except OSError as failure:
            self.suffer(failure)

    def recall(self) -> None:
        """Where the last process stood."""
        self.committed_fd = open_committed(self.folder)
        self.committed = read_committed(self.folder)
        numbers = segment_numbers(self.folder)
        if not numbers:
            return
        last = numbers[-1]
        header = read_header(self.folder, last)
        if header and (header.simulated, header.exchange) != (self.simulated, self.exchange):
            raise JournalUnfit(
                f"{self.folder} holds frames of {kind(header.simulated)} {header.exchange}, not of "
                f"{kind(self.simulated)} {self.exchange}: use another ALPHAPULSE_HOME"
            )
        self.mend(last)
        self.counters.segment = last

    def mend(self, segment: int) -> None:
        """Cut a torn tail off."""
        path = segment_path(self.folder, segment)
        size, end = path.stat().st_size, end_of(self.folder, segment)
        if end < size:
            self.counters.torn_bytes = size - end
            log.warning("%s: cut %d torn bytes off %s", self.exchange, size - end, path.name)
            os.truncate(path, end)
        self.head = Position(segment, end)

    def append(
        self, received_at: Micros, connection: int, frames: Sequence[bytes]
    ) -> Position | None:
        """Keep what came in one read of the socket; None: it could not be written."""
        if self.trouble:
            self.suffer(self.trouble)
        for _ in range(2):  # the second try is a new segment, after room was made
            if self.fd < 0 and not self.renew():
                break
            try:
                self.write(self.packer.pack(received_at, connection, frames))
            except OSError as failure:
                self.suffer(failure)
                continue
            self.totals.add(received_at, frames)
            self.counters.kept += len(frames)
            if self.retry_at:
                self.recover()
            if self.head.offset >= self.segment_bytes:
                self.finish()
            return self.head
        self.counters.left_out += len(frames)
        return None

    def write(self, record: bytes) -> None:
        """Whole, or not at all. Raises OSError."""
        written = os.write(self.fd, record)
        while written < len(record):
            written += os.write(self.fd, record[written:])
        self.head = Position(self.head.segment, self.head.offset + written)

    def renew(self) -> bool:
        """Begin a new segment, at most once a second while that fails."""
        now = monotonic()
        if now < self.retry_at:
            return False
        self.retry_at = now + AGAIN
        if self.lock_fd < 0:
            self.open(f"pid {os.getpid()}")
        try:
            if self.lock_fd < 0 or (self.counters.state == FULL and not self.make_room()):
                return False
            self.begin()
        except OSError as failure:
            self.suffer(failure)
            return False
        return True

    def recover(self) -> None:
        """An append succeeded in a new segment."""
        if self.counters.state == FULL:
            log.warning("%s: the journal is written again", self.exchange)
        self.counters.state, self.counters.why, self.retry_at = OPEN, "", 0.0

    def begin(self) -> None:
        known = (self.counters.segment, self.committed.segment)  # a power cut may lose a file
        number = max([*known, *segment_numbers(self.folder)]) + 1
        edges = {symbol: (edge.id, edge.at) for symbol, edge in self.edges().items()}
        header = Header(self.exchange, self.simulated, time_ns() // 1000, edges)
        self.fd = os.open(segment_path(self.folder, number), APPENDING, 0o644)
        self.counters.segment = number
        self.head = Position(number, 0)
        self.packer, self.totals = Packer(), Totals()
        self.write(encode_header(header))

    def finish(self) -> None:
        """End the segment; the next append begins another."""
        end = self.head
        with suppress(OSError):  # it is read without its totals too
            self.write(self.totals.encode())
        self.head = end
        self.retire()

    def retire(self) -> None:
        if self.fd >= 0:
            self.retired.append(self.fd)
        self.fd = -1

    def suffer(self, failure: OSError) -> None:
        """The segment ends before what could not be written whole."""
        self.trouble = None
        if self.fd >= 0:
            with suppress(OSError):
                os.ftruncate(self.fd, self.head.offset)
                if not self.totals.records:
                    segment_path(self.folder, self.head.segment).unlink()
            self.retire()
        if self.counters.state == OPEN:
            self.retry_at = 0.0  # the first trouble is worth a try at once
        self.counters.state, self.counters.why = FULL, str(failure)
        if monotonic() - self.told_at > TOLD or not self.told_at:
            self.told_at = monotonic()
            log.error("%s: the journal cannot be written: %s", self.exchange, failure)

    def make_room(self) -> bool:
        """Delete what the store has, oldest first; whether there is room then."""
        for number in segment_numbers(self.folder):
            if self.free_bytes() >= ROOM or not self.remove(number):
                break
        return self.free_bytes() >= ROOM

    def free_bytes(self) -> int:
        found = os.statvfs(self.folder)
        return found.f_bavail * found.f_frsize

    def remove(self, number: int) -> bool:
        """False: the store has not all of it, or it is being written."""
        if number >= min(self.committed.segment, self.head.segment):
            return False
        with suppress(OSError):
            segment_path(self.folder, number).unlink()
            self.counters.pruned += 1
        return True

    def is_ready(self) -> bool:
        """Whether an append would be kept; tries to begin anew if not."""
        return self.fd >= 0 or self.renew()

    def commit(self, position: Position) -> None:
        """The store has all up to here. Not synced: an older position only costs repeats."""
        self.committed = position
        with suppress(OSError):
            write_committed(self.committed_fd, position)

    def tend(self) -> None:
        """Sync, keep within the limit, measure. To be called each second; raises nothing."""
        with self.tending:  # descriptors are closed here only
            try:
                self.sync()
            except OSError as failure:
                self.trouble = failure
            with suppress(OSError):
                self.prune()

    def sync(self) -> None:
        while self.retired:
            fd = self.retired.popleft()
            try:
                os.fdatasync(fd)
            finally:
                os.close(fd)
        if (fd := self.fd) >= 0:
            os.fdatasync(fd)

    def prune(self) -> None:
        sizes = sizes_of(self.folder)
        for number in sorted(sizes):
            if sum(sizes.values()) <= self.limit or not self.remove(number):
                break
            del sizes[number]
        self.counters.bytes = sum(sizes.values())
        self.counters.lag_bytes = lag(sizes, self.committed)

    def close(self) -> None:
        """Nothing is appended any more."""
        if self.fd >= 0:
            self.finish()
        self.tend()
        for fd in (self.lock_fd, self.committed_fd):
            if fd >= 0:
                os.close(fd)
        self.lock_fd = self.committed_fd = -1


def kind(simulated: bool) -> str:
    return "simulated" if simulated else "real"
