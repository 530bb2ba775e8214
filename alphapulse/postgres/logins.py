"""The embedded server's logins besides its owner, made by itself, with passwords of our own."""

from msgspec import Struct

from alphapulse.postgres.server import Server
from alphapulse.settings import Settings
from alphapulse.store.connect import connect
from alphapulse.store.roles import login, make_roles, roles_of

SHUT = ("postgres", "template1")  # databases of the server that are nobody's business but its own


class Logins(Struct, frozen=True):
    """Addresses of one database, by who enters it."""

    writer: str
    streamer: str
    reader: str


def make_logins(server: Server, url: str) -> Logins:
    """The logins for the database of `url`, which is `server`'s; its schema is there already.

    Passwords lie beside the owner's, one file each. Any number of processes may call it at once.
    Raises PostgresError, StoreUnavailable.
    """
    with server.lock(), connect(url, "roles") as store:
        database = store.info.dbname
        names = [role.name for role in roles_of(database)]
        passwords = {name: server.secret(file_of(name)) for name in names}
        make_roles(store, passwords, (f"{database}_dagster", *SHUT))
    return Logins(*(login(url, name, password) for name, password in passwords.items()))


def file_of(role: str) -> str:
    """`reader-password`, of the one database that our server has."""
    return f"{role.rpartition('_')[2]}-password"


def has_logins(server: Server) -> bool:
    return (server.directory / file_of("reader")).exists()


def reader_address(settings: Settings, url: str) -> str | None:
    """By which address whoever only reads enters the database of `url`; None: there is no other."""
    if settings.reader_url or settings.database_url:
        return settings.reader_url
    return own_logins(settings, url).reader


def own_logins(settings: Settings, url: str) -> Logins:
    """Those of the embedded server."""
    return make_logins(Server(settings.home, settings.postgres_port), url)
