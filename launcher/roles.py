"""`alphapulse roles`: the database logins that may less than its owner."""

import click

from alphapulse.postgres import dagster_url
from alphapulse.postgres.logins import own_logins
from alphapulse.settings import Settings
from alphapulse.store.connect import connect
from alphapulse.store.rights import Roles
from alphapulse.store.roles import CONNECTIONS, make_roles, roles_of
from launcher.ready import ready_database


@click.command()
@click.pass_obj
def roles(settings: Settings) -> None:
    """Make the roles that write, stream and read, or bring them up to date.

    Their passwords: ALPHAPULSE_WRITER_PASSWORD, …_STREAMER_PASSWORD, …_READER_PASSWORD; the
    embedded server has its own, below ALPHAPULSE_HOME. The login of ALPHAPULSE_DATABASE_URL must
    own the database.
    """
    with ready_database(settings) as url:
        made = given_roles(settings, url) if settings.database_url else own_roles(settings, url)
    click.echo(
        f"{made.writer.name} stores trades, {made.streamer.name} pushes them, "
        f"{made.reader.name} only reads; each with at most {CONNECTIONS} connections"
    )


def own_roles(settings: Settings, url: str) -> Roles:
    own_logins(settings, url)
    with connect(url, "roles", read_only=True) as store:
        return roles_of(store.info.dbname)


def given_roles(settings: Settings, url: str) -> Roles:
    with connect(url, "roles") as store:
        database = store.info.dbname
        named = roles_of(database)
        given = {
            named.writer.name: settings.writer_password,
            named.streamer.name: settings.streamer_password,
            named.reader.name: settings.reader_password,
        }
        if settings.dagster:
            dagster_url(url)  # made now, so that it can be shut to everybody else
        passwords = {name: password for name, password in given.items() if password}
        return make_roles(store, passwords, (f"{database}_dagster",))
