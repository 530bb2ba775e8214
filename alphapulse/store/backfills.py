"""History loaded on demand: what was wished for, and how far it is, page by page."""

from collections.abc import Sequence

from msgspec import Struct

from alphapulse.store.connect import Store
from alphapulse.store.gaps import OpenGap, gap_between, instant, micros
from alphapulse.store.stretches import THIS, bounds, named
from alphapulse.store.writing import UNFIT, RefusedRow, TradeWriter, insert_each, market_id
from alphapulse.trade import Gap, Market, Micros, Trade

HISTORY_SPACE = 0x48495354  # "HIST": first half of the advisory locks' keys

UNFINISHED = f"""
SELECT backfill_id, after_id, after_at, before_id, before_at, reached_id, reached_at
FROM backfills
WHERE market_id = {THIS} AND state <> 'done' AND (gap_id = %(gap_id)s OR
    gap_id IS NULL AND %(gap_id)s::bigint IS NULL AND from_at = %(from_at)s AND to_at = %(to_at)s)
ORDER BY backfill_id DESC LIMIT 1"""  # noqa: S608  # our own words

START = """
INSERT INTO backfills
    (market_id, gap_id, from_at, to_at, after_id, after_at, before_id, before_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s)
RETURNING backfill_id"""

TURN_PAGE = """
UPDATE backfills
SET reached_id = %s, reached_at = %s, requests = requests + %s, trades = trades + %s,
    new_trades = new_trades + %s, touched_at = clock_timestamp()
WHERE backfill_id = %s"""

END = """
UPDATE backfills
SET state = %s, note = %s, absent = %s, touched_at = clock_timestamp(),
    ended_at = clock_timestamp()
WHERE backfill_id = %s
RETURNING requests, trades, new_trades"""

FIND_GAP = """
SELECT m.exchange, m.symbol, g.after_id, g.after_at, g.before_id, g.before_at,
       g.state, g.closed_at, g.attempts, g.revision
FROM gaps g JOIN markets m USING (market_id) WHERE g.gap_id = %s"""


class Wish(Struct, frozen=True):
    """Whose trades of when somebody wants; `gap_id` where it is a gap's sake."""

    market: Market
    from_at: Micros
    to_at: Micros
    gap_id: int | None = None


class Unfinished(Struct, frozen=True):
    """A backfill that has begun; `reached`: id and time up to which its pages are stored."""

    backfill_id: int
    gap: Gap
    reached: tuple[int, Micros] | None


class Totals(Struct, frozen=True):
    """Of a whole backfill, whoever ran its parts."""

    requests: int
    trades: int
    new: int


class HistoryTaken(Exception):
    """Another process loads this market's history."""


class UnknownGap(Exception):
    """There is no such gap, or nothing to do about it; the message says which."""


def claim_history(store: Store, market: Market) -> None:
    """Be the only backfill of `market` while this connection lives; raises HistoryTaken."""
    values = [HISTORY_SPACE, market.key]
    found = store.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", values).fetchone()
    if found != (True,):
        raise HistoryTaken(
            f"another process is loading history of {market.key}; let it end, or stop it first"
        )


def find_gap(store: Store, gap_id: int) -> OpenGap:
    """An open gap by its number; raises UnknownGap."""
    row = store.execute(FIND_GAP, [gap_id]).fetchone()
    if not row:
        raise UnknownGap(f"there is no gap {gap_id}; the view market_gaps shows them all")
    exchange, symbol, *edges, state, closed_at, attempts, revision = row
    if closed_at:
        raise UnknownGap(f"gap {gap_id} is closed since {closed_at:%Y-%m-%d %H:%M} UTC: {state}")
    gap = gap_between(Market(exchange, symbol), *edges)
    return OpenGap(gap_id, gap, attempts, revision)


def find_unfinished(store: Store, wish: Wish) -> Unfinished | None:
    row = store.execute(UNFINISHED, named(wish.market) | wished(wish)).fetchone()
    if not row:
        return None
    number, *edges, reached_id, reached_at = row
    reached = None if reached_id is None else (reached_id, micros(reached_at))
    return Unfinished(number, gap_between(wish.market, *edges), reached)


def start_backfill(store: Store, wish: Wish, gap: Gap) -> int:
    """Begin; gives its number."""
    times = wished(wish)
    edges = bounds(gap)
    values = [market_id(store, wish.market), wish.gap_id, times["from_at"], times["to_at"]]
    values += [edges[name] for name in ("after_id", "after_at", "before_id", "before_at")]
    (number,) = store.execute(START, values).fetchone() or (0,)
    return int(number)


def resume_backfill(store: Store, number: int) -> None:
    store.execute(
        "UPDATE backfills SET state = 'running', note = NULL, ended_at = NULL "
        "WHERE backfill_id = %s",
        [number],
    )


def store_page(
    writer: TradeWriter,
    number: int,
    trades: Sequence[Trade],
    reached: tuple[int, Micros],
    requests: int,
) -> int:
    """A page and how far it brought the backfill, in one transaction; gives how many were new.

    Without COPY, which repeats would make fail. Rows that PostgreSQL cannot hold are left out.
    """
    id, at = reached

    def note(new: int) -> None:
        values = [id, instant(at), requests, len(trades), new, number]
        writer.store.execute(TURN_PAGE, values)

    try:
        rows = writer.rows(trades)
        with writer.store.transaction():
            new = writer.upsert(rows)
            note(new)
    except UNFIT:
        new = insert_each(writer, trades, ignore)
        note(new)
    return new


def ignore(trade: Trade, why: RefusedRow) -> None:
    """The row stays missing, and so is a hole in the end."""


def end_backfill(
    store: Store, number: int, state: str, note: str | None = None, absent: int = 0
) -> Totals:
    row = store.execute(END, [state, note and note[:500], absent, number]).fetchone() or (0, 0, 0)
    return Totals(*row)


def wished(wish: Wish) -> dict[str, object]:
    times = {"from_at": instant(wish.from_at), "to_at": instant(wish.to_at)}
    return {**times, "gap_id": wish.gap_id}


def known_symbols(store: Store, exchange: str) -> list[str]:
    rows = store.execute("SELECT symbol FROM markets WHERE exchange = %s ORDER BY 1", [exchange])
    return [symbol for (symbol,) in rows]
