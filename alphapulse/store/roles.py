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
from msgspec import Struct, field
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from alphapulse.store.connect import TIMEOUT, Store
from alphapulse.store.databases import address

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

# Not for readers: whom we told what, and what exchanges were asked.
WITHHELD = ("alert_channels", "alert_messages", "alert_told", "rest_turns")
# What collectors change and delete; the trades themselves they only add.
CHANGED = (
    "markets", "gaps", "backfills", "uptime", "rest_turns", "coverage", "due_minutes",
    "feed_seconds", "feed_minutes", "collector_seconds", "collector_minutes",
)  # fmt: skip
# What the streamer counts of itself. For the rest it is a reader.
STREAMED = ("stream_seconds", "stream_minutes", "due_minutes")
# What others write: collectors read it at most.
NOT_COLLECTED = (
    "migrations", "instance", "copies", "dropped_days", "pauses",
    "alerts", "alert_channels", "alert_messages", "alert_told",
)  # fmt: skip

# Open to PUBLIC in every PostgreSQL, and no reader's business: locks by which collectors know that
# they are alone, and things that stay on the disk without being a table. Superusers close them.
STRAY = """
SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
AND (proname ~ '^pg_(try_)?advisory_' OR proname IN
     ('lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message'))"""

LOOK = """
SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls,
       rolconnlimit, coalesce(rolconfig, '{}') FROM pg_roles WHERE rolname = %s"""
NEGATED = ("NOSUPERUSER", "NOCREATEDB", "NOCREATEROLE", "NOREPLICATION", "NOBYPASSRLS")
TABLES = "SELECT relname FROM pg_class WHERE oid = to_regclass('public.' || quote_ident(%s))"
OWNED = """
SELECT datname FROM pg_database
WHERE datname = ANY(%s) AND pg_has_role(datdba, 'USAGE')"""

CROWDED = (  # two makers, each in a database of its own: the next attempt finds it done
    errors.InternalError_, errors.DuplicateObject, errors.UniqueViolation,
    errors.DeadlockDetected, errors.SerializationFailure,
)  # fmt: skip


class RolesRefused(Exception):
    """Our login may not make or change roles; the message says what an administrator must do."""


class Role(Struct, frozen=True):
    name: str
    settings: dict[str, str] = field(default_factory=dict)


class Roles(Struct, frozen=True):
    writer: Role
    streamer: Role
    reader: Role

    def __iter__(self) -> Iterator[Role]:
        yield from (self.writer, self.streamer, self.reader)


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


def grants(
    store: Store, roles: Roles, databases: tuple[str, ...], *, strict: bool
) -> Iterator[Composed]:
    """What each may do here, and with what later migrations bring."""
    w, t, r = (Identifier(role.name) for role in roles)
    readers = SQL("{}, {}").format(t, r)
    for (name,) in store.execute(OWNED, [list(databases)]).fetchall():
        yield SQL("REVOKE CONNECT, TEMPORARY ON DATABASE {} FROM PUBLIC").format(Identifier(name))
    here = Identifier(databases[0])
    yield SQL("GRANT CONNECT ON DATABASE {} TO {}, {}").format(here, w, readers)
    yield SQL("GRANT USAGE ON SCHEMA public TO {}, {}").format(w, readers)
    for later, all_of in (("ALTER DEFAULT PRIVILEGES IN SCHEMA public ", ""), ("", "ALL ")):
        where = SQL("" if later else "IN SCHEMA public")
        for rights, things, role in (
            ("SELECT", "TABLES", readers),
            ("SELECT, INSERT", "TABLES", w),
            ("USAGE", "SEQUENCES", w),
        ):
            yield SQL("{}GRANT {} ON {}{} {} TO {}").format(
                SQL(later), SQL(rights), SQL(all_of), SQL(things), where, role
            )
    yield from of_tables(store, "GRANT UPDATE, DELETE ON {} TO {}", CHANGED, w)
    yield from of_tables(store, "GRANT INSERT, UPDATE, DELETE ON {} TO {}", STREAMED, t)
    yield from of_tables(store, "REVOKE INSERT ON {} FROM {}", NOT_COLLECTED, w)
    yield from of_tables(store, "REVOKE SELECT ON {} FROM {}", WITHHELD, readers)
    yield SQL("GRANT EXECUTE ON FUNCTION make_days TO {}").format(w)
    yield SQL("GRANT EXECUTE ON FUNCTION roll_minutes TO {}, {}").format(w, t)
    if strict:
        for (function,) in store.execute(STRAY).fetchall():
            yield SQL("REVOKE EXECUTE ON FUNCTION {} FROM PUBLIC").format(SQL(function))
            yield SQL("GRANT EXECUTE ON FUNCTION {} TO {}").format(SQL(function), w)


def of_tables(
    store: Store, words: str, names: tuple[str, ...], role: Composable
) -> Iterator[Composed]:
    """For each of the tables that this database has."""
    for name in names:
        if store.execute(TABLES, [name]).fetchone():
            yield SQL(words).format(Identifier(name), role)


def one(store: Store, query: str) -> tuple[Any, ...]:
    row = store.execute(query.encode()).fetchone()
    assert row is not None
    return row
