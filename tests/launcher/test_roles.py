"""`alphapulse roles` on a given server, and what the embedded one does by itself."""

from pathlib import Path

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import make_conninfo

from alphapulse.postgres import Server, database
from alphapulse.postgres.logins import reader_address
from alphapulse.settings import Settings
from alphapulse.store.connect import connect
from alphapulse.store.roles import login, roles_of
from tests.launcher.stage import environment, free_port, run

SECRETS = {f"{who}_password": f"the {who}'s secret" for who in ("writer", "streamer", "reader")}


def test_on_a_given_server_by_passwords_that_nobody_is_shown(
    database_url: str, tmp_path: Path
) -> None:
    given = environment(tmp_path, database_url=database_url, dagster=False, **SECRETS)
    done = run(given, "roles")
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert not any(secret in said for secret in SECRETS.values())
    with connect(database_url, "test") as owner:
        roles = roles_of(owner.info.dbname)
        assert said.strip().endswith("each with at most 40 connections")
        entry = login(database_url, roles.reader.name, SECRETS["reader_password"])
        with psycopg.connect(entry) as reader:
            assert reader.execute("SELECT layout FROM instance").fetchone()
        for role in roles:
            owner.execute(f"DROP OWNED BY {role.name}".encode())
            owner.execute(f"DROP ROLE {role.name}".encode())


def test_without_a_password_it_says_what_is_missing(database_url: str, tmp_path: Path) -> None:
    done = run(environment(tmp_path, database_url=database_url, dagster=False), "roles")
    assert done.returncode == 1
    assert "is not there yet" in done.stderr
    assert "ALPHAPULSE_WRITER_PASSWORD" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.embedded
def test_the_embedded_server_makes_them_by_itself(tmp_path: Path) -> None:
    """Any command that needs the database does; passwords lie where only we can read them."""
    settings = Settings(home=tmp_path, postgres_port=free_port())
    with database(settings):
        given = environment(tmp_path, postgres_port=settings.postgres_port)
        assert run(given, "coverage").returncode == 0
        server = Server(tmp_path, settings.postgres_port)
        for name in ("writer-password", "streamer-password", "reader-password"):
            assert (server.directory / name).stat().st_mode & 0o777 == 0o600
        entry = reader_address(settings, server.url())
        assert entry is not None
        with psycopg.connect(entry, autocommit=True) as reader:
            assert reader.execute("SELECT count(*) FROM market_trades").fetchone() == (0,)
            reader.execute("SET default_transaction_read_only = off")
            with pytest.raises(errors.InsufficientPrivilege):
                reader.execute("CREATE TABLE mine ()")
        for other in ("postgres", "template1"):
            with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
                psycopg.connect(make_conninfo(entry, dbname=other))
