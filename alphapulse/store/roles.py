"""The logins of a database besides its owner: who writes trades, who streams, who only reads.

They are named after the database (alphapulse_writer, …_streamer, …_reader): roles belong to the
whole server, and so those of one database can do nothing in the next. Making them again changes
only what is not as it should be. Passwords are sent as SCRAM verifiers: no log of the server shows
one.
"""

import random
import time
from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from alphapulse.store.connect import TIMEOUT, Store
from alphapulse.store.databases import address
from alphapulse.store.rights import Role, Roles, grants

LONGEST = 63  # bytes of a role's name
ATTEMPTS = 20  # at changing what another database's maker changes at the same moment
CONNECTIONS = 40  # of a role at once; PostgreSQL's own default is 100 for everybody
LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('alphapulse roles', 0))"

# The reader may turn these off for itself: they guard against accidents. What guards against people
# is that nothing but SELECT is granted. Only a superuser can set BOUND, and the reader not undo it.
GENTLE = {
    "default_transaction_read_only": "on",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
BOUND = {"temp_file_limit": "4GB"}  # what one query may spill to the disk

LOOK = """
SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
       rolconnlimit, coalesce(rolconfig, '{}') FROM pg_roles WHERE rolname = %s"""
NEGATED = ("NOSUPERUSER", "NOCREATEDB", "NOCREATEROLE", "NOREPLICATION", "NOBYPASSRLS")
CROWDED = (  # two makers, each in a database of its own: the next attempt finds it done
    errors.InternalError_, errors.DuplicateObject, errors.UniqueViolation,
    errors.DeadlockDetected, errors.SerializationFailure,
)  # fmt: skip


class RolesRefused(Exception):
    """Our login may not make or change roles; the message says what an administrator must do."""


def roles_of(database: str, *, bounded: bool = False) -> Roles:
    """What the roles of `database` are to be; `bounded`: as only a superuser can make them."""
    writer, streamer, reader = (f"{database}_{end}" for end in ("writer", "streamer", "reader"))
    if len(streamer.encode()) > LONGEST:
        raise RolesRefused(f"the name of database {database} is too long to name roles after it")
    bound = BOUND if bounded else {}
    return Roles(Role(writer), Role(streamer, bound), Role(reader, GENTLE | bound))


def login(url: str, role: str, password: str) -> str:
    """The same database as `url`, entered as another role."""
    return address(conninfo_to_dict(url) | {"user": role, "password": password})


def make_roles(store: Store, passwords: Mapping[str, str], also: tuple[str, ...] = ()) -> Roles:
    """Make the roles of this database, or bring them up to date.

    `passwords` by role name. `also`: other databases that only their owner shall enter. Raises
    RolesRefused. Any number of processes may call it at once, in any databases of the server.
    """
    database = store.info.dbname
    (bounded,) = one(store, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    roles = roles_of(database, bounded=bounded)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with store.transaction():
                store.execute(LOCK)
                for role in roles:
                    make_role(store, role, passwords.get(role.name))
                for statement in grants(store, roles, (database, *also), strict=bounded):
                    store.execute(statement)
        except CROWDED:
            if attempt == ATTEMPTS:
                raise
            time.sleep(random.uniform(0.01, 0.1))  # noqa: S311 - not a secret
        else:
            break
    return roles


def make_role(store: Store, role: Role, password: str | None) -> None:
    """Raises RolesRefused, with the very statements that this login may not run."""
    statements = list(changes(store, role, password))
    try:
        with store.transaction():
            for statement in statements:
                store.execute(statement)
    except errors.InsufficientPrivilege as failure:
        hidden = changes(store, role, None if password is None else "…", hide=True)
        wanted = "; ".join(statement.as_string(store) for statement in hidden)
        raise RolesRefused(
            f"role {store.info.user} may not make or change role {role.name}: have an "
            f"administrator run {wanted}; and then this command again"
        ) from failure


def changes(
    store: Store, role: Role, password: str | None, *, hide: bool = False
) -> Iterator[Composed]:
    """The statements after which `role` is as it should be; none if it is."""
    found = store.execute(LOOK, [role.name]).fetchone()
    name = Identifier(role.name)
    if found is None:
        if password is None:
            kind = role.name.rpartition("_")[2].upper()
            raise RolesRefused(
                f"role {role.name} is not there yet: give its password, ALPHAPULSE_{kind}_PASSWORD"
            )
        words: list[Composable] = [SQL("LOGIN"), limit(), secret(store, role, password, hide=hide)]
        yield SQL("CREATE ROLE {} {}").format(name, SQL(" ").join(words))
        found = (True, *(False for _ in NEGATED), CONNECTIONS, [])
    elif words := [*differences(*found[:-1]), *new_secret(store, role, password, hide=hide)]:
        yield SQL("ALTER ROLE {} {}").format(name, SQL(" ").join(words))
    for setting, value in role.settings.items():
        if f"{setting}={value}" not in found[-1]:
            yield SQL("ALTER ROLE {} SET {} = {}").format(name, SQL(setting), Literal(value))


def differences(can_login: bool, *rest: Any) -> Iterator[Composable]:
    """What a role has too much or too little. Words that need not be said need no right either."""
    *powers, connections = rest
    if not can_login:
        yield SQL("LOGIN")
    yield from (SQL(no) for no, has in zip(NEGATED, powers, strict=True) if has)
    if connections != CONNECTIONS:
        yield limit()


def limit() -> Composable:
    return SQL("CONNECTION LIMIT {}").format(Literal(CONNECTIONS))


def new_secret(
    store: Store, role: Role, password: str | None, *, hide: bool
) -> Iterator[Composable]:
    """Nothing, where this password opens the door already."""
    if password is not None and (hide or not opens(store, role, password)):
        yield secret(store, role, password, hide=hide)


def secret(store: Store, role: Role, password: str, *, hide: bool) -> Composable:
    if hide:
        return SQL("PASSWORD '…'")
    made = store.pgconn.encrypt_password(password.encode(), role.name.encode(), b"scram-sha-256")
    return SQL("PASSWORD {}").format(Literal(made.decode()))


def opens(store: Store, role: Role, password: str) -> bool:
    """Whether the server lets the role in by this password; one that asks for none says nothing."""
    known: dict[str, Any] = {"connect_timeout": TIMEOUT, "user": role.name, "password": password}
    try:
        with psycopg.connect(make_conninfo(store.info.dsn, **known)) as tried:
            return bool(tried.pgconn.used_password)
    except psycopg.OperationalError:
        return False


def one(store: Store, query: str) -> tuple[Any, ...]:
    row = store.execute(query.encode()).fetchone()
    assert row is not None
    return row
