"""Holes in markets, and who may write an exchange: what a collector must know to write."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from msgspec import Struct

from alphapulse.store.connect import Store, StoreUnavailable
from alphapulse.store.writing import market_id
from alphapulse.trade import Gap, Market, Micros

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SLACK = timedelta(minutes=1)  # ids and times of neighbouring trades may disagree by this much

LOCK_SPACE = 0x414C5048  # "ALPH": first half of our advisory locks' keys
ENDING = 2000  # milliseconds that the server gets to end a lost connection of ours
TOO_WIDE = "too wide"  # how the note of a gap begins that is left to the owner

REPORT = """
INSERT INTO gaps (market_id, after_id, after_at, before_id, before_at, cause)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (market_id, after_id, coalesce(before_id, 0))
DO UPDATE SET state = 'suspected', closed_at = NULL, found_at = clock_timestamp(),
              cause = excluded.cause"""

OPEN = """
SELECT g.gap_id, m.symbol, g.after_id, g.after_at, g.before_id, g.before_at, g.attempts, g.found_at
FROM gaps g JOIN markets m USING (market_id)
WHERE m.exchange = %s AND g.closed_at IS NULL AND NOT starts_with(coalesce(g.note, ''), %s)
ORDER BY g.found_at DESC, g.gap_id DESC"""

# One id may stand under two times; it fills one place all the same.
STORED = """
SELECT count(DISTINCT trade_id) FROM trades
WHERE market_id = (SELECT market_id FROM markets WHERE exchange = %s AND symbol = %s)
  AND trade_id > %s AND trade_id < %s AND traded_at >= %s AND traded_at <= %s"""

NEWEST = """
SELECT m.symbol, t.trade_id, t.traded_at
FROM markets m CROSS JOIN LATERAL (
    SELECT trade_id, traded_at FROM trades
    WHERE market_id = m.market_id ORDER BY traded_at DESC, trade_id DESC LIMIT 1
) AS t
WHERE m.exchange = %s"""

# Whoever may not look into another's session is shown no times of it.
HOLDER = """
SELECT a.pid, a.application_name,
       coalesce(to_char(a.backend_start, ', since YYYY-MM-DD HH24:MI:SS "UTC"'), ''),
       a.application_name = current_setting('application_name')
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.locktype = 'advisory' AND l.granted
  AND l.classid::bigint = %s AND l.objid::bigint = hashtext(%s)::bigint & 4294967295
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"""


class OpenGap(Struct, frozen=True):
    """A gap that waits for repair; `attempts` counts the walks begun so far.

    `found_at` changes when the same hole is reported again, which asks for a walk of its own.
    """

    gap_id: int
    gap: Gap
    attempts: int
    found_at: datetime


class AlreadyCollected(Exception):
    """Another collector writes this exchange; the message names it."""


def claim(store: Store, exchange: str, former: int = 0) -> None:
    """Become the one writer of `exchange` for as long as this connection lives.

    Raises AlreadyCollected, which names the holder. `former` is the server process of the caller's
    own lost connection: the server may take hours to notice that nobody is there, so it is ended.
    StoreUnavailable asks for another try.
    """
    if try_lock(store, exchange):
        return
    holder = store.execute(HOLDER, [LOCK_SPACE, exchange]).fetchone()
    if not holder:
        raise StoreUnavailable(f"{exchange} was set free this very moment: try again")
    process, name, since, is_namesake = holder
    if process != former or not is_namesake:
        raise AlreadyCollected(
            f"{exchange} is already being collected by {name} (server process {process}{since}); "
            "stop that collector first"
        )
    store.execute("SELECT pg_terminate_backend(%s, %s)", [former, ENDING])
    if not try_lock(store, exchange):
        raise StoreUnavailable(f"our own lost connection still holds {exchange}: try again")


def try_lock(store: Store, exchange: str) -> bool:
    values = [LOCK_SPACE, exchange]
    found = store.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", values).fetchone()
    return found == (True,)


def newest(store: Store, exchange: str) -> dict[str, tuple[int, Micros]]:
    """Symbol -> id and time of its newest stored trade."""
    rows = store.execute(NEWEST, [exchange]).fetchall()
    return {symbol: (id, micros(traded_at)) for symbol, id, traded_at in rows}


def report(store: Store, gap: Gap, cause: str) -> None:
    number = market_id(store, gap.market)
    after_at = instant(gap.after_at)
    before_at = None if gap.before_at is None else instant(gap.before_at)
    store.execute(REPORT, [number, gap.after_id, after_at, gap.before_id, before_at, cause])


def open_gaps(store: Store, exchange: str) -> list[OpenGap]:
    """What waits for repair, newest first, so that live markets heal at once."""
    rows = store.execute(OPEN, [exchange, TOO_WIDE]).fetchall()
    return [
        OpenGap(gap_id, gap_between(Market(exchange, symbol), *edges), attempts, found_at)
        for gap_id, symbol, *edges, attempts, found_at in rows
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


def missing(store: Store, gap: Gap) -> int:
    """How many ids inside a gap that is closed on both sides are still not stored."""
    if gap.before_id is None:
        raise ValueError(f"{gap} is open at its end: nobody knows how many trades it holds")
    since = instant(gap.after_at) - SLACK
    until = datetime.max.replace(tzinfo=UTC)
    if gap.before_at is not None:
        until = instant(gap.before_at) + SLACK
    values = [gap.market.exchange, gap.market.symbol, gap.after_id, gap.before_id, since, until]
    (stored,) = store.execute(STORED, values).fetchone() or (0,)
    return gap.before_id - gap.after_id - 1 - int(stored)


def start_repair(store: Store, gap_id: int) -> None:
    store.execute(
        "UPDATE gaps SET state = 'repairing', attempts = attempts + 1, tried_at = now() "
        "WHERE gap_id = %s",
        [gap_id],
    )


def postpone_repair(store: Store, gap_id: int, note: str) -> None:
    values = [note[:500], gap_id]
    store.execute("UPDATE gaps SET state = 'suspected', note = %s WHERE gap_id = %s", values)


def set_aside(store: Store, gap_id: int, why: str) -> None:
    """Leave the gap open, but to its owner: it is no longer among `open_gaps`."""
    postpone_repair(store, gap_id, f"{TOO_WIDE} to repair by itself: {why}")


def close_gap(store: Store, gap_id: int, state: str, note: str) -> None:
    store.execute(
        "UPDATE gaps SET state = %s, note = %s, closed_at = now() WHERE gap_id = %s",
        [state, note, gap_id],
    )


def forget_gap(store: Store, gap_id: int) -> None:
    """For a suspicion after which nothing proved to be missing."""
    store.execute("DELETE FROM gaps WHERE gap_id = %s", [gap_id])


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
