"""A database that is there and up to date, for a command."""

from collections.abc import Iterator
from contextlib import contextmanager

from alphapulse.migrate import migrate
from alphapulse.postgres import Server, database
from alphapulse.postgres.logins import has_logins, make_logins
from alphapulse.settings import Settings
from alphapulse.store.connect import StoreUnavailable, connect
from alphapulse.store.writing import AWAY


@contextmanager
def ready_database(settings: Settings, *, may_be_away: bool = False) -> Iterator[str]:
    """The address of the database with its schema up to date, while the block runs."""
    with database(settings) as url:
        try:
            with connect(url, "migrate") as store:
                applied = migrate(store, simulated=settings.simulated)
            make_own_logins(settings, url, anew=bool(applied))
        except AWAY as failure:  # it may go away in the middle too
            if not may_be_away:
                raise StoreUnavailable(str(failure)) from failure
        yield url


def make_own_logins(settings: Settings, url: str, *, anew: bool) -> None:
    """The embedded server's logins, where there are none yet or the schema has grown."""
    server = Server(settings.home, settings.postgres_port)
    if not settings.database_url and (anew or not has_logins(server)):
        make_logins(server, url)
