"""Holes in markets as rows, and what else a collector says of a market.

Whatever changes the edges of a market's gaps, or closes one by what is stored (see `mending`),
holds that market's lock meanwhile.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from alphapulse.store.connect import Store
from alphapulse.store.merging import Change, merge
from alphapulse.store.writing import market_id
from alphapulse.trade import Gap, Market, Micros

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENDLESS = 2**63 - 1  # what stands in the index for the end of a gap without one

HISTORY = "history"  # the cause of a gap that somebody asked to have filled; nobody listened
TOO_WIDE = "too wide"  # how the note of a gap begins that is left to the owner

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('alphapulse gaps', %s))"

KNOWN = """
SELECT gap_id, closed_at IS NULL, after_id, after_at, before_id, before_at FROM gaps
WHERE market_id = %s AND coalesce(before_id, 9223372036854775807) > %s AND after_id < %s
ORDER BY found_at, gap_id FOR UPDATE"""

INSERT = """
INSERT INTO gaps (market_id, after_id, after_at, before_id, before_at, cause)
VALUES (%s, %s, %s, %s, %s, %s)"""

GROW = """
UPDATE gaps SET after_id = %s, after_at = %s, before_id = %s, before_at = %s,
    revision = revision + 1, cursor = NULL, rejections = 0,
    note = CASE WHEN before_id IS NULL AND %s::bigint IS NOT NULL THEN NULL ELSE note END,
    filled = (SELECT sum(filled) FROM gaps WHERE gap_id = ANY(%s))
WHERE gap_id = %s"""

OPEN = """
SELECT g.gap_id, m.symbol, g.after_id, g.after_at, g.before_id, g.before_at,
       g.attempts, g.revision, g.cursor, g.rejections
FROM gaps g JOIN markets m USING (market_id)
WHERE m.exchange = %s AND g.closed_at IS NULL AND NOT starts_with(coalesce(g.note, ''), %s)
ORDER BY g.found_at DESC, g.gap_id DESC"""

NEWEST = """
SELECT m.symbol, t.trade_id, t.traded_at
FROM markets m CROSS JOIN LATERAL (
    (SELECT trade_id, traded_at FROM trades
     WHERE market_id = m.market_id ORDER BY traded_at DESC, trade_id DESC LIMIT 1)
    UNION ALL
    (SELECT last_id, last_at FROM dropped_days
     WHERE market_id = m.market_id ORDER BY day DESC LIMIT 1)
    ORDER BY traded_at DESC, trade_id DESC LIMIT 1
) AS t
WHERE m.exchange = %s"""

COUNT_OPEN = """
SELECT count(*) FROM gaps JOIN markets USING (market_id)
WHERE closed_at IS NULL AND exchange = %s"""


class OpenGap(Struct, frozen=True):
    """A gap that waits for repair.

    `attempts` counts the walks begun so far, `rejections` the answers in a row in which the
    exchange would not serve it. `revision` grows with the gap, which asks for a walk of its own;
    `cursor` is how far a walk that was cut short had stored its pages.
    """

    gap_id: int
    gap: Gap
    attempts: int
    revision: int
    cursor: str | None = None
    rejections: int = 0


def count_open(store: Store, exchange: str) -> int:
    """Gaps that are not closed, those that are left to the owner too."""
    (number,) = store.execute(COUNT_OPEN, [exchange]).fetchone() or (0,)
    return int(number)


def newest(store: Store, exchange: str) -> dict[str, tuple[int, Micros]]:
    """Symbol -> id and time of its newest stored trade, be it of a day that left the store."""
    rows = store.execute(NEWEST, [exchange]).fetchall()
    return {symbol: (id, micros(traded_at)) for symbol, id, traded_at in rows}


def report(store: Store, gap: Gap, cause: str) -> None:
    """Write `gap` down; what touches it, or is part of it, becomes one row with it.

    What was settled before stays so. A report with an end also ends, there, a gap without one:
    whoever reports has listened since (or will report what is behind); HISTORY alone has not.
    """
    number = market_id(store, gap.market)
    with store.transaction():
        store.execute(LOCK, [number])
        end_id = ENDLESS if gap.before_id is None else gap.before_id
        rows = store.execute(KNOWN, [number, gap.after_id, end_id]).fetchall()
        known = [(id, is_open, gap_between(gap.market, *row)) for id, is_open, *row in rows]
        changes = merge(
            gap,
            [(id, one) for id, is_open, one in known if is_open],
            [one for _, is_open, one in known if not is_open],
            is_heard=cause != HISTORY,
        )
        for change in changes:
            write_change(store, change, number, cause)


def write_change(store: Store, change: Change, number: int, cause: str) -> None:
    edges = edges_of(change.gap)
    if not change.of:
        store.execute(INSERT, [number, *edges, cause])
        return
    first, *others = change.of
    if change.is_empty:
        others = [first, *others]  # a suspicion after which nothing proved to be missing
    else:
        store.execute(GROW, [*edges, change.gap.before_id, list(change.of), first])
    if others:
        store.execute("DELETE FROM gaps WHERE gap_id = ANY(%s)", [others])


def open_gaps(store: Store, exchange: str) -> list[OpenGap]:
    """What waits for repair, newest first, so that live markets heal at once."""
    rows = store.execute(OPEN, [exchange, TOO_WIDE]).fetchall()
    return [
        OpenGap(gap_id, gap_between(Market(exchange, symbol), *row[:4]), *row[4:])
        for gap_id, symbol, *row in rows
    ]


def gap_between(
    market: Market,
    after_id: int,
    after_at: datetime,
    before_id: int | None,
    before_at: datetime | None,
) -> Gap:
    until = None if before_at is None else micros(before_at)
    return Gap(market, after_id, micros(after_at), before_id, until)


def edges_of(gap: Gap) -> tuple[int, datetime, int | None, datetime | None]:
    before_at = None if gap.before_at is None else instant(gap.before_at)
    return gap.after_id, instant(gap.after_at), gap.before_id, before_at


def refuse_market(store: Store, market: Market, reason: str) -> None:
    store.execute(
        "UPDATE markets SET refused_at = now(), refusal = %s WHERE market_id = %s",
        [reason, market_id(store, market)],
    )


def serve_markets(store: Store, markets: Iterable[Market]) -> None:
    """The exchange serves these: an earlier refusal no longer holds."""
    for market in markets:
        store.execute(
            "UPDATE markets SET refused_at = NULL, refusal = NULL "
            "WHERE market_id = %s AND refusal IS NOT NULL",
            [market_id(store, market)],
        )


def instant(at: Micros) -> datetime:
    return EPOCH + timedelta(microseconds=at)


def micros(at: datetime) -> Micros:
    return (at - EPOCH) // timedelta(microseconds=1)
