"""Databases are made when missing, and their addresses understood by everyone."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier
from sqlalchemy.engine import make_url

from alphapulse.store.connect import StoreUnavailable
from alphapulse.store.databases import DatabaseRefused, address, dagster_url, ensure_database

TEXT = st.text(st.characters(codec="ascii", min_codepoint=33), min_size=1, max_size=12)


@pytest.fixture
def name(server_url: str) -> Iterator[str]:
    """A name, awkward but legal, for databases that go again afterwards."""
    name = f'Test "{uuid4().hex[:8]} %/?'
    yield name
    with psycopg.connect(server_url, autocommit=True) as admin:
        for one in (name, f"{name}_dagster"):
            statement = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(one))
            admin.execute(statement)


def current(url: str) -> str:
    with psycopg.connect(url) as connection:
        return connection.info.dbname


def test_a_missing_database_is_made_and_then_left_alone(server_url: str, name: str) -> None:
    url = ensure_database(server_url, name)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept ()")
    assert ensure_database(server_url, name) == url
    assert current(url) == name
    with psycopg.connect(url) as connection:
        connection.execute("SELECT FROM kept")


def test_two_makers_at_once_both_get_it(server_url: str, name: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        urls = set(pool.map(lambda _: ensure_database(server_url, name), range(4)))
    assert {current(url) for url in urls} == {name}


def test_dagster_has_a_database_beside_each_of_ours(server_url: str, name: str) -> None:
    url = dagster_url(ensure_database(server_url, name))
    assert current(url) == f"{name}_dagster"
    assert make_url(url).database == f"{name}_dagster"


def test_an_address_whose_database_is_not_there_yet_will_do(server_url: str, name: str) -> None:
    future = make_conninfo(server_url, dbname=name)
    assert current(ensure_database(future, name)) == name


@pytest.fixture
def poor_role(server_url: str) -> Iterator[str]:
    """The address of a role that may do nothing but connect."""
    role = f"poor_{uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(SQL("CREATE ROLE {} LOGIN PASSWORD 'poor'").format(Identifier(role)))
        yield make_conninfo(server_url, user=role, password="poor")
        admin.execute(SQL("DROP ROLE {}").format(Identifier(role)))


def test_a_role_without_the_right_is_told_what_to_ask_for(poor_role: str, name: str) -> None:
    with pytest.raises(DatabaseRefused, match=r"poor_.* may not create .*administrator.*OWNER"):
        ensure_database(poor_role, name)


def test_a_database_that_is_there_needs_no_right(
    poor_role: str, server_url: str, name: str
) -> None:
    ensure_database(server_url, name)
    assert current(ensure_database(poor_role, name)) == name


def test_no_server_is_unavailable_not_refused() -> None:
    with pytest.raises(StoreUnavailable):
        ensure_database("postgresql://nobody@127.0.0.1:1/none", "any")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "user": TEXT,
            "password": TEXT,
            "host": st.sampled_from(["localhost", "10.0.0.1", "::1", "/run/a dir", "one,two"]),
            "port": st.integers(1, 65535).map(str),
            "dbname": TEXT,
            "application_name": TEXT,
        },
    )
)
def test_an_address_says_what_its_parts_say(parts: dict[str, str]) -> None:
    given = {name: value for name, value in parts.items() if name != "password" or "user" in parts}
    assert conninfo_to_dict(address(given)) == given


def test_the_usual_address_looks_as_usual() -> None:
    usual = "postgresql://me:secret@db.example:5432/prices?sslmode=require"
    assert address(conninfo_to_dict(usual)) == usual
