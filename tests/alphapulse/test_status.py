"""What a process says of itself is there, whole, while it lives."""

import json
import os
import time
from pathlib import Path
from threading import Event, Thread

import pytest

from alphapulse.status import FRESH, read_status, remove_status, write_status


def test_what_was_written_is_read_with_its_time_and_process(tmp_path: Path) -> None:
    write_status(tmp_path, "collector-kraken", {"stored": 7})
    (name,) = found = read_status(tmp_path)
    facts = found[name]
    assert (name, facts["stored"], facts["pid"], facts["is_fresh"]) == (
        "collector-kraken",
        7,
        os.getpid(),
        True,
    )
    assert abs(facts["at"] - time.time()) < 60


def test_the_last_word_counts_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    for stored in range(3):
        write_status(tmp_path, "one", {"stored": stored})
    assert read_status(tmp_path)["one"]["stored"] == 2
    assert [path.name for path in (tmp_path / "status").iterdir()] == ["one.json"]


@pytest.mark.parametrize("age", [FRESH * 2, -FRESH * 2])
def test_whoever_said_nothing_for_a_while_is_not_fresh(tmp_path: Path, age: float) -> None:
    write_status(tmp_path, "one", {})
    path = tmp_path / "status" / "one.json"
    path.write_text(json.dumps({"at": time.time() - age}))
    assert read_status(tmp_path)["one"]["is_fresh"] is False


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"at": "now"}', '{"at": null}', "\0"])
def test_a_file_that_says_nothing_sensible_is_left_out(tmp_path: Path, text: str) -> None:
    write_status(tmp_path, "good", {})
    (tmp_path / "status" / "bad.json").write_text(text)
    assert list(read_status(tmp_path)) == ["good"]


def test_nobody_has_said_anything_in_an_empty_home(tmp_path: Path) -> None:
    assert read_status(tmp_path / "none") == {}


def test_who_stops_cleanly_is_gone(tmp_path: Path) -> None:
    write_status(tmp_path, "one", {})
    remove_status(tmp_path, "one")
    remove_status(tmp_path, "one")
    assert read_status(tmp_path) == {}


def test_a_reader_never_sees_half_a_word(tmp_path: Path) -> None:
    is_over = Event()

    def keep_writing() -> None:
        while not is_over.is_set():
            write_status(tmp_path, "one", {"words": "x" * 20_000})

    write_status(tmp_path, "one", {"words": "x" * 20_000})
    writer = Thread(target=keep_writing)
    writer.start()
    try:
        for _ in range(300):
            assert len(read_status(tmp_path)["one"]["words"]) == 20_000
    finally:
        is_over.set()
        writer.join()
