"""After a crash a plain start is enough, and no acknowledged row is missing."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from alphapulse.postgres import Server
from alphapulse.postgres.account import find_account
from alphapulse.postgres.cluster import ORPHANS

pytestmark = pytest.mark.embedded


def kill(server: Server) -> None:
    """kill -9, as the machine's memory killer would."""
    found = server.find()
    assert found
    os.kill(found.pid, signal.SIGKILL)


def test_committed_rows_survive_a_killed_postmaster(
    running: Server, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    with psycopg.connect(running.url("postgres"), autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
        for n in range(50):
            connection.execute("INSERT INTO kept VALUES (%s)", [n])
        kill(running)
    eventually(lambda: not running.is_running())
    assert (running.data / "postmaster.pid").exists()
    assert running.start() is True
    with psycopg.connect(running.url("postgres")) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (50,)


def test_a_start_waits_for_the_children_of_a_killed_postmaster(
    running: Server, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    with psycopg.connect(running.url("postgres")) as connection:
        orphan = connection.info.backend_pid
        os.kill(orphan, signal.SIGSTOP)  # keeps the shared memory, and cannot leave
        kill(running)
        eventually(lambda: not running.is_running())
        with ThreadPoolExecutor() as pool:
            start = pool.submit(running.start)
            eventually(lambda: ORPHANS in read_log(running))
            assert not start.done()
            os.kill(orphan, signal.SIGCONT)
            assert start.result(timeout=30) is True


def read_log(server: Server) -> str:
    return "".join(path.read_text() for path in server.log.glob("*.log"))


@pytest.fixture
def stranger(running: Server) -> Iterator[int]:
    """A process of the server's own account that is no PostgreSQL."""
    account = find_account(running.data)
    with subprocess.Popen(
        ["sleep", "60"], user=account.uid if os.geteuid() == 0 else None
    ) as process:
        yield process.pid
        process.kill()


def test_a_reused_process_id_is_not_taken_for_a_server(
    running: Server, stranger: int, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    kill(running)
    eventually(lambda: not running.is_running())
    file = running.data / "postmaster.pid"
    file.write_text("\n".join([str(stranger), *file.read_text().splitlines()[1:]]))
    assert not running.is_running()
    assert running.start() is True
    os.kill(stranger, 0)  # still there, unharmed


def test_stopping_a_server_beside_a_stale_file_hurts_nobody(
    running: Server, stranger: int, eventually: Callable[[Callable[[], bool]], None]
) -> None:
    kill(running)
    eventually(lambda: not running.is_running())
    (running.data / "postmaster.pid").write_text(f"{stranger}\n")
    assert running.stop() == "was not running"
    os.kill(stranger, 0)


def test_a_server_that_does_not_listen_to_signals_is_killed(
    running: Server, processes_of: Callable[[Server], list[int]]
) -> None:
    found = running.find()
    assert found
    os.kill(found.pid, signal.SIGSTOP)
    assert running.stop(patience=0.2).startswith("killed")
    assert found.pid not in processes_of(running)
    assert running.start() is True
