"""The one question that the rest of the house asks: where is the database?"""

import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from alphapulse.postgres import Server, database
from alphapulse.settings import Settings

pytestmark = pytest.mark.embedded


@pytest.fixture
def settings(server: Server) -> Settings:
    return Settings(home=server.home, postgres_port=server.port)


def test_a_given_address_is_used_as_it_is(tmp_path: Path) -> None:
    given = "postgresql://somebody@elsewhere:1/prices"
    with database(Settings(home=tmp_path, database_url=given)) as url:
        assert url == given
    assert list(tmp_path.iterdir()) == []


def test_the_embedded_server_lives_as_long_as_the_block(server: Server, settings: Settings) -> None:
    with database(settings) as url:
        assert url == server.url("alphapulse")
        with psycopg.connect(url) as connection:
            assert connection.info.dbname == "alphapulse"
    assert not server.is_running()


def test_a_server_that_ran_before_runs_on(running: Server, settings: Settings) -> None:
    with database(settings) as url, psycopg.connect(url) as connection:
        connection.execute("SELECT 1")
    assert running.is_running()


def test_of_two_users_the_one_who_leaves_last_stops(server: Server, settings: Settings) -> None:
    first, second = database(settings), database(settings)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert server.is_running()
    second.__exit__(None, None, None)
    assert not server.is_running()


def test_a_user_who_was_killed_does_not_keep_the_server_running(
    server: Server, settings: Settings
) -> None:
    script = (
        "import sys; from tests.alphapulse.postgres.test_database import stay; stay(*sys.argv[1:])"
    )
    command = [sys.executable, "-c", script, str(settings.home), str(settings.postgres_port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout
        assert user.stdout.readline() == "here\n"
        with database(settings):
            user.kill()
            user.wait()
        assert not server.is_running()


def stay(home: str, port: str) -> None:
    """Use the database until killed."""
    with database(Settings(home=Path(home), postgres_port=int(port))):
        print("here", flush=True)
        signal.pause()


def test_an_error_inside_stops_the_server_too(server: Server, settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError), database(settings):
        raise ZeroDivisionError
    assert not server.is_running()
