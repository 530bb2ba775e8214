"""Whose process the server is."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from alphapulse.postgres.account import Account, find_account, user_name
from alphapulse.postgres.cluster import Cluster
from alphapulse.postgres.error import DirectoryRefused, PostgresError
from alphapulse.postgres.server import Server

pytestmark = pytest.mark.embedded

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """Where every account can go, unlike pytest's own directories."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_an_ordinary_user_is_the_account_and_root_never(tmp_path: Path) -> None:
    account = find_account(tmp_path / "data")
    assert account.uid != 0
    assert account.is_us == (os.geteuid() != 0)


@ROOT_ONLY
def test_the_owner_of_the_data_is_kept(tmp_path: Path) -> None:
    os.chown(tmp_path, 12345, 54321)
    assert find_account(tmp_path) == Account(12345, 54321)
    os.chown(tmp_path, 0, 0)
    assert find_account(tmp_path) == find_account(tmp_path / "missing")


def test_an_account_without_a_name_is_shown_by_its_number() -> None:
    assert user_name(987_654) == "987654"
    assert Account(987_654, 1).name == "987654"


@ROOT_ONLY
def test_reach_is_what_the_account_can_do(tmp_path: Path, open_directory: Path) -> None:
    account = find_account(tmp_path / "data")
    closed = open_directory / "closed"
    (closed / "inner").mkdir(parents=True, mode=0o755)
    assert account.reaches(closed / "inner")
    closed.chmod(0o700)
    assert not account.reaches(closed / "inner")
    assert Account(0, 0).reaches(closed / "inner")


@ROOT_ONLY
def test_a_reachable_home_is_served_by_its_path(open_directory: Path, port: int) -> None:
    server = Server(open_directory / "home", port)
    try:
        server.start()
        assert (server.data / "postmaster.pid").read_text().splitlines()[1] == str(server.data)
    finally:
        server.stop()


@ROOT_ONLY
def test_a_home_below_a_closed_directory_is_served_all_the_same(
    open_directory: Path, port: int
) -> None:
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700)
    server = Server(closed / "home", port)
    try:
        assert server.start() is True
        assert server.start() is False
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        assert server.stop() == "stopped"


@ROOT_ONLY
def test_where_that_is_impossible_the_directory_is_named(open_directory: Path) -> None:
    closed = open_directory / "closed"
    closed.mkdir(mode=0o700)
    cluster = Cluster(closed, find_account(closed / "data"), closed, here=open_directory / "none")
    with pytest.raises(DirectoryRefused, match=f"{closed}.*ALPHAPULSE_HOME"):
        cluster.address(closed)


@ROOT_ONLY
def test_a_stranger_is_told_whose_data_it_is(open_directory: Path) -> None:
    home = open_directory / "home"
    (home / "postgres" / "data").mkdir(parents=True)
    child = os.fork()
    if not child:
        os.setuid(65_533)
        os._exit(refusals(home))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


def refusals(home: Path) -> int:
    """How many of two ways to use somebody else's home are refused with the setting's name."""
    count = 0
    for use in (Server(home, 1).start, lambda: find_account(home / "postgres" / "data")):
        try:
            use()
        except PostgresError as failure:
            count += "ALPHAPULSE_HOME" in str(failure)
    return count
