"""A journal's files: what was written is read, a torn end costs itself, damage is always found."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import segments
from collectors.journal_reader import Damage, Reader, end_of, read_contents, read_totals
from collectors.segments import (
    Batch,
    Header,
    Packer,
    Position,
    Totals,
    encode_header,
    scan,
    segment_numbers,
    segment_path,
    split,
)

AT = 1_723_118_400_000_000
HEADER = Header("toy", simulated=False, opened_at=AT, edges={"A": (7, AT), "B/€": (9, AT)})
READS = st.lists(st.lists(st.binary(max_size=40), min_size=1, max_size=4), max_size=12)
WORDS = [b"A:%d A:%d" % (id, id + 1) for id in range(0, 60, 2)]


def write(folder: Path, reads: list[list[bytes]], number: int = 1) -> bytes:
    packer = Packer()
    records = [packer.pack(AT + place, 3, frames) for place, frames in enumerate(reads)]
    data = b"".join([encode_header(HEADER), *records])
    segment_path(folder, number).write_bytes(data)
    return data


def frames_of(folder: Path) -> list[list[bytes]]:
    return [list(item.frames) for item in Reader(folder, 0).read() if isinstance(item, Batch)]


def damages_of(folder: Path) -> list[Damage]:
    return [item for item in Reader(folder, 0).read() if isinstance(item, Damage)]


@given(READS)
def test_what_was_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, reads: list[list[bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    data = write(folder, reads)
    header, *batches = Reader(folder, 1).read()
    assert header == HEADER
    assert [b.frames for b in batches if isinstance(b, Batch)] == [tuple(r) for r in reads]
    assert [b.received_at for b in batches if isinstance(b, Batch)] == list(
        range(AT, AT + len(reads))
    )
    if batches:
        assert isinstance(batches[-1], Batch)
        assert batches[-1].position == Position(1, len(data))


def test_a_file_cut_at_any_byte_holds_the_records_before_the_cut(tmp_path: Path) -> None:
    reads = [[word] for word in WORDS[:4]] + [WORDS[:9]]
    data = write(tmp_path, reads)
    for length in range(len(data)):
        segment_path(tmp_path, 1).write_bytes(data[:length])
        found = frames_of(tmp_path)
        assert found == reads[: len(found)]
        damages = damages_of(tmp_path)
        assert all(damage.is_torn and damage.end == length for damage in damages)
        assert end_of(tmp_path, 1) == (damages[0].start if damages else length)


def test_any_byte_that_is_changed_is_found_and_the_rest_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(segments, "FRESH_BYTES", 80)  # every third batch needs none before it
    reads = [[word, word] for word in WORDS[:9]]
    data = write(tmp_path, reads)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        segment_path(tmp_path, 1).write_bytes(changed)
        items = list(Reader(tmp_path).read())
        assert any(isinstance(item, Damage) for item in items), f"byte {place}"
        found = [list(item.frames) for item in items if isinstance(item, Batch)]
        assert all(frames in reads for frames in found)
        assert len(found) >= len(reads) - 3


@given(st.binary(max_size=300))
def test_no_bytes_can_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, noise: bytes
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    segment_path(folder, 1).write_bytes(noise)
    assert frames_of(folder) == []
    assert bool(damages_of(folder)) == bool(noise)
    data = write(folder, [[b"A:1"]], 2)
    segment_path(folder, 2).write_bytes(data + noise + data)
    assert [b"A:1"] in frames_of(folder)


@given(st.binary(max_size=200))
def test_no_sealed_payload_can_break_the_reader(
    tmp_path_factory: pytest.TempPathFactory, payload: bytes
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    sealed = [segments.seal(kind, payload) for kind in range(8)]
    segment_path(folder, 1).write_bytes(b"".join(sealed))
    assert list(Reader(folder, 1).read()) is not None
    try:
        split(payload)
    except (ValueError, struct.error):
        return


def test_zeros_at_the_end_as_a_power_cut_leaves_them_are_torn(tmp_path: Path) -> None:
    data = write(tmp_path, [[b"A:1"]])
    segment_path(tmp_path, 1).write_bytes(data + bytes(100_000))
    assert frames_of(tmp_path) == [[b"A:1"]]
    assert damages_of(tmp_path) == [Damage(1, len(data), len(data) + 100_000, is_torn=True)]


def test_a_reader_goes_on_where_the_writer_had_come_to(tmp_path: Path) -> None:
    reads = [[word] for word in WORDS]
    data = write(tmp_path, reads)
    ends = [record.end for record in scan(data)]
    reader = Reader(tmp_path, 1)
    found: list[bytes] = []
    for end in [ends[3], ends[3], ends[10], ends[10] + 5, ends[-1]]:
        segment_path(tmp_path, 1).write_bytes(data[:end])
        found += [b.frames[0] for b in reader.read() if isinstance(b, Batch)]
    assert found == WORDS


def test_a_reader_stops_at_its_goal_and_passes_over_what_retention_took(tmp_path: Path) -> None:
    data = write(tmp_path, [[b"A:1"], [b"A:2"]], number=3)
    write(tmp_path, [[b"A:3"]], number=7)
    ends = [record.end for record in scan(data)]
    reader = Reader(tmp_path, 1)
    first = [item for item in reader.read(Position(3, ends[1])) if isinstance(item, Batch)]
    assert [batch.frames for batch in first] == [(b"A:1",)]
    then = [item for item in reader.read(Position(7, 10**6)) if isinstance(item, Batch)]
    assert [batch.frames for batch in then] == [(b"A:2",), (b"A:3",)]
    assert segment_numbers(tmp_path) == [3, 7]


def test_the_totals_of_a_closed_segment_stand_at_its_end(tmp_path: Path) -> None:
    data = write(tmp_path, [[b"A:1", b"A:22"], [b"A:3"]])
    totals = Totals()
    totals.add(AT, [b"A:1", b"A:22"])
    totals.add(AT + 1, [b"A:3"])
    assert read_contents(tmp_path, 1).totals == totals
    assert read_totals(tmp_path, 1) == totals
    totals.frames = 99  # believed, not counted
    segment_path(tmp_path, 1).write_bytes(data + totals.encode())
    assert read_totals(tmp_path, 1).frames == 99
    assert read_contents(tmp_path, 1).totals.frames == 3
    assert damages_of(tmp_path) == []
