"""How trades get in: exactly once, many at a time, each announced by its own transaction."""

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import date, timedelta
from time import monotonic
from typing import TypeAlias

import psycopg
from psycopg.pq import ConnStatus, ExecStatus
from psycopg.pq.abc import PGresult
from psycopg.sql import SQL, Composed, Identifier

from alphapulse.store.connect import Store, StoreUnavailable
from alphapulse.store.text import Texts
from alphapulse.trade import Market, Micros, Trade

log = logging.getLogger(__name__)

DAY = 86_400_000_000  # microseconds
AHEAD = 3  # days for which partitions are made before anything needs them
COPY_FROM = 50  # rows from which COPY is used; chosen, not measured
CHUNK = 500  # rows sent at a time: the server works on one while we write the next
PATIENCE = "500ms"  # to wait for the locks of a new partition, while trades wait behind us
AGAIN = 60.0  # seconds until a partition that could not be made is tried again

COPY = SQL("""
COPY {table} (traded_at, received_at, trade_id, market_id, side, source, price, size) FROM STDIN""")
INSERT = b"""
INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, source, price, size)
SELECT * FROM unnest($1::timestamptz[], $2::timestamptz[], $3::bigint[], $4::integer[],
                     $5::"char"[], $6::"char"[], $7::numeric[], $8::numeric[])
ON CONFLICT DO NOTHING"""
INSERT_NAME = b"alphapulse_insert_trades"
PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'trades'::regclass"

EPOCH = date(1970, 1, 1)

# What a store may raise: the server is away (connect again), or it cannot hold the values.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, StoreUnavailable)
UNFIT = (psycopg.DataError, psycopg.IntegrityError, OverflowError, UnicodeError)


# Number of the market, time, id, place among those given, the trade: in this order they sort.
Row: TypeAlias = tuple[int, Micros, int, int, Trade]


class RefusedRow(ValueError):
    """PostgreSQL cannot hold a row of these (a number or time out of range); none was stored."""


class TradeWriter:
    """Stores trades through one connection; remembers market ids and days that have a partition."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.market_ids: dict[tuple[str, str], int] = {}
        self.days: set[int] = set()
        self.retry_at = 0.0  # of the steady clock: when partitions may be made again
        self.texts = Texts()
        self.copies: dict[int, Composed] = {}  # by day, straight into its partition
        self.is_prepared = False

    def insert(self, trades: Iterable[Trade]) -> int:
        """Store `trades` in one transaction; gives how many were new. Of repeats the first counts.

        Rows go in by key, so that two writers of the same rows cannot deadlock. Raises RefusedRow
        with nothing stored, or psycopg.OperationalError when the server is away.
        """
        try:
            rows = self.rows(trades)
            return self.copy(rows) if len(rows) >= COPY_FROM else self.upsert(rows)
        except UNFIT as failure:
            raise RefusedRow(str(failure)) from failure

    def rows(self, trades: Iterable[Trade]) -> list[Row]:
        """All trades in order of the key, and of repeats as they came; their days have partitions
        then.
        """
        ids = self.market_ids
        rows = [
            (ids.get((t.exchange, t.symbol)) or self.market_id(t), t.traded_at, t.id, place, t)
            for place, t in enumerate(trades)
        ]
        self.ensure_days({row[1] // DAY for row in rows})
        rows.sort()
        return rows

    def copy(self, rows: Sequence[Row]) -> int:
        """The quick way, which one repeat makes fail; then the careful way stores the rest."""
        try:
            with self.store.cursor() as cursor:
                with cursor.copy(self.copy_statement(rows)) as copy:
                    for place in range(0, len(rows), CHUNK):
                        chunk = rows[place : place + CHUNK]
                        copy.write("".join([self.texts.line(row[0], row[4]) for row in chunk]))
                return cursor.rowcount
        except psycopg.errors.UniqueViolation:
            return self.upsert(rows)
        except psycopg.errors.UndefinedTable:
            self.copies.clear()  # somebody dropped that partition: trades itself knows where to go
            return self.copy(rows)

    def copy_statement(self, rows: Sequence[Row]) -> Composed:
        """Into the partition of a recent day, if all are of that day: many rows at a time.

        Through the partitioned table the server inserts row by row, because of the trigger.
        """
        days = {row[1] // DAY for row in rows}
        own = self.copies.get(days.pop()) if len(days) == 1 else None
        return own or COPY.format(table=Identifier("trades"))

    def upsert(self, rows: Sequence[Row]) -> int:
        """Any mixture of new and stored rows. libpq's own call: a cursor would cost 0.2 ms more,
        and this is what a lone trade waits for.
        """
        if not rows:
            return 0
        columns = zip(*(self.texts.fields(row[0], row[4]) for row in rows), strict=True)
        arrays = [("{" + ",".join(column) + "}").encode() for column in columns]
        if not self.is_prepared:
            with suppress(psycopg.errors.DuplicatePreparedStatement):  # another writer's, the same
                succeed(self.store, self.store.pgconn.prepare(INSERT_NAME, INSERT))
            self.is_prepared = True
        done = succeed(self.store, self.store.pgconn.exec_prepared(INSERT_NAME, arrays))
        return done.command_tuples or 0

    def market_id(self, trade: Trade) -> int:
        number = market_id(self.store, Market(trade.exchange, trade.symbol))
        self.market_ids[trade.exchange, trade.symbol] = number
        return number

    def ensure_days(self, days: set[int]) -> None:
        for day in sorted(days - self.days):
            if self.make_days(day, day):
                self.days.add(day)

    def make_ahead(self, today: int) -> bool:
        """Partitions for the coming days; `today` counts days since the epoch. False: not yet."""
        if not self.make_days(today, today + AHEAD):
            return False
        # Others are forgotten: retention drops old days, and their trades may come once more.
        self.days = set(range(today, today + AHEAD + 1))
        self.copies = self.copies_of(range(today - 1, today + AHEAD + 1))
        return True

    def copies_of(self, days: Iterable[int]) -> dict[int, Composed]:
        """COPY into each day's partition; none for a hypertable. Old days go through the table:
        retention may be letting go of them.
        """
        there = {name for (name,) in self.store.execute(PARTITIONS)}
        names = {day: f"trades_{EPOCH + timedelta(days=day):%Y%m%d}" for day in days}
        return {
            day: COPY.format(table=Identifier(name)) for day, name in names.items() if name in there
        }

    def make_days(self, first: int, last: int) -> bool:
        """Partitions from `first` to `last`; False: somebody's long transaction is in the way.

        Nothing is lost then. The default partition takes the rows, and a later call moves them.
        """
        if monotonic() < self.retry_at:
            return False
        days = [EPOCH + timedelta(days=day) for day in (first, last)]
        try:
            make_days(self.store, *days)
        except psycopg.errors.LockNotAvailable:
            self.retry_at = monotonic() + AGAIN
            log.warning("partitions of %s to %s wait for a long transaction to end", *days)
            return False
        return True


def insert_each(
    writer: TradeWriter, trades: Sequence[Trade], refuse: Callable[[Trade, RefusedRow], None]
) -> int:
    """Store what can be held and tell `refuse` of the rest; gives how many trades were new."""
    try:
        return writer.insert(trades)
    except RefusedRow as refusal:
        if len(trades) == 1:
            refuse(trades[0], refusal)
            return 0
    middle = len(trades) // 2
    halves = (trades[:middle], trades[middle:])
    return sum(insert_each(writer, half, refuse) for half in halves)


def succeed(store: Store, result: PGresult) -> PGresult:
    """The result, or the error that psycopg itself would have raised for it."""
    if result.status in {ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK}:
        return result
    if store.pgconn.status != ConnStatus.OK:  # libpq's own error has no SQLSTATE
        raise psycopg.OperationalError(store.pgconn.get_error_message())
    raise psycopg.errors.error_from_result(result, encoding=store.info.encoding)


def make_days(store: Store, first: date, last: date) -> None:
    """Raises LockNotAvailable rather than wait long: readers and writers queue behind who waits."""
    with store.transaction():
        store.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
        store.execute("SELECT make_days(%s, %s)", [first, last])


def market_id(store: Store, market: Market) -> int:
    """The market's number, given now if it has none."""
    values = [market.exchange, market.symbol]
    store.execute(
        "INSERT INTO markets (exchange, symbol) VALUES (%s, %s) ON CONFLICT DO NOTHING", values
    )
    found = store.execute(
        "SELECT market_id FROM markets WHERE exchange = %s AND symbol = %s", values
    )
    (number,) = found.fetchone() or (None,)
    if number is None:
        raise LookupError(f"market {market} was removed while it was being added")
    return int(number)
