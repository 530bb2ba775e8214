"""A database whose writer and reader were made: their addresses, for tests that enter by them."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg.sql import SQL, Identifier

from alphapulse.postgres.logins import Logins
from alphapulse.store.connect import connect
from alphapulse.store.roles import login, make_roles, roles_of

PASSWORDS = ("writer's '%\\ secret", "streamer's secret", "reader's \" secret/?")


@contextmanager
def roled(url: str) -> Iterator[Logins]:
    """The roles go again afterwards: they belong to the server, which outlives the database."""
    with connect(url, "test roles") as owner:
        names = [role.name for role in roles_of(owner.info.dbname)]
        roles = make_roles(owner, dict(zip(names, PASSWORDS, strict=True)))
        entries = (login(url, *each) for each in zip(names, PASSWORDS, strict=True))
        yield Logins(*entries)
        for role in roles:
            owner.execute(SQL("DROP OWNED BY {}").format(Identifier(role.name)))
            owner.execute(SQL("DROP ROLE {}").format(Identifier(role.name)))
