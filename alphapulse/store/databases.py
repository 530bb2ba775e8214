"""Databases as a whole: make them, address them. What they hold is the business of others."""

from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Identifier

from alphapulse.store.connect import Store, StoreUnavailable, connect

EVERYWHERE = "postgres"  # the database that a server has from the beginning
EXISTS = "SELECT 1 FROM pg_database WHERE datname = %s"


class DatabaseRefused(Exception):
    """The role may not create databases; the message says what an administrator must do."""


def dagster_url(url: str) -> str:
    """The address of Dagster's own database: NAME_dagster beside `url`'s NAME, made if missing."""
    name = conninfo_to_dict(url).get("dbname") or EVERYWHERE
    return ensure_database(url, f"{name}_dagster")


def ensure_database(url: str, name: str) -> str:
    """The address of the database `name` on the server of `url`; made when missing.

    Raises DatabaseRefused, or StoreUnavailable when the server does not answer.
    """
    with connect_anywhere(url) as store:
        if not store.execute(EXISTS, [name]).fetchone():
            create_database(store, name)
    return address(conninfo_to_dict(url) | {"dbname": name})


def connect_anywhere(url: str) -> Store:
    """A connection to `url`; if its database is not there yet, to the one that every server has."""
    try:
        return connect(url, "databases")
    except StoreUnavailable:
        elsewhere = address(conninfo_to_dict(url) | {"dbname": EVERYWHERE})
        with suppress(StoreUnavailable):
            return connect(elsewhere, "databases")
        raise


def create_database(store: Store, name: str) -> None:
    """CREATE DATABASE; another process doing the same at once is success too."""
    try:
        store.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
    except (errors.DuplicateDatabase, errors.UniqueViolation):
        return
    except errors.InsufficientPrivilege as failure:
        role = store.info.user
        raise DatabaseRefused(
            f"role {role} may not create the database {name}: have an administrator run "
            f'CREATE DATABASE "{name}" OWNER "{role}"'
        ) from failure


def address(parts: dict[str, Any]) -> str:
    """A URL from libpq's parameters: the form that SQLAlchemy, Dagster's, understands too."""
    words = {name: quote(str(value), safe="") for name, value in parts.items() if value is not None}
    login = ":".join(words.pop(name) for name in ("user", "password") if name in words)
    place = ""
    if is_plain_host(str(parts.get("host") or "")):
        place = ":".join(words.pop(name) for name in ("host", "port") if name in words)
    path = words.pop("dbname", "")
    rest = urlencode({name: str(parts[name]) for name in words}, quote_via=quote)
    return f"postgresql://{login}{'@' if login else ''}{place}/{path}{'?' if rest else ''}{rest}"


def is_plain_host(host: str) -> bool:
    """A single name or IPv4 address; sockets, lists and IPv6 are given as parameters."""
    return bool(host) and not set(host) & set("/,:@[]")
