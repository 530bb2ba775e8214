"""The embedded server's logins besides its owner, made by itself, with passwords of our own."""

from msgspec import Struct

from alphapulse.postgres.server import Server
from alphapulse.settings import Settings
from alphapulse.store.connect import connect
from alphapulse.store.roles import login, make_roles, roles_of

WRITER, READER = "writer-password", "reader-password"  # files beside the owner's, mode 0600
SHUT = ("postgres", "template1")  # databases of the server that are nobody's business but its own


class Logins(Struct, frozen=True):
    """Addresses of one database, by who enters it."""

    writer: str
    reader: str


def make_logins(server: Server, url: str) -> Logins:
    """The logins for the database of `url`, which is `server`'s; its schema is there already.

    Any number of processes may call it at once. Raises PostgresError, StoreUnavailable.
    """
    with server.lock(), connect(url, "roles") as store:
        database = store.info.dbname
        roles = roles_of(database)
        writer, reader = (server.secret(name) for name in (WRITER, READER))
        passwords = {roles.writer.name: writer, roles.reader.name: reader}
        make_roles(store, passwords, (f"{database}_dagster", *SHUT))
    return Logins(login(url, roles.writer.name, writer), login(url, roles.reader.name, reader))


def has_logins(server: Server) -> bool:
    return (server.directory / READER).exists()


def reader_address(settings: Settings, url: str) -> str | None:
    """By which address whoever only reads enters the database of `url`; None: there is no other."""
    if settings.reader_url or settings.database_url:
        return settings.reader_url
    return make_logins(Server(settings.home, settings.postgres_port), url).reader
