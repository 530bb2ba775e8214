"""The statements of the streamer: where the database stands, the rows between two places, gaps.

A row's place is (tx, seq). Rows whose `tx` this database has not reached came with a restore from
another one and belong to no place; those dated beyond the years 1 to 9999 fit in no frame. Neither
are read.
"""

from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Any, TypeAlias

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from alphapulse.cursor import Cursor, Snapshot, Span
from alphapulse.notice import CHANNEL, GAP_CHANNEL, SIDES, SOURCES, GapNotice, GapState, Row
from alphapulse.store.connect import Store, StoreUnavailable
from alphapulse.trade import Market

Placed: TypeAlias = tuple[int, Row]  # a row and the transaction that stored it

# The timeline is that of the WAL written now: pg_control learns of a promotion late.
LIFE = """
SELECT system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8),
       (SELECT oid FROM pg_database WHERE datname = current_database())
FROM pg_control_system()"""

COLUMNS = """
    t.tx, t.seq, t.market_id, t.trade_id,
    (extract(epoch FROM t.traded_at) * 1000000)::bigint,
    (extract(epoch FROM t.received_at) * 1000000)::bigint,
    t.side::text, t.source::text, t.price::text, t.size::text"""

DATED = """
t.traded_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59+00'
AND t.received_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59+00'"""

BETWEEN = SQL("""
FROM unnest(%(firsts)s::bigint[], %(ends)s::bigint[]) AS span (first, beyond)
JOIN trades t ON t.tx >= span.first AND t.tx < span.beyond
WHERE t.tx >= %(lowest)s AND t.tx < %(highest)s
  AND t.tx < pg_snapshot_xmax(pg_current_snapshot())::text::bigint
  AND (t.tx <> %(tx)s OR t.seq > %(seq)s)
  AND (%(markets)s::integer[] IS NULL OR t.market_id = ANY (%(markets)s))
  AND {}""").format(SQL(DATED))

COUNT = SQL("SELECT count(*) FROM (SELECT {} LIMIT %(most)s) AS counted").format(BETWEEN)

# The rest of the reader's own transaction comes first: a cursor can name only one unfinished.
DECLARE = SQL("""
DECLARE rows_between NO SCROLL CURSOR FOR
SELECT {} {} ORDER BY t.tx <> %(tx)s, t.tx, t.seq""").format(SQL(COLUMNS), BETWEEN)

OF_TX = SQL("""
SELECT {} FROM trades t
WHERE t.tx = %(tx)s AND (cardinality(%(seqs)s::bigint[]) = 0 OR t.seq = ANY (%(seqs)s))
  AND {}
ORDER BY t.seq""").format(SQL(COLUMNS), SQL(DATED))

LAST = SQL("""
SELECT recent.* FROM unnest(%(markets)s::integer[]) AS m (market_id) CROSS JOIN LATERAL (
    SELECT {} FROM trades t
    WHERE t.market_id = m.market_id AND t.tx < %(xmax)s
      AND {}
      AND NOT EXISTS (
        SELECT FROM unnest(%(firsts)s::bigint[], %(ends)s::bigint[]) AS span (first, beyond)
        WHERE t.tx >= span.first AND t.tx < span.beyond)
    ORDER BY t.traded_at DESC, t.trade_id DESC LIMIT %(last)s
) AS recent
ORDER BY 5, market_id, trade_id""").format(SQL(COLUMNS), SQL(DATED))  # 5: the trade's time

# As the notices tell them; those dated beyond what can be told were never announced either.
GAPS = """
SELECT gap_id, market_id, state, after_id, before_id,
       (extract(epoch FROM after_at) * 1000000)::bigint,
       (extract(epoch FROM before_at) * 1000000)::bigint,
       cause, filled, absent
FROM gaps
WHERE gap_id IN (
    SELECT unnest(%(known)s::bigint[])
    UNION (SELECT gap_id FROM gaps WHERE closed_at IS NULL ORDER BY gap_id DESC LIMIT %(most)s)
    UNION (SELECT gap_id FROM gaps WHERE gap_id > %(newest)s ORDER BY gap_id DESC LIMIT %(most)s))
  AND after_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59+00'
  AND coalesce(before_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59+00', true)
ORDER BY gap_id"""


# A record that came with a restore names a transaction that this database has not reached.
DROPPED = """
SELECT count(*) > 0 FROM dropped_days
WHERE last_tx >= %s AND last_tx < pg_snapshot_xmax(pg_current_snapshot())::text::bigint"""


@contextmanager
def reaching() -> Iterator[None]:
    """Whatever the database refuses becomes StoreUnavailable: a reader asks again, later."""
    try:
        yield
    except psycopg.Error as failure:
        raise StoreUnavailable(f"PostgreSQL does not answer: {failure}") from failure


def ask(store: Store, query: Any, values: Any = None) -> list[tuple[Any, ...]]:
    with reaching():
        return store.execute(query, values).fetchall()


def epoch(store: Store) -> str:
    """The name of this very life of this database: another one after a restore, a promotion or a
    new CREATE DATABASE, the same after a restart. Transaction ids mean something only with it.
    """
    ((*facts,),) = ask(store, LIFE)
    return sha256("/".join(map(str, facts)).encode()).hexdigest()[:12]


def snapshot(store: Store) -> Snapshot:
    ((text,),) = ask(store, "SELECT pg_current_snapshot()::text")
    return Snapshot.parse(text)


def listen(store: Store) -> None:
    """Hear every notice of transactions that commit from now on."""
    with reaching():
        for channel in (CHANNEL, GAP_CHANNEL):
            store.execute(SQL("LISTEN {}").format(Identifier(channel)))


def mark_durably(store: Store) -> None:
    """Commit marks to disk: what had ended before one heard is then beyond the reach of a crash,
    so that its id cannot be given to another transaction afterwards.
    """
    with reaching():
        store.execute("SET synchronous_commit = on")


def send_mark(store: Store, payload: str) -> None:
    ask(store, "SELECT pg_notify(%s, %s)", [CHANNEL, payload])


def read_markets(store: Store) -> dict[int, Market]:
    rows = ask(store, "SELECT market_id, exchange, symbol FROM markets ORDER BY exchange, symbol")
    return {id: Market(exchange, symbol) for id, exchange, symbol in rows}


def is_simulated(store: Store) -> bool:
    return ask(store, "SELECT simulated FROM instance") == [(True,)]


def read_gaps(
    store: Store, known: Collection[int], newest: int | None, most: int
) -> dict[int, GapNotice]:
    """By id: the `known` gaps, and the newest `most` of the open ones and of those with ids above
    `newest` (None: of none).
    """
    rows = ask(store, GAPS, {"known": list(known), "newest": newest, "most": most})
    return {
        gap_id: GapNotice(gap_id, market_id, GapState(state), *rest)
        for gap_id, market_id, state, *rest in rows
    }


def rows_of(store: Store, tx: int, seqs: Collection[int] = ()) -> list[Row]:
    """The rows of one transaction, in order: those with these `seqs`, or all."""
    return [row for _, row in map(placed, ask(store, OF_TX, {"tx": tx, "seqs": list(seqs)}))]


def last_rows(store: Store, upto: Cursor, markets: Collection[int], last: int) -> list[Placed]:
    """Of each market the `last` newest trades within `upto`, all together oldest first."""
    values = spans(upto.pending) | {"xmax": upto.xmax, "markets": sorted(markets), "last": last}
    return [placed(line) for line in ask(store, LAST, values)]


def has_dropped_since(store: Store, place: Cursor) -> bool:
    """Whether retention has removed rows that a reader at `place` may not have been given.

    It records each day that it drops, with the highest `tx` of its rows.
    """
    ((dropped,),) = ask(store, DROPPED, [place.xmin])
    return bool(dropped)


def count_between(
    store: Store, after: Cursor, upto: Cursor, markets: Collection[int] | None, most: int
) -> int:
    """How many rows `rows_between` would give; counts no further than `most`."""
    ((count,),) = ask(store, COUNT, between(after, upto, markets) | {"most": most})
    return int(count)


def rows_between(
    store: Store, after: Cursor, upto: Cursor, markets: Collection[int] | None, chunk: int
) -> Generator[list[Placed], None, None]:
    """The rows in `upto` (a cursor between transactions) that `after` lacks; markets None: of all.

    First the rest of `after.tx`, then by (tx, seq); in lists of `chunk` rows under one snapshot.
    """
    with reaching():
        store.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        try:
            store.execute(DECLARE, between(after, upto, markets))
            fetch = SQL("FETCH FORWARD {} FROM rows_between").format(Literal(chunk))
            while lines := store.execute(fetch).fetchall():
                yield [placed(line) for line in lines]
        finally:
            with suppress(psycopg.Error):  # the line may be what failed
                store.execute("ROLLBACK")


def following(chunks: Iterator[list[Placed]]) -> list[Placed]:
    """The next chunk; an empty one behind the last (StopIteration cannot leave a thread)."""
    return next(chunks, [])


def between(after: Cursor, upto: Cursor, markets: Collection[int] | None) -> dict[str, Any]:
    missing = after.missing(upto)
    return spans(missing) | {
        "lowest": missing[0][0] if missing else 0,
        "highest": missing[-1][1] if missing else 0,
        "tx": after.tx,
        "seq": after.seq,
        "markets": None if markets is None else sorted(markets),
    }


def spans(of: Sequence[Span]) -> dict[str, list[int]]:
    return {"firsts": [lo for lo, _ in of], "ends": [hi for _, hi in of]}


def placed(line: tuple[Any, ...]) -> Placed:
    tx, seq, market_id, trade_id, traded_at, received_at, side, source, price, size = line
    return tx, Row(
        seq, market_id, trade_id, traded_at, received_at, SIDES[side], SOURCES[source], price, size
    )
