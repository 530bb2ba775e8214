"""The database of an installation: the server that the owner names, or an embedded one of ours."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from alphapulse.postgres.error import PostgresError
from alphapulse.postgres.server import Server
from alphapulse.settings import Settings
from alphapulse.store.databases import dagster_url, ensure_database

__all__ = ["PostgresError", "Server", "dagster_url", "database", "ensure_database"]

NAME = "alphapulse"
ON_DEMAND = "started-on-demand"  # beside the data: the server belongs to those who use it


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The address of the database, while the block runs.

    An embedded server is started if it is not running; whoever of its users leaves last stops it
    again. One that was started otherwise is left alone. Raises PostgresError.
    """
    if settings.database_url:
        yield settings.database_url
        return
    server = Server(settings.home, settings.postgres_port)
    with server.lock():  # makes the directory
        users = (server.directory / "users").open("w")
    with users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            if server.start():
                (server.directory / ON_DEMAND).touch()
            yield ensure_database(server.url("postgres"), NAME)
        finally:
            if is_last(users.fileno()) and (server.directory / ON_DEMAND).exists():
                server.stop()
                (server.directory / ON_DEMAND).unlink()


def is_last(users: int) -> bool:
    """Whether nobody else uses the server; the kernel forgets users that were killed."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
