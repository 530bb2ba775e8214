"""A database whose writer and reader were made: their addresses, for tests that enter by them."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.sql import SQL, Identifier

from alphapulse.postgres.logins import Logins
from alphapulse.store.connect import connect
from alphapulse.store.roles import login, make_roles, roles_of

WRITER, READER = "writer's '%\\ secret", "reader's \" secret/?"


@contextmanager
def roled(url: str) -> Iterator[Logins]:
    """The roles go again afterwards: they belong to the server, which outlives the database."""
    with connect(url, "test roles") as owner:
        names = roles_of(owner.info.dbname)
        passwords = {names.writer.name: WRITER, names.reader.name: READER}
        roles = make_roles(owner, passwords)
        writer = login(url, roles.writer.name, WRITER)
        yield Logins(writer, login(url, roles.reader.name, READER))
        for role in roles:
            owner.execute(SQL("DROP OWNED BY {}").format(Identifier(role.name)))
            owner.execute(SQL("DROP ROLE {}").format(Identifier(role.name)))
