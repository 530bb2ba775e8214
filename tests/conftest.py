"""Fixtures that every room shares: a real PostgreSQL, a fresh database for each test that asks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE
from typing import TYPE_CHECKING
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from alphapulse.migrate import migrate
from alphapulse.store.connect import Store, connect

if TYPE_CHECKING:
    from tests.dagster_stage import Running

ROOT = Path(__file__).parents[1]

settings.register_profile("ci", deadline=None, print_blob=True)
settings.register_profile("house", deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in `make test &` of a script
    signal.signal(signal.SIGINT, signal.default_int_handler)  # see launcher.part.die_with_parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What meets a PostgreSQL is marked `database`: CI runs it on a second server. What drives a
    whole Dagster is marked `dagster`: it needs both cores, and runs after the others.
    """
    for item in items:
        for fixture, marker in (("server_url", "database"), ("dagster", "dagster")):
            if fixture in getattr(item, "fixturenames", ()):
                item.add_marker(marker)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where every test must run (CI says so by REQUIRE_EVERY_TEST), a skip is a failure."""
    report = yield
    if report.skipped and os.environ.get("REQUIRE_EVERY_TEST"):
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} was skipped, and here every test must run: {report.longrepr}"
        )
    return report


@pytest.fixture(scope="session")
def server_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A superuser's address of a PostgreSQL server: TEST_DATABASE_URL's, or an embedded one."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    home = tmp_path_factory.mktemp("embedded")
    command = [sys.executable, "-m", "tests.keeper", str(home)]
    with subprocess.Popen(command, cwd=ROOT, stdin=PIPE, stdout=PIPE, text=True) as keeper:
        assert keeper.stdin and keeper.stdout
        url = keeper.stdout.readline().strip()
        assert url, "the embedded server did not start; its error is above"
        yield url
        keeper.stdin.close()


@pytest.fixture
def empty_database(server_url: str) -> Iterator[str]:
    """The address of a database with nothing in it, dropped afterwards."""
    with made_database(server_url) as url:
        yield url


@contextmanager
def made_database(server_url: str, template: str | None = None) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    make = SQL("CREATE DATABASE {} TEMPLATE {}").format(
        Identifier(name),
        Identifier(template or "template0"),  # nobody can be in it
    )
    with psycopg.connect(server_url, autocommit=True) as admin:
        for left in range(20, -1, -1):  # TimescaleDB's launcher looks into template1 now and then
            try:
                admin.execute(make)
                break
            except psycopg.errors.ObjectInUse:
                assert left, "template1 is never free"
                time.sleep(0.5)
        yield make_conninfo(server_url, dbname=name)
        admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


def seal(url: str, name: str) -> None:
    """Make the database `name` one that can be copied: nobody is in it, or comes into it.

    TimescaleDB's worker sits in each of its databases, unless it is told to end; its launcher
    starts none where connections are not allowed.
    """
    with connect(make_conninfo(url, dbname=name), "test") as store:
        if store.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchone():
            store.execute("SELECT _timescaledb_functions.stop_background_workers()")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(Identifier(name)))
        admin.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s",
            [name],
        )


@pytest.fixture(scope="session")
def template(server_url: str) -> Iterator[str]:
    """The name of a migrated database to copy: a third of the time that migrations take."""
    with made_database(server_url) as url:
        with connect(url, "test") as store:
            migrate(store)
            name = store.info.dbname
        seal(server_url, name)
        yield name


@pytest.fixture
def database_url(server_url: str, template: str) -> Iterator[str]:
    """The address of a migrated database without rows, dropped afterwards."""
    with made_database(server_url, template) as url:
        yield url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """A writing connection to a migrated database without rows."""
    with connect(database_url, "test") as connection:
        yield connection


@pytest.fixture(scope="session")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Running]":
    """Dagster's web server and daemon, running, with three markets' days stored."""
    from tests.dagster_stage import running_dagster

    with running_dagster(tmp_path_factory.mktemp("dagster")) as running:
        yield running
