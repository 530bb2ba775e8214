"""Fixtures of the pipelines: a house over a fresh store, and instances to record runs on."""

from collections.abc import Iterator
from pathlib import Path
from shutil import copy

import dagster as dg
import pytest
from psycopg.conninfo import conninfo_to_dict

from alphapulse.settings import Settings
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House
from tests.conftest import ROOT


@pytest.fixture
def house(database_url: str, tmp_path: Path) -> House:
    """Files below a temporary directory, rows in a fresh database."""
    return House(tmp_path / "parquet", tmp_path / "market_data.duckdb", lambda: database_url)


@pytest.fixture
def definitions(house: House) -> dg.Definitions:
    return build_definitions(Settings(), house)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    """Forgets everything: for what does not depend on the storage.

    In memory, because files of a fresh instance cost each test a second of a core.
    """
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def opened_again() -> Iterator[dg.DagsterInstance]:
    """In files, for what opens its instance anew, as a schedule's tick does."""
    with dg.instance_for_test() as made:
        yield made


@pytest.fixture
def dagster_home(empty_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A place for an instance that is stored in PostgreSQL."""
    home = tmp_path / "dagster"
    prepare(home, empty_database, monkeypatch)
    return home


def prepare(home: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the launcher makes: our dagster.yaml in a folder of its own, and its variables."""
    home.mkdir()
    copy(ROOT / "dagster.yaml", home)
    parts = conninfo_to_dict(url)
    monkeypatch.setenv("DAGSTER_HOME", str(home))
    monkeypatch.setenv("DAGSTER_PG_HOST", str(parts.get("host", "127.0.0.1")))
    monkeypatch.setenv("DAGSTER_PG_PORT", str(parts.get("port", 5432)))
    monkeypatch.setenv("DAGSTER_PG_USER", str(parts["user"]))
    monkeypatch.setenv("DAGSTER_PG_PASSWORD", str(parts.get("password", "")))
    monkeypatch.setenv("DAGSTER_PG_DB", str(parts["dbname"]))


@pytest.fixture
def postgres_instance(dagster_home: Path) -> Iterator[dg.DagsterInstance]:
    """The real thing: built from our dagster.yaml, stored in PostgreSQL."""
    with dg.DagsterInstance.from_config(str(dagster_home)) as made:
        yield made
