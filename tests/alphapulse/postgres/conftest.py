"""A home of its own for every test of the embedded server, and no process left behind."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alphapulse.postgres import Server
from alphapulse.postgres.server import wait_until
from alphapulse.settings import LOOPBACK


@pytest.fixture
def port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server((LOOPBACK, 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def server(tmp_path: Path, port: int) -> Iterator[Server]:
    """A server that was never started."""
    server = Server(tmp_path / "home", port)
    yield server
    server.stop(patience=5)


@pytest.fixture
def running(server: Server) -> Server:
    assert server.start() is True
    return server


@pytest.fixture
def processes_of() -> Callable[[Server], list[int]]:
    return find_processes


def find_processes(server: Server) -> list[int]:
    """Every process that works in the server's data directory."""
    if not Path("/proc/self").exists():
        pytest.skip("needs /proc")
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]
    return [pid for pid in found if works_in(pid, server.data)]


def works_in(pid: int, directory: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == directory.resolve()
    except OSError:
        return False


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], None]:
    """Asserts that something becomes true, soon."""

    def check(is_so: Callable[[], bool]) -> None:
        assert wait_until(is_so, 20)

    return check
