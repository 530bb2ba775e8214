"""The life of an embedded server: made, started, found again, stopped."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from alphapulse.postgres import PostgresError, Server
from alphapulse.postgres.error import (
    BinariesMissing,
    DirectoryRefused,
    PortTaken,
    StartFailed,
)

pytestmark = pytest.mark.embedded

START = """
import sys
from pathlib import Path
from alphapulse.postgres import Server
print(Server(Path(sys.argv[1]), int(sys.argv[2])).start())
"""


def ask(url: str, statement: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(statement.encode()).fetchone()
    return row and row[0]


def test_a_new_home_becomes_a_running_server(server: Server) -> None:
    assert not server.is_running()
    assert server.start() is True
    assert server.is_running()
    assert ask(server.url("postgres"), "SELECT 1") == 1


def test_a_second_start_finds_the_first(running: Server) -> None:
    before = running.find()
    assert running.start() is False
    assert running.find() == before


def test_of_two_starters_at_once_one_has_started_it(server: Server) -> None:
    command = [sys.executable, "-W", "error", "-c", START, str(server.home), str(server.port)]
    starters = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = sorted(starter.communicate(timeout=60)[0].strip() for starter in starters)
    assert answers == ["False", "True"]
    assert ask(server.url("postgres"), "SELECT 1") == 1


def test_stopping_leaves_no_process(
    running: Server,
    processes_of: Callable[[Server], list[int]],
    eventually: Callable[[Callable[[], bool]], None],
) -> None:
    assert processes_of(running)
    assert running.stop() == "stopped"
    eventually(lambda: not processes_of(running))
    assert not running.is_running()


def test_stopping_what_does_not_run_says_so(server: Server) -> None:
    assert server.stop() == "was not running"
    server.start()
    server.stop()
    assert server.stop() == "was not running"


def test_clients_do_not_keep_it_from_stopping(running: Server) -> None:
    with psycopg.connect(running.url("postgres")) as connection:
        connection.execute("SELECT 1")
        assert running.stop() == "stopped"
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_rows_survive_a_restart(running: Server) -> None:
    with psycopg.connect(running.url("postgres")) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    running.stop()
    assert running.start() is True
    assert ask(running.url("postgres"), "SELECT answer FROM kept") == 42


def test_a_taken_port_is_named_with_its_setting(running: Server, tmp_path: Path) -> None:
    newcomer = Server(tmp_path / "other home", running.port)
    with pytest.raises(PortTaken, match=f"{running.port}.*ALPHAPULSE_POSTGRES_PORT"):
        newcomer.start()
    assert not newcomer.is_running()  # the PostgreSQL on that port is not its own
    assert not newcomer.data.exists()
    assert newcomer.stop() == "was not running"
    assert running.is_running()


def test_the_url_follows_the_running_server_not_the_wish(running: Server) -> None:
    wish = Server(running.home, running.port + 1)
    assert wish.start() is False
    assert wish.url() == running.url()


def test_the_password_is_ours_alone(running: Server) -> None:
    assert running.password.stat().st_mode & 0o777 == 0o600
    assert running.password.stat().st_uid == os.geteuid()
    assert running.data.stat().st_mode & 0o777 == 0o700
    assert len(running.password.read_text().strip()) >= 32


def test_nobody_gets_in_without_the_password(running: Server) -> None:
    secret = running.password.read_text().strip()
    right = running.url("postgres")
    for wrong in (right.replace(secret, "guess"), right.replace(f":{secret}", "")):
        with pytest.raises(psycopg.OperationalError, match=r"password"):
            psycopg.connect(wrong)


def test_it_listens_on_loopback_only_and_keeps_what_it_acknowledged(running: Server) -> None:
    with psycopg.connect(running.url("postgres")) as connection:
        settings = connection.execute("SELECT name, setting FROM pg_settings").fetchall()
    shown: dict[str, str] = dict(settings)
    assert shown["listen_addresses"] == "127.0.0.1"
    assert shown["unix_socket_directories"] == ""
    assert (shown["synchronous_commit"], shown["fsync"]) == ("on", "on")


def test_a_long_path_is_no_trouble(tmp_path: Path, port: int) -> None:
    server = Server(tmp_path / ("a" * 60) / ("b" * 60) / "a home with a space", port)
    try:
        assert server.start() is True
        assert ask(server.url("postgres"), "SELECT 1") == 1
    finally:
        server.stop()


def test_data_of_another_version_is_left_alone(running: Server) -> None:
    running.stop()
    version = running.data / "PG_VERSION"
    version.write_text("9\n")
    with pytest.raises(DirectoryRefused, match=r"PostgreSQL 9.*pg_upgrade"):
        running.start()
    assert version.read_text() == "9\n"


def test_missing_programs_name_the_way_out(server: Server, tmp_path: Path) -> None:
    with pytest.raises(BinariesMissing, match="ALPHAPULSE_DATABASE_URL"):
        Server(server.home, server.port, binaries=tmp_path).start()


def test_a_half_made_directory_is_made_again(server: Server) -> None:
    (server.directory / "data.new" / "base").mkdir(parents=True)
    assert server.start() is True
    assert not (server.directory / "data.new").exists()


def test_a_server_that_cannot_start_says_why(running: Server) -> None:
    running.stop()
    configuration = running.data / "postgresql.conf"
    configuration.write_text(f"{configuration.read_text()}\nshared_buffers = 'many'\n")
    with pytest.raises(StartFailed, match="shared_buffers"):
        running.start()


def test_the_owner_may_change_what_we_do_not_rely_on(running: Server) -> None:
    running.stop()
    configuration = running.data / "postgresql.conf"
    configuration.write_text(f"{configuration.read_text()}\nshared_buffers = '24MB'\n")
    running.start()
    assert ask(running.url("postgres"), "SHOW shared_buffers") == "24MB"


def test_the_log_is_a_ring_of_days_and_bounded(running: Server) -> None:
    running.stop()
    days = [path for path in running.log.glob("*.log") if path.name != "start.log"]
    assert [len(path.stem) for path in days] == [3]  # Mon.log, say
    other = running.log / "old.log"
    with other.open("wb") as file:
        file.truncate(65_000_000)
    running.start()
    assert other.stat().st_size == 0


def test_a_home_without_password_says_what_is_missing(running: Server) -> None:
    running.password.unlink()
    with pytest.raises(PostgresError, match=r"home/postgres/password"):
        running.url()
