"""A client's log keeps rows and cursor together, whatever kills its writer."""

from pathlib import Path

import pytest

from chaos.log import RECORD, Event, Log, Tally, events_of, records_of

ONE, TWO, THREE = (RECORD.pack(0, n, 10, 20, 30, 1) for n in (1, 2, 3))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "client.log"


def ids(path: Path) -> list[int]:
    return [int(id) for id in records_of(path)["id"]]


def test_what_was_written_is_read_in_order(path: Path) -> None:
    log = Log(path)
    log.add_rows([ONE, TWO], "c-1")
    log.add_event(Event("closed", 5.0, "1013"), "c-1")
    log.add_rows([THREE], "c-2")
    assert ids(path) == [1, 2, 3]
    assert events_of(path) == [Event("closed", 5.0, "1013")]


def test_a_client_that_comes_back_goes_on_behind_its_last_cursor(path: Path) -> None:
    Log(path).add_rows([ONE], "c-1")
    log = Log(path)
    assert log.cursor == "c-1"
    log.add_rows([TWO], "c-2")
    assert ids(path) == [1, 2]


@pytest.mark.parametrize("cut", range(1, RECORD.size + 10))
def test_a_torn_last_chunk_counts_neither_as_rows_nor_as_cursor(path: Path, cut: int) -> None:
    log = Log(path)
    log.add_rows([ONE], "c-1")
    log.add_rows([TWO], "c-2")
    path.write_bytes(path.read_bytes()[:-cut])
    assert Log(path).cursor == "c-1"
    assert ids(path) == [1]


def test_an_event_before_the_first_cursor_leaves_none(path: Path) -> None:
    Log(path).add_event(Event("error", 1.0), "")
    assert Log(path).cursor == ""


def test_a_tally_counts_what_is_new(path: Path) -> None:
    tally = Tally(path)
    assert tally.count() == 0
    log = Log(path)
    log.add_rows([ONE, TWO], "c-1")
    assert tally.count() == 2
    log.add_event(Event("closed", 5.0), "c-1")
    log.add_rows([THREE], "c-2")
    assert tally.count() == tally.count() == 3
