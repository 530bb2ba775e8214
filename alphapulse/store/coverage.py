"""The facts of a market's day, from the ids at its edges and the rows of `gaps`.

Nothing here reads a whole day but `read_jumps`, which is asked only when a day's count is wrong.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from msgspec.structs import replace
from psycopg.sql import SQL, Literal

from alphapulse.coverage import Coverage, Facts, judge, share
from alphapulse.day import MarketDay
from alphapulse.extent import (
    KINDS,
    Edges,
    Extent,
    Hole,
    Jump,
    Kind,
    Piece,
    extent_of,
    pieces_of,
    unexplained,
)
from alphapulse.store.connect import Store

NEAR = timedelta(seconds=10)  # of a midnight: ids and times may be out of order for so long
FEW = 100  # trades of each edge that are looked at however far from midnight they are
FAR = timedelta(minutes=1)  # what repairs allow for: tried where NEAR gives a wrong count

# In a busy market many trades are near an edge in time, in a quiet one perhaps none.
EDGES = """
SELECT ARRAY(
    SELECT trade_id FROM trades
    WHERE market_id = %(market_id)s AND traded_at < %(start)s AND traded_at >= (
        SELECT traded_at FROM trades WHERE market_id = %(market_id)s AND traded_at < %(start)s
        ORDER BY traded_at DESC LIMIT 1) - %(near)s
) || ARRAY(
    SELECT trade_id FROM trades WHERE market_id = %(market_id)s AND traded_at < %(start)s
    ORDER BY traded_at DESC, trade_id DESC LIMIT %(few)s
), ARRAY(
    SELECT trade_id FROM trades
    WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
      AND traded_at <= (
        SELECT traded_at FROM trades
        WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
        ORDER BY traded_at LIMIT 1) + %(near)s
) || ARRAY(
    SELECT trade_id FROM trades
    WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
    ORDER BY traded_at, trade_id LIMIT %(few)s
), ARRAY(
    SELECT trade_id FROM trades
    WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
      AND traded_at >= (
        SELECT traded_at FROM trades
        WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
        ORDER BY traded_at DESC LIMIT 1) - %(near)s
) || ARRAY(
    SELECT trade_id FROM trades
    WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
    ORDER BY traded_at DESC, trade_id DESC LIMIT %(few)s
), ARRAY(
    SELECT trade_id FROM trades
    WHERE market_id = %(market_id)s AND traded_at >= %(end)s AND traded_at <= (
        SELECT traded_at FROM trades WHERE market_id = %(market_id)s AND traded_at >= %(end)s
        ORDER BY traded_at LIMIT 1) + %(near)s
) || ARRAY(
    SELECT trade_id FROM trades WHERE market_id = %(market_id)s AND traded_at >= %(end)s
    ORDER BY traded_at, trade_id LIMIT %(few)s
), (SELECT counts_trades FROM markets WHERE market_id = %(market_id)s), now()"""

# Once retention has let the day before go, what was judged then still knows where it ended.
REMEMBERED = """
SELECT coalesce(
    (SELECT after_id FROM coverage WHERE market_id = %(market_id)s AND day = %(day)s),
    (SELECT last_id FROM coverage
     WHERE market_id = %(market_id)s AND day < %(day)s AND last_id IS NOT NULL
     ORDER BY day DESC LIMIT 1))"""

# Days around it that left the store: their neighbours there are not its own.
LEFT = """
SELECT (
    SELECT d.last_ids
    FROM coverage c LEFT JOIN dropped_days d USING (market_id, day)
    WHERE c.market_id = %(market_id)s AND c.day < %(day)s AND c.last_id IS NOT NULL
    ORDER BY c.day DESC LIMIT 1
), (
    SELECT d.first_ids
    FROM coverage c LEFT JOIN dropped_days d USING (market_id, day)
    WHERE c.market_id = %(market_id)s AND c.day > %(day)s AND c.first_id IS NOT NULL
    ORDER BY c.day LIMIT 1
)"""

HOLES = """
SELECT after_id, before_id, state, after_at, before_at FROM gaps
WHERE market_id = %s AND after_id < %s AND coalesce(before_id, 9223372036854775807) > %s
ORDER BY after_id"""

# One id may stand under two times; it fills one place all the same.
STORED = """
SELECT (SELECT count(*) FROM (
    SELECT DISTINCT trade_id FROM trades
    WHERE market_id = %s AND trade_id >= piece.first AND trade_id <= piece.last
      AND traded_at >= piece.since AND traded_at < piece.until) AS ids)
FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[])
    WITH ORDINALITY AS piece (first, last, since, until, place)
ORDER BY place"""

# With the two trades around the day, which are near it in time: an index finds them.
JUMPS = """
SELECT after_id, trade_id, after_at, traded_at FROM (
    SELECT trade_id, traded_at, lag(trade_id) OVER by_id AS after_id,
           lag(traded_at) OVER by_id AS after_at
    FROM (
        SELECT trade_id, traded_at FROM trades
        WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
        UNION ALL (
            SELECT trade_id, traded_at FROM trades
            WHERE market_id = %(market_id)s AND traded_at < %(start)s AND trade_id = %(after_id)s
            ORDER BY traded_at DESC LIMIT 1)
        UNION ALL (
            SELECT trade_id, traded_at FROM trades
            WHERE market_id = %(market_id)s AND traded_at >= %(end)s AND trade_id = %(before_id)s
            ORDER BY traded_at LIMIT 1)
    ) AS rows
    WINDOW by_id AS (ORDER BY trade_id)
) AS pairs
WHERE trade_id > after_id + 1 ORDER BY trade_id"""

UPTIME = "SELECT since, until FROM uptime WHERE market_id = %s AND until > %s AND since < %s"


@contextmanager
def as_of(store: Store, name: str) -> Iterator[str]:
    """See what the open transaction that exported the snapshot `name` sees; gives its ids."""
    with store.transaction():
        store.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        store.execute(SQL("SET TRANSACTION SNAPSHOT {}").format(Literal(name)))
        (ids,) = store.execute("SELECT pg_current_snapshot()::text").fetchone() or ("",)
        yield str(ids)


def judge_day(
    store: Store, market_id: int, day: MarketDay, counted: int | None = None
) -> tuple[Coverage, list[Jump]]:
    """The day's coverage as the store has it now, and its unexplained ids.

    `counted` is the number of the day's rows, where somebody counted them. If it is not what gaps
    and edges tell, the whole day is read, to name the difference.
    """
    facts = read_facts(store, market_id, day, counted)
    if judge(facts).unexplained:
        stored = count_stored(store, market_id, day, facts.pieces, FAR)
        facts = replace(facts, stored=stored)
    found = judge(facts)
    if not found.unexplained or facts.extent is None:
        return found, []
    between = read_jumps(store, market_id, day, facts.extent)
    names = unexplained(facts.extent, facts.pieces, between)
    return judge(replace(facts, unexplained=names)), names


def read_facts(store: Store, market_id: int, day: MarketDay, counted: int | None) -> Facts:
    edges, counts_trades, now = read_edges(store, market_id, day)
    extent = extent_of(edges)
    pieces = pieces_of(extent, read_holes(store, market_id, extent)) if extent else []
    return Facts(
        day=day,
        now=now,
        extent=extent,
        pieces=pieces,
        stored=count_stored(store, market_id, day, pieces),
        observed=read_share(store, market_id, day, now),
        counted=counted,
        counts_trades=counts_trades,
    )


def read_edges(store: Store, market_id: int, day: MarketDay) -> tuple[Edges, bool, datetime]:
    """Ids near the day's midnights, whether ids count trades, and the store's clock."""
    values = {
        "market_id": market_id,
        "start": day.starts_at,
        "end": day.ends_at,
        "near": NEAR,
        "few": FEW,
        "day": day.date,
    }
    row = store.execute(EDGES, values).fetchone()
    assert row
    *lists, counts_trades, now = row
    edges = Edges(*lists)
    if not edges.before:
        (remembered,) = store.execute(REMEMBERED, values).fetchone() or (None,)
        edges = edges if remembered is None else replace(edges, before=[remembered])
    before, after = store.execute(LEFT, values).fetchone() or (None, None)
    if before or after:
        gone = [*edges.before, *(before or ())], [*edges.after, *(after or ())]
        edges = replace(edges, before=gone[0], after=gone[1])
    return edges, counts_trades, now


def read_holes(store: Store, market_id: int, extent: Extent) -> list[Hole]:
    rows = store.execute(HOLES, [market_id, extent.last, extent.first])
    return [
        Hole(after_id, before_id, KINDS[state], after_at, before_at)
        for after_id, before_id, state, after_at, before_at in rows.fetchall()
    ]


def count_stored(
    store: Store, market_id: int, day: MarketDay, pieces: Sequence[Piece], slack: timedelta = NEAR
) -> list[int]:
    """How many of the day's rows have ids of each piece.

    Reads only rows of the gaps' own times, give or take `slack`.
    """
    asked = [piece for piece in pieces if piece.kind is not Kind.REPAIRED]
    if not asked:
        return [0] * len(pieces)
    since = [max(day.starts_at, piece.since - slack) for piece in asked]
    until = [
        min(day.ends_at, piece.until + slack) if piece.until else day.ends_at for piece in asked
    ]
    values = [market_id, [p.first for p in asked], [p.last for p in asked], since, until]
    counts = (int(count) for (count,) in store.execute(STORED, values).fetchall())
    return [0 if piece.kind is Kind.REPAIRED else next(counts) for piece in pieces]


def read_share(store: Store, market_id: int, day: MarketDay, now: datetime) -> float:
    found = store.execute(UPTIME, [market_id, day.starts_at, day.ends_at]).fetchall()
    return share(found, day.starts_at, min(now, day.ends_at))


def read_jumps(store: Store, market_id: int, day: MarketDay, extent: Extent) -> list[Jump]:
    """Neighbours among the day's ids between which some are not the day's. Reads every row."""
    values = {
        "market_id": market_id,
        "start": day.starts_at,
        "end": day.ends_at,
        "after_id": extent.after_id,
        "before_id": extent.before_id,
    }
    return [Jump(*row) for row in store.execute(JUMPS, values).fetchall()]
