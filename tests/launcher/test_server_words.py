"""Words that compose.yaml and systemd use: one of Dagster's processes, a knock at a door."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from psycopg.sql import SQL, Identifier

from alphapulse.store.connect import connect
from launcher.knock import answers
from tests.launcher.stage import environment, free_port, run


class Door(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/well" else 503)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def door() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Door) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_knock_is_answered_by_who_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")  # is not asked
    with door() as address:
        assert answers(f"{address}/well")
        assert not answers(f"{address}/ill")
    assert not answers(f"http://127.0.0.1:{free_port()}/well")
    assert not answers("nonsense")


def test_dagster_alone_needs_a_server_that_outlives_it(tmp_path: Path) -> None:
    done = run(environment(tmp_path), "dagster", "daemon")
    assert done.returncode == 1
    assert "set ALPHAPULSE_DATABASE_URL" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_check_says_that_no_daemon_lives(empty_database: str, tmp_path: Path) -> None:
    """Dagster's own word, in the home and with the database that the daemon has."""
    given = environment(tmp_path, database_url=empty_database)
    done = run(given, "dagster", "check")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr, done.stderr
    assert (tmp_path / "dagster/dagster.yaml").exists()
    with connect(empty_database, "test") as owner:
        beside = Identifier(f"{owner.info.dbname}_dagster")
        owner.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(beside))
