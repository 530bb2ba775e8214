"""What postmaster.pid says, and whether it is believed."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.postgres.postmaster import (
    Postmaster,
    find_postmaster,
    is_named_by_ps,
    parse_postmaster,
    serves,
)
from alphapulse.postgres.server import Server

pytestmark = pytest.mark.embedded

READY = "7073\n/data\n1795403736\n5480\n\n127.0.0.1\n 16040315         9\nready   \n"


def test_process_port_and_state_are_read() -> None:
    found = parse_postmaster(READY)
    assert found == Postmaster(7073, 5480, "ready")
    assert found.is_ready


def test_a_file_being_written_is_not_ready_yet() -> None:
    for count in range(1, 8):
        found = parse_postmaster("\n".join(READY.split("\n")[:count]))
        assert found and found.pid == 7073 and not found.is_ready


def test_a_starting_server_is_not_ready() -> None:
    found = parse_postmaster(READY.replace("ready", "starting"))
    assert found and not found.is_ready


def test_a_single_user_backend_is_no_server() -> None:
    assert parse_postmaster(f"-{READY}") is None


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    found = parse_postmaster(text)
    assert found is None or found.pid < 10**9


def test_a_process_that_is_no_postgres_serves_nothing(tmp_path: Path) -> None:
    assert not serves(os.getpid(), Path.cwd())
    (tmp_path / "postmaster.pid").write_text(f"{os.getpid()}\n")
    assert find_postmaster(tmp_path) is None


def test_a_number_that_no_process_has_serves_nothing(tmp_path: Path) -> None:
    assert not serves(999_999_999, tmp_path)


def test_a_postgres_serves_its_own_directory_only(running: Server, tmp_path: Path) -> None:
    found = find_postmaster(running.data)
    assert found and found.is_ready and found.port == running.port
    assert not serves(found.pid, tmp_path)


def test_without_proc_the_command_line_tells(running: Server, tmp_path: Path) -> None:
    found = find_postmaster(running.data)
    assert found
    assert not is_named_by_ps(os.getpid(), running.data)
    assert not is_named_by_ps(found.pid, tmp_path / "elsewhere")
