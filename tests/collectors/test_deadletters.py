"""Refused frames are kept with their reason, within bounds, and can be read again."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors import deadletters
from collectors.deadletters import DeadLetters, Letter, read_letters

AT = 1_723_118_400_000_000


@given(st.binary(max_size=100), st.text(max_size=20))
def test_any_frame_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, frame: bytes, reason: str
) -> None:
    folder = tmp_path_factory.mktemp("dead")
    DeadLetters(folder).add(frame, reason, AT, 7)
    (letter,) = read_letters(folder)
    assert (letter.raw, letter.reason) == (frame, reason)
    assert (letter.received_at, letter.connection) == (AT, 7)


def test_text_can_be_read_by_eye_and_other_bytes_are_base64(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path)
    letters.add(b'{"odd": 1}', "unknown message", AT, 7)
    letters.add(b"\xff\xfe", "unknown message", AT, 7)
    text, other = (tmp_path / "dead.jsonl").read_text().splitlines()
    assert '"reason":"unknown message","frame":"{\\"odd\\": 1}"' in text
    assert '"base64":"//4="' in other


def test_a_flood_is_cut_to_a_rate_and_what_was_left_out_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [0.0]
    monkeypatch.setattr(deadletters, "monotonic", lambda: now[0])
    monkeypatch.setattr(deadletters, "BURST", 10_000)
    letters = DeadLetters(tmp_path)
    for _ in range(100_000):
        letters.add(b"x" * 900, "garbage", AT, 7)
    assert (letters.counters.kept, letters.counters.left_out) == (10, 99_990)
    now[0] = 1.0
    letters.add(b"another", "garbage", AT, 7)
    *_, last = read_letters(tmp_path)
    assert (last.raw, last.left_out) == (b"another", 99_990)
    assert letters.untold == 0


def test_the_oldest_go_when_the_files_are_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadletters, "FILE_BYTES", 1000)
    letters = DeadLetters(tmp_path)
    for number in range(100):
        letters.add(b"%d" % number, "why", AT, 7)
    found = [int(letter.raw) for letter in read_letters(tmp_path)]
    assert found == list(range(found[0], 100))
    assert 30 < len(found) < 80
    files = list(tmp_path.glob("dead.jsonl*"))
    assert len(files) == 4
    assert all(path.stat().st_size <= 1000 for path in files)


def test_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    letters = DeadLetters(tmp_path)
    letters.add(b"one", "why", AT, 7)
    with (tmp_path / "dead.jsonl").open("a") as file:
        file.write('{"received_at": 17')
    assert [letter.raw for letter in read_letters(tmp_path)] == [b"one"]
    letters.add(b"two", "why", AT, 7)
    assert [letter.raw for letter in read_letters(tmp_path)] == [b"one", b"two"]


def test_a_disk_that_refuses_costs_the_letter_alone(tmp_path: Path) -> None:
    (tmp_path / "dead.jsonl").mkdir()
    letters = DeadLetters(tmp_path)
    letters.add(b"one", "why", AT, 7)
    assert (letters.counters.kept, letters.counters.left_out) == (0, 1)


def test_an_empty_letter_is_one_too() -> None:
    assert Letter(AT, 7, "empty").raw == b""
