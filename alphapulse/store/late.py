"""Rows of a day that left before: what the store has of them, copied out, summed up and judged."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from alphapulse.coverage import Coverage, Facts, judge
from alphapulse.day import MarketDay
from alphapulse.extent import Kind, Piece, extent_of, pieces_of
from alphapulse.store.connect import Store
from alphapulse.store.coverage import read_edges, read_holes, read_share

NOW = "SELECT pg_current_snapshot()::text, now()"

# What numeric(38,18) would round is found by ADDITION, and then nothing is written.
ROWS = """
COPY (
    SELECT trade_id, (extract(epoch FROM traded_at) * 1000000)::bigint,
           price::numeric(38,18), size::numeric(38,18),
           CASE side WHEN 'b' THEN 'buy' ELSE 'sell' END,
           (extract(epoch FROM received_at) * 1000000)::bigint,
           CASE source WHEN 'l' THEN 'live' WHEN 's' THEN 'snapshot' ELSE 'backfill' END
    FROM trades WHERE market_id = %s AND traded_at >= %s AND traded_at < %s
) TO STDOUT (FORMAT csv)"""

ADDITION = """
SELECT count(*), min(trade_id), max(trade_id), trim_scale(sum(price))::text,
       trim_scale(sum(size))::text, trim_scale(sum(price * size))::text,
       sum(('x' || left(md5(concat_ws('|',
           trade_id, (extract(epoch FROM traded_at) * 1000000)::bigint,
           trim_scale(price), trim_scale(size), CASE side WHEN 'b' THEN 'buy' ELSE 'sell' END
       )), 15))::bit(60)::bigint)::text,
       min(trade_id) FILTER (WHERE NOT coalesce(
           scale(trim_scale(price)) <= 18 AND abs(price) < 1e20
           AND scale(trim_scale(size)) <= 18 AND abs(size) < 1e20, false))
FROM trades JOIN unnest(%s::bigint[], %s::timestamptz[]) AS fresh (trade_id, traded_at)
    USING (trade_id, traded_at)
WHERE market_id = %s AND traded_at >= %s AND traded_at < %s"""


class Addition(Struct, frozen=True):
    """What the store certifies of rows that are new to a file; sums are exact decimal text."""

    rows: int
    first_id: int
    last_id: int
    price_sum: str
    size_sum: str
    notional_sum: str
    checksum: str
    unfit_id: int | None


@contextmanager
def one_snapshot(store: Store) -> Iterator[tuple[str, datetime]]:
    """All that is read inside is of one instant; gives its snapshot and time."""
    with store.transaction():
        store.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        ((seen, at),) = store.execute(NOW).fetchall()
        yield str(seen), at


def copy_late_rows(store: Store, market_id: int, day: MarketDay, path: Path) -> None:
    """The market's rows of that day as CSV: id, microseconds, price, size, side, …, source."""
    values = [market_id, day.starts_at, day.ends_at]
    with path.open("wb") as file, store.cursor().copy(ROWS, values) as copy:
        for block in copy:
            file.write(block)


def summarise_late_rows(
    store: Store, market_id: int, day: MarketDay, fresh: Sequence[tuple[int, datetime]]
) -> Addition:
    """Of the rows with these ids and times alone."""
    ids, times = [id for id, _ in fresh], [at for _, at in fresh]
    values = [ids, times, market_id, day.starts_at, day.ends_at]
    return Addition(*store.execute(ADDITION, values).fetchone() or ())


def judge_filed(
    store: Store,
    market_id: int,
    day: MarketDay,
    ids: tuple[int, int],
    rows: int,
    count: Callable[[Piece], int],
) -> Coverage:
    """The coverage of a day whose `rows` are not the store's alone: the smallest and largest of
    their ids are given, and how many of them a piece has.
    """
    edges, counts_trades, now = read_edges(store, market_id, day)
    extent = extent_of(replace(edges, first=ids[:1], last=ids[1:]))
    pieces = pieces_of(extent, read_holes(store, market_id, extent)) if extent else []
    facts = Facts(
        day=day,
        now=now,
        extent=extent,
        pieces=pieces,
        stored=[0 if piece.kind is Kind.REPAIRED else count(piece) for piece in pieces],
        observed=read_share(store, market_id, day, now),
        counted=rows,
        counts_trades=counts_trades,
    )
    return judge(facts)
