"""The writer and the reader of a database: each may do its work, and is refused everything else."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from uuid import uuid4

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from alphapulse.cursor import Heard
from alphapulse.migrate import MigrationError, migrate
from alphapulse.postgres.logins import Logins
from alphapulse.statistics import CollectorSecond, FeedSecond, Histogram, StreamSecond
from alphapulse.store import gaps, stream
from alphapulse.store.claims import claim
from alphapulse.store.connect import Store, connect
from alphapulse.store.roles import CONNECTIONS, RolesRefused, login, make_roles, roles_of
from alphapulse.store.statistics import StatisticsWriter, roll_minutes
from alphapulse.store.turn import Turn
from alphapulse.store.uptime import Served, tell_uptime
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Gap, Market, Side, Source, Trade
from tests.roled import PASSWORDS, roled

NOON = 1_769_860_800_000_000  # 2026-01-31 12:00 UTC, in microseconds
SECOND = NOON // 1_000_000


@pytest.fixture
def logins(database_url: str) -> Iterator[Logins]:
    with roled(database_url) as logins:
        yield logins


@pytest.fixture
def reader(logins: Logins) -> Iterator[Store]:
    with connect(logins.reader, "test reader") as store:
        yield store


@pytest.fixture
def writer(logins: Logins) -> Iterator[Store]:
    with connect(logins.writer, "test writer") as store:
        yield store


def trades(*ids: int) -> list[Trade]:
    return [
        Trade(
            "kraken",
            "BTC/USD",
            id,
            Decimal("100.1"),
            Decimal("0.5"),
            Side.BUY,
            NOON + id,
            NOON + 9,
            Source.LIVE,
        )
        for id in ids
    ]


def test_the_writer_does_all_that_a_collector_does(writer: Store, logins: Logins) -> None:
    """Its very statements: claim, partitions, trades by both ways, gap, uptime, REST turn."""
    claim(writer, "kraken")
    work = TradeWriter(writer)
    assert work.make_ahead(NOON // 86_400_000_000)
    assert work.insert(trades(1, 2)) == 2
    assert work.insert(trades(*range(1, 101))) == 98
    assert work.insert(trades(*range(201, 301))) == 100
    assert gaps.newest(writer, "kraken")["BTC/USD"] == (300, NOON + 300)
    market = Market("kraken", "BTC/USD")
    hole = Gap(market, 100, NOON + 100, 201, NOON + 201)
    gaps.report(writer, hole, "disconnect")
    gaps.report(writer, hole, "disconnect")
    assert len(gaps.open_gaps(writer, "kraken")) == 1
    gaps.refuse_market(writer, market, "no such market")
    gaps.serve_markets(writer, [market])
    now = datetime(2026, 1, 31, 12, tzinfo=UTC)
    for _ in range(2):
        tell_uptime(logins.writer, "test", "kraken", True, [Served(["BTC/USD"], now, now)])
    turn = Turn(writer, "https://api.kraken.com")
    turn.begin(0.001)
    turn.end(0.001)
    feeds = (FeedSecond("BTC/USD", 2, Histogram({3: 2}, 3)),)
    for _ in range(2):
        second = CollectorSecond("kraken", SECOND, feeds, Histogram(), Histogram(), 1, 2, 3)
        StatisticsWriter(writer).write([second])
    assert roll_minutes(writer) == 1


NOT_THE_WRITERS = (
    "UPDATE trades SET price = 1",
    "DELETE FROM trades",
    "TRUNCATE trades",
    "DROP TABLE trades",
    "INSERT INTO migrations (name, sha256) VALUES ('0099_mine', 'x')",
    "UPDATE instance SET simulated = true",
    "DELETE FROM alerts",
    "CREATE TABLE mine (a int)",
    "CREATE ROLE mine",
)


def test_the_writer_changes_no_trade_and_no_schema(writer: Store) -> None:
    for statement in NOT_THE_WRITERS:
        with pytest.raises(errors.InsufficientPrivilege):
            writer.execute(statement.encode())


def test_the_reader_reads_every_view_that_people_are_given(reader: Store, store: Store) -> None:
    TradeWriter(store).insert(trades(1, 2))
    views = reader.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall()
    assert {("market_trades",), ("market_gaps",), ("market_coverage",)} <= set(views)
    for (view,) in views:
        reader.execute(SQL("SELECT * FROM {} LIMIT 1").format(Identifier(view)))
    assert reader.execute("SELECT count(*) FROM market_trades").fetchone() == (2,)


def test_the_streamer_listens_marks_reads_and_counts_itself(logins: Logins, store: Store) -> None:
    TradeWriter(store).insert(trades(1, 2))
    with connect(logins.streamer, "test streamer") as streamer:
        stream.listen(streamer)
        stream.mark_durably(streamer)
        stream.send_mark(streamer, "mark")
        upto = Heard(stream.epoch(streamer), stream.snapshot(streamer)).cursor()
        assert stream.read_markets(streamer) == {1: Market("kraken", "BTC/USD")}
        assert not stream.has_dropped_since(streamer, upto)
        assert [row.trade_id for _, row in stream.last_rows(streamer, upto, [1], 5)] == [1, 2]
        assert stream.read_gaps(streamer, (), None, 10) == {}
        for _ in range(2):
            StatisticsWriter(streamer).write([StreamSecond(SECOND, 5, 1, Histogram({3: 1}, 3))])
        assert roll_minutes(streamer) == 1
        for statement in (
            *NOT_THE_WRITERS,
            "INSERT INTO markets (exchange, symbol) VALUES ('a', 'b')",
        ):
            with pytest.raises(errors.InsufficientPrivilege):
                streamer.execute(statement.encode())


# Each with the reader's own seat belt taken off first, as an attacker would.
FORBIDDEN = (
    "INSERT INTO markets (exchange, symbol) VALUES ('a', 'b')",
    "UPDATE gaps SET state = 'repaired'",
    "DELETE FROM trades",
    "TRUNCATE trades",
    "CREATE TABLE mine (a int)",
    "CREATE TEMPORARY TABLE mine (a int)",
    "SELECT nextval('trades_seq')",
    "SELECT make_days('2020-01-01', '2020-01-02')",
    "SELECT pg_read_file('postgresql.conf')",
    "SELECT pg_ls_dir('.')",
    "SELECT lo_import('/etc/passwd')",
    "SELECT lo_create(0)",
    "COPY trades TO '/tmp/stolen'",
    "COPY trades TO PROGRAM 'cat'",
    "SELECT * FROM pg_authid",
    "SELECT passwd FROM pg_shadow",
    "SELECT * FROM alert_channels",
    "SELECT * FROM alert_messages",
    "SELECT pg_advisory_lock(1)",
    "SELECT pg_reload_conf()",
    "SET temp_file_limit = -1",
    "ALTER ROLE CURRENT_USER CONNECTION LIMIT -1",
    "CREATE EXTENSION dblink",
)


def test_the_reader_is_refused_everything_else(reader: Store) -> None:
    reader.execute("SET default_transaction_read_only = off")
    for statement in FORBIDDEN:
        with pytest.raises(errors.InsufficientPrivilege):
            reader.execute(statement.encode())


def test_the_reader_wears_a_seat_belt(reader: Store) -> None:
    with pytest.raises(errors.ReadOnlySqlTransaction):
        reader.execute("CREATE TABLE mine (a int)")
    assert reader.execute("SHOW statement_timeout").fetchone() == ("1min",)
    limits = reader.execute("SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user")
    assert limits.fetchone() == (CONNECTIONS,)


def test_the_reader_of_one_database_cannot_enter_another(
    logins: Logins, empty_database: str
) -> None:
    with connect(empty_database, "test") as other:
        migrate(other)
    name = conninfo_to_dict(empty_database)["dbname"]
    with roled(empty_database), pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(make_conninfo(logins.reader, dbname=name))


def test_what_later_migrations_make_is_readable(store: Store, reader: Store, writer: Store) -> None:
    store.execute("CREATE TABLE later (a integer)")
    writer.execute("INSERT INTO later VALUES (1)")
    assert reader.execute("SELECT a FROM later").fetchone() == (1,)


def test_making_them_again_changes_nothing(store: Store, logins: Logins) -> None:
    """Nor does it need the passwords again; a wrong one is set right."""
    make_roles(store, {})
    with connect(logins.reader, "test") as reader:
        assert reader.execute("SELECT 1").fetchone() == (1,)
    name = roles_of(store.info.dbname).reader.name
    store.execute(SQL("ALTER ROLE {} CREATEDB PASSWORD 'other'").format(Identifier(name)))
    make_roles(store, {name: PASSWORDS[-1]})
    with connect(logins.reader, "test") as reader:
        assert reader.execute("SELECT 1").fetchone() == (1,)
    powers = store.execute("SELECT rolcreatedb FROM pg_roles WHERE rolname = %s", [name])
    assert powers.fetchone() == (False,)


def test_many_makers_at_once_in_several_databases(
    store: Store, logins: Logins, database_url: str, empty_database: str
) -> None:
    """Roles are the whole server's: makers step on each other's feet in its catalog."""
    with connect(empty_database, "test") as other:
        migrate(other)
    name = roles_of(store.info.dbname).reader.name

    def make(place: int) -> str:
        with connect((database_url, empty_database)[place % 2], "test") as maker:
            if place % 2 == 0:
                with suppress(errors.InternalError_):  # what makers meet, and try again
                    maker.execute(SQL("ALTER ROLE {} CREATEDB").format(Identifier(name)))
            return make_roles(maker, {}).reader.name

    with roled(empty_database), ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(make, range(12)))) == 2


def test_a_password_is_never_in_what_the_server_is_sent(store: Store, logins: Logins) -> None:
    """Only its SCRAM verifier: a server that logs every statement learns nothing."""
    name = roles_of(store.info.dbname).reader.name
    found = store.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [name]).fetchone()
    assert found is not None
    assert str(found[0]).startswith("SCRAM-SHA-256$")


@pytest.fixture
def poor_owner(server_url: str) -> Iterator[str]:
    """The address of a database whose owner may not make roles."""
    name = f"poor_{uuid4().hex[:8]}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(SQL("CREATE ROLE {} LOGIN PASSWORD 'poor'").format(Identifier(name)))
        admin.execute(SQL("CREATE DATABASE {0} OWNER {0}").format(Identifier(name)))
        try:
            yield make_conninfo(server_url, user=name, password="poor", dbname=name)
        finally:
            admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
            for end in ("", "_reader", "_streamer", "_writer"):
                admin.execute(SQL("DROP ROLE IF EXISTS {}").format(Identifier(name + end)))


def test_an_owner_who_may_not_make_roles_is_told_what_to_ask_for(
    poor_owner: str, server_url: str
) -> None:
    with connect(poor_owner, "test") as owner:
        migrate(owner)
        roles = roles_of(owner.info.dbname)
        passwords = {role.name: "a long secret" for role in roles}
        with pytest.raises(RolesRefused, match="may not make or change role") as refused:
            make_roles(owner, passwords)
        assert "a long secret" not in str(refused.value)
        with psycopg.connect(server_url, autocommit=True) as admin:
            for role in roles:
                admin.execute(
                    SQL("CREATE ROLE {} LOGIN CONNECTION LIMIT {} PASSWORD 'a long secret'").format(
                        Identifier(role.name), CONNECTIONS
                    )
                )
                for setting, value in role.settings.items():
                    admin.execute(
                        SQL("ALTER ROLE {} SET {} = {}").format(
                            Identifier(role.name), SQL(setting), value
                        )
                    )
        make_roles(owner, {})
    entry = login(poor_owner, roles.reader.name, "a long secret")
    with connect(entry, "test") as reader:
        assert reader.execute("SELECT count(*) FROM market_trades").fetchone() == (0,)


def test_a_reader_is_told_that_the_schema_is_behind(store: Store, logins: Logins) -> None:
    with connect(logins.reader, "test") as reader:
        assert migrate(reader) == []
        store.execute("DELETE FROM migrations WHERE name = '0015_roles'")
        with pytest.raises(MigrationError, match=r"lacks 0015_roles.*alphapulse migrate"):
            migrate(reader)
