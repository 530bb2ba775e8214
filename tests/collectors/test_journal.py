"""One writer that loses nothing, keeps its bounds, and comes through a full disk by itself."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from collectors import journal as journals
from collectors.action import Edge
from collectors.journal import FULL, OPEN, Journal, JournalUnfit
from collectors.journal_folder import JournalTaken, read_committed
from collectors.journal_reader import Damage, Reader, read_header
from collectors.segments import Batch, Header, Position, segment_numbers, segment_path
from tests.conftest import ROOT

AT = 1_723_118_400_000_000


def journal_in(folder: Path, limit: int = 2**30, **others: int) -> Journal:
    journal = Journal(folder, "toy", limit, **others)  # type: ignore[arg-type]  # segment_bytes
    journal.open("pid 1 on test")
    return journal


def append(journal: Journal, *frames: bytes) -> Position:
    position = journal.append(AT, 7, frames)
    assert position
    return position


def noise() -> list[bytes]:
    """A kilobyte that cannot be compressed."""
    return [os.urandom(100) for _ in range(10)]


def flat(reads: list[list[bytes]]) -> list[bytes]:
    return [frame for frames in reads for frame in frames]


def frames_in(folder: Path) -> list[bytes]:
    found = list(Reader(folder).read())
    assert not any(isinstance(item, Damage) for item in found)
    return [frame for item in found if isinstance(item, Batch) for frame in item.frames]


def test_what_is_appended_can_be_read_at_once(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    assert segment_numbers(tmp_path) == []  # a life without frames leaves no file
    positions = [append(journal, b"A:%d" % id) for id in range(5)]
    assert frames_in(tmp_path) == [b"A:%d" % id for id in range(5)]
    assert positions == sorted(positions)
    assert journal.head == positions[-1]
    journal.close()


def test_each_segment_begins_with_where_the_markets_stood(tmp_path: Path) -> None:
    journal = journal_in(tmp_path, segment_bytes=2000)
    journal.edges = lambda: {"A": Edge(journal.counters.kept, AT)}
    reads = [noise() for _ in range(6)]
    for frames in reads:
        append(journal, *frames)
    journal.close()
    assert segment_numbers(tmp_path) == [1, 2, 3]
    headers = [read_header(tmp_path, number) for number in (1, 2, 3)]
    assert [h.edges["A"] for h in headers if h] == [(0, AT), (20, AT), (40, AT)]
    assert frames_in(tmp_path) == flat(reads)


def test_the_next_process_begins_a_segment_of_its_own_and_knows_what_was_committed(
    tmp_path: Path,
) -> None:
    first = journal_in(tmp_path)
    assert first.committed == Position(0, 0)
    position = append(first, b"A:1")
    first.commit(position)
    append(first, b"A:2")
    first.close()
    second = journal_in(tmp_path)
    assert second.committed == position < second.head
    append(second, b"A:3")
    second.close()
    assert frames_in(tmp_path) == [b"A:1", b"A:2", b"A:3"]
    assert segment_numbers(tmp_path) == [1, 2]


@pytest.mark.parametrize("content", [b"", b"short", bytes(20), b"x" * 20])
def test_a_committed_position_that_is_none_counts_as_the_beginning(
    tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "committed").write_bytes(content)
    assert read_committed(tmp_path) == Position(0, 0)


def test_a_number_that_was_committed_is_never_given_again(tmp_path: Path) -> None:
    """A power cut may take a file, and leave `committed` as it was."""
    first = journal_in(tmp_path)
    first.commit(append(first, b"A:1"))
    first.close()
    segment_path(tmp_path, 1).unlink()
    second = journal_in(tmp_path)
    assert append(second, b"A:2") > second.committed
    second.close()


def test_a_second_writer_is_refused_and_told_the_holder(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    append(journal, b"A:1")
    with pytest.raises(JournalTaken, match="pid 1 on test; stop that collector first"):
        Journal(tmp_path, "toy", 2**30).open("pid 2 on test")
    journal.close()
    journal_in(tmp_path).close()


def test_simulated_and_real_frames_never_share_a_journal(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    append(journal, b"A:1")
    journal.close()
    other = Journal(tmp_path, "toy", 2**30, simulated=True)
    with pytest.raises(JournalUnfit, match="frames of real toy, not of simulated toy"):
        other.open("x")
    other.close()


WRITER = """
import sys
from pathlib import Path
from collectors.journal import Journal
journal = Journal(Path(sys.argv[1]), "toy", 2**30, segment_bytes=20_000)
journal.open("writer")
id = 0
while True:
    id += 1
    assert journal.append(id, 7, [b"A:%d" % id] * (id % 5 + 1))
    print(id, flush=True)
"""


def test_a_killed_writer_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    said = 0
    for life in range(3):
        command = [sys.executable, "-c", WRITER, str(tmp_path / str(life))]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as writer:
            assert writer.stdout
            for line in writer.stdout:
                said = int(line)
                if said == 700 + 411 * life:
                    writer.send_signal(signal.SIGKILL)
        found = [item for item in Reader(tmp_path / str(life)).read() if isinstance(item, Batch)]
        assert len(found) >= said
        assert [b.received_at for b in found] == list(range(1, len(found) + 1))
        assert all(len(b.frames) == b.received_at % 5 + 1 for b in found)


def test_a_torn_end_is_cut_off_and_counted_and_never_fatal(tmp_path: Path) -> None:
    journal = journal_in(tmp_path)
    ends = [append(journal, b"A:%d" % id) for id in range(3)]
    journal.close()
    path = segment_path(tmp_path, 1)
    data = path.read_bytes()
    for length in range(ends[1].offset + 1, ends[2].offset):
        path.write_bytes(data[:length])
        later = journal_in(tmp_path)
        assert later.counters.torn_bytes == length - ends[1].offset
        assert later.head == ends[1]
        later.close()
        assert frames_in(tmp_path) == [b"A:0", b"A:1"]


def fill(journal: Journal, segments: int) -> list[Position]:
    positions = [append(journal, *noise()) for _ in range(2 * segments)]
    journal.tend()
    return positions


def test_the_oldest_committed_segments_go_when_the_limit_is_passed(tmp_path: Path) -> None:
    journal = journal_in(tmp_path, limit=7000, segment_bytes=2000)
    positions = fill(journal, 10)
    assert len(segment_numbers(tmp_path)) == 10  # nothing is committed: nothing may go
    assert journal.counters.bytes > 7000
    journal.commit(positions[3])  # all of the second segment
    journal.tend()
    assert segment_numbers(tmp_path)[0] == 2
    journal.commit(positions[13])
    journal.tend()
    assert segment_numbers(tmp_path)[0] == 7
    journal.commit(positions[-1])
    journal.tend()
    assert journal.counters.bytes <= 7000
    assert len(frames_in(tmp_path)) == 20 * len(segment_numbers(tmp_path))
    assert journal.counters.pruned == 10 - len(segment_numbers(tmp_path))
    journal.close()


def test_how_far_the_store_is_behind_is_measured_in_bytes(tmp_path: Path) -> None:
    journal = journal_in(tmp_path, segment_bytes=2000)
    positions = fill(journal, 3)
    total = journal.counters.bytes
    assert journal.counters.lag_bytes == total
    journal.commit(positions[0])
    journal.tend()
    assert journal.counters.lag_bytes == total - positions[0].offset
    journal.close()


class Disk:
    """Has room for so many bytes, then refuses as a real one does: after a part was written."""

    def __init__(self, room: int, number: int = errno.ENOSPC) -> None:
        self.room = room
        self.number = number
        self.write_really = os.write

    def write(self, fd: int, data: bytes) -> int:
        if not self.room:
            raise OSError(self.number, os.strerror(self.number))
        written = self.write_really(fd, data[: self.room])
        self.room -= written
        return written

    def free(self) -> int:
        return self.room + journals.ROOM if self.room else 0


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The journal's clock, to be set by the test."""
    clock = [1000.0]
    monkeypatch.setattr(journals, "monotonic", lambda: clock[0])
    return clock


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_disk_that_refuses_is_a_loud_state_that_ends_by_itself(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    now: list[float],
    number: int,
) -> None:
    journal = journal_in(tmp_path)
    disk = Disk(4900, number)
    monkeypatch.setattr("collectors.journal.os.write", disk.write)
    monkeypatch.setattr(journal, "free_bytes", disk.free)
    reads = [noise() for _ in range(50)]
    results = [journal.append(AT, 7, frames) for frames in reads]
    assert [bool(position) for position in results] == [True] * 4 + [False] * 46
    assert (journal.counters.state, journal.counters.left_out) == (FULL, 460)
    assert os.strerror(number) in journal.counters.why
    assert not journal.is_ready()
    for _ in range(70):
        now[0] += 1.0
        journal.append(AT, 7, noise())
    complaints = [r for r in caplog.records if "cannot be written" in r.message]
    assert 1 <= len(complaints) <= 2  # not one per frame
    assert frames_in(tmp_path) == flat(reads[:4])
    assert len(list(tmp_path.glob("*.journal"))) == 1  # failed tries leave no files
    disk.room = 10**6
    now[0] += 1.0
    assert append(journal, b"A:1").segment > 1
    assert (journal.counters.state, journal.counters.why) == (OPEN, "")
    assert frames_in(tmp_path) == [*flat(reads[:4]), b"A:1"]
    journal.close()


def test_on_a_full_disk_what_the_store_has_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_in(tmp_path, segment_bytes=2000)
    positions = fill(journal, 5)
    journal.commit(positions[5])
    disk = Disk(400)
    monkeypatch.setattr("collectors.journal.os.write", disk.write)

    def remove(number: int) -> bool:
        is_removed = Journal.remove(journal, number)
        disk.room += 2000 * is_removed
        return is_removed

    monkeypatch.setattr(journal, "remove", remove)
    monkeypatch.setattr(journal, "free_bytes", lambda: disk.room * 3000)
    frames = noise()
    append(journal, *frames)
    assert journal.counters.state == OPEN
    assert segment_numbers(tmp_path)[0] in {2, 3}
    assert frames_in(tmp_path)[-10:] == frames
    journal.close()


def test_a_sync_that_fails_ends_the_segment_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = journal_in(tmp_path)
    append(journal, b"A:1")

    def refuse(fd: int) -> None:
        raise OSError(errno.EIO, "I/O error")

    with monkeypatch.context() as context:
        context.setattr("collectors.journal.os.fdatasync", refuse)
        journal.tend()
    assert append(journal, b"A:2").segment == 2
    assert frames_in(tmp_path) == [b"A:1", b"A:2"]
    journal.close()


def test_a_folder_that_cannot_be_made_is_no_error_and_is_tried_again(
    tmp_path: Path, now: list[float]
) -> None:
    (tmp_path / "journal").write_text("in the way")
    journal = journal_in(tmp_path / "journal" / "toy")
    assert journal.append(AT, 7, [b"A:1"]) is None
    assert journal.counters.state == FULL
    (tmp_path / "journal").unlink()
    now[0] += 1.0
    append(journal, b"A:2")
    assert journal.counters.state == OPEN
    journal.close()
    assert frames_in(tmp_path / "journal" / "toy") == [b"A:2"]


def test_a_header_says_whose_frames_follow(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "toy", 2**30, simulated=True)
    journal.open("x")
    append(journal, b"A:1")
    journal.close()
    header = read_header(tmp_path, 1)
    assert isinstance(header, Header)
    assert (header.exchange, header.simulated, header.version) == ("toy", True, 1)
