"""What the export asks of the store: the rows of several markets of one day, and their sums.

DuckDB's `postgres_query` takes a statement as text and binds nothing, so ROWS is composed here by
psycopg, of integers and instants only; no symbol becomes part of a statement.
"""

from collections.abc import Iterator, Sequence
from datetime import timedelta

from msgspec import Struct
from psycopg.sql import SQL, Literal

from alphapulse.day import ONE_DAY, MarketDay
from alphapulse.store.connect import Store

WINDOWS = 96  # of a day, each of a quarter of an hour: some ten thousand rows of a busy day

# A day's rows lie on disk in order of arrival, all markets mixed, and the key's index has each
# market in order of time. So the pass goes from window to window and within it from market to
# market: each index walk finds its pages where the last one left them, in memory, and nobody
# sorts. LATERAL leaves the planner no other order; that of the file is verified all the same.
# price and size are unconstrained in the store; DuckDB would read them as floats without the cast,
# and the cast rounds: SUMMARY tells of every market whether it would change anything.
ROWS = SQL("""
SELECT rows.*
FROM generate_series(0, {parts} - 1) AS part,
    LATERAL (
        SELECT part % {markets} + 1 AS place, trade_id, traded_at,
               price::numeric(38,18) AS price, size::numeric(38,18) AS size,
               side, received_at, source
        FROM trades
        WHERE market_id = ({ids}::integer[])[part % {markets} + 1]
          AND traded_at >= {starts_at} AND traded_at < {ends_at}
          AND traded_at >= {starts_at} + part / {markets} * {width}
          AND traded_at < {starts_at} + (part / {markets} + 1) * {width}
        ORDER BY traded_at, trade_id
    ) AS rows""")

# Makes PostgreSQL walk the index; alone, it may think a sort cheaper where nobody has analysed.
WALK = """
SELECT set_config(name, 'off', true)
FROM unnest(ARRAY['enable_seqscan', 'enable_bitmapscan', 'enable_sort']) AS name"""

# The checksum is made here, from the rows as stored: DuckDB and pyarrow would only certify what
# they wrote. NaN and the infinities fail the comparison with the limit.
SUMMARY = """
SELECT market_id, count(*), min(trade_id), max(trade_id),
       trim_scale(sum(price))::text, trim_scale(sum(size))::text,
       trim_scale(sum(price * size))::text,
       sum(('x' || left(md5(
           trade_id || '|' || (extract(epoch FROM traded_at) * 1000000)::bigint
           || '|' || trim_scale(price) || '|' || trim_scale(size)
           || CASE side WHEN 'b' THEN '|buy' ELSE '|sell' END
       ), 15))::bit(60)::bigint)::text,
       coalesce(max(min_scale(price)) <= 18 AND max(min_scale(size)) <= 18, false)
           AND max(price) < 1e20 AND min(price) > -1e20 AND max(size) < 1e20 AND min(size) > -1e20
FROM trades
WHERE market_id = ANY(%s) AND traded_at >= %s AND traded_at < %s
GROUP BY market_id"""

UNFIT = """
SELECT min(trade_id) FROM trades
WHERE market_id = %s AND traded_at >= %s AND traded_at < %s
  AND NOT coalesce(
      min_scale(price) <= 18 AND abs(price) < 1e20 AND min_scale(size) <= 18 AND abs(size) < 1e20,
      false)"""


class Summary(Struct, frozen=True):
    """What the store holds of a market's day: exact sums as decimal text, see `Certificate`.

    `fits`: every price and size can be a numeric(38,18) unchanged.
    """

    market_id: int
    rows: int
    first_id: int
    last_id: int
    price_sum: str
    size_sum: str
    notional_sum: str
    checksum: str
    fits: bool


def rows_of(ids: Sequence[int], day: MarketDay) -> str:
    """The statement that gives the rows of these markets on the day's date, each market's in order;
    `place` is that of the market in `ids`, from 1.
    """
    windows = WINDOWS if len(ids) > 1 else 1
    composed = ROWS.format(
        parts=Literal(windows * len(ids)),
        markets=Literal(len(ids)),
        ids=Literal([int(id) for id in ids]),
        starts_at=Literal(day.starts_at),
        ends_at=Literal(day.ends_at),
        width=Literal(timedelta(seconds=ONE_DAY.total_seconds() / windows)),
    )
    return str(composed.as_string(None))


def summaries(store: Store, ids: Sequence[int], day: MarketDay) -> Iterator[Summary]:
    """Of each market that has rows on the day's date, in one pass."""
    found = store.execute(SUMMARY, [list(ids), day.starts_at, day.ends_at])
    return (Summary(*row) for row in found.fetchall())


def unfit_id(store: Store, market_id: int, day: MarketDay) -> int | None:
    """The smallest id of a trade whose price or size does not fit."""
    (found,) = store.execute(UNFIT, [market_id, day.starts_at, day.ends_at]).fetchone() or (None,)
    return None if found is None else int(found)


def is_simulated(store: Store) -> bool:
    (simulated,) = store.execute("SELECT simulated FROM instance").fetchone() or (False,)
    return bool(simulated)
