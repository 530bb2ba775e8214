"""What each role of a database may do in it (who they are: roles.py)."""

from collections.abc import Iterator

from msgspec import Struct, field
from psycopg.sql import SQL, Composable, Composed, Identifier

from alphapulse.store.connect import Store

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

TABLES = "SELECT relname FROM pg_class WHERE oid = to_regclass('public.' || quote_ident(%s))"
OWNED = """
SELECT datname FROM pg_database
WHERE datname = ANY(%s) AND pg_has_role(datdba, 'USAGE')"""


class Role(Struct, frozen=True):
    name: str
    settings: dict[str, str] = field(default_factory=dict)


class Roles(Struct, frozen=True):
    writer: Role
    streamer: Role
    reader: Role

    def __iter__(self) -> Iterator[Role]:
        yield from (self.writer, self.streamer, self.reader)


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
