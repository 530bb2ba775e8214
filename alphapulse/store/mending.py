"""What repairs and late rows do to a gap.

A repair knows a gap by its number and revision: where that no longer holds, because the gap grew or
was filled by somebody else, the statement changes nothing and its function gives False or None.
A gap is closed by what is stored, under its market's lock, so that a late row (stored first, told
afterwards) and the end of a repair cannot miss each other.
"""

from datetime import timedelta
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace
from psycopg.sql import SQL

from alphapulse.store.connect import Store
from alphapulse.store.gaps import TOO_WIDE, OpenGap, instant, micros
from alphapulse.trade import Gap, Market, Micros

Verdict: TypeAlias = Literal["repaired", "absent", "unrecoverable"]

MOST_WORDS = 500  # characters of a note

NARROW = 10_000  # ids: a wider gap is not counted anew for each late row
RECENTLY = timedelta(days=3)  # for so long after its closing a gap is looked at for late rows
AT_ONCE = 1_000_000  # ids of closed gaps to look at in one go, the newest first

LOCK = """
SELECT pg_advisory_xact_lock(hashtextextended('alphapulse gaps', market_id))
FROM gaps WHERE gap_id = %s"""

START = """
UPDATE gaps SET state = 'repairing', attempts = attempts + 1, tried_at = now()
WHERE gap_id = %s AND revision = %s AND closed_at IS NULL"""
KEEP = """
UPDATE gaps SET state = 'repairing', cursor = %s, filled = filled + %s, rejections = 0
WHERE gap_id = %s AND revision = %s AND closed_at IS NULL"""
POSTPONE = """
UPDATE gaps SET state = 'suspected', note = %s, rejections = rejections + %s,
    cursor = CASE WHEN %s THEN cursor END
WHERE gap_id = %s AND revision = %s AND closed_at IS NULL"""
DISMISS = """
DELETE FROM gaps WHERE gap_id = %s AND revision = %s AND closed_at IS NULL"""
CLOSE = """
UPDATE gaps SET state = %s, note = %s, absent = %s, filled = %s, cursor = NULL,
    closed_at = clock_timestamp()
WHERE gap_id = %s AND revision = %s AND closed_at IS NULL"""
END = """
UPDATE gaps SET before_id = %s, before_at = %s, revision = revision + 1
WHERE gap_id = %s AND revision = %s AND closed_at IS NULL"""

INSIDE = SQL("""
FROM trades
WHERE market_id = g.market_id AND trade_id > g.after_id
  AND trade_id < coalesce(g.before_id, 9223372036854775807)
  AND traded_at >= g.after_at - interval '1 minute'
  AND traded_at <= coalesce(g.before_at + interval '1 minute', 'infinity')""")

# One id may stand under two times; it fills one place all the same.
HELD = SQL("""
SELECT count(DISTINCT trade_id) AS ids, count(*) FILTER (WHERE source = 'b') AS filled {}
""").format(INSIDE)

CONTENTS = SQL("""
SELECT g.before_id - g.after_id - 1 - held.ids, held.filled
FROM gaps g CROSS JOIN LATERAL ({}) AS held
WHERE g.gap_id = %s AND g.revision = %s AND g.closed_at IS NULL""").format(HELD)

FARTHEST = SQL("""
SELECT farthest.* FROM gaps g CROSS JOIN LATERAL (
    SELECT trade_id, traded_at {} AND source = 'b' ORDER BY trade_id DESC LIMIT 1
) AS farthest
WHERE g.gap_id = %s""").format(INSIDE)

# What is stored from the lower edge on, and up to the upper one, without a hole.
EDGES = SQL("""
SELECT max(trade_id) FILTER (WHERE trade_id - place = after_id),
       max(traded_at) FILTER (WHERE trade_id - place = after_id),
       min(trade_id) FILTER (WHERE trade_id + count - place + 1 = before_id),
       min(traded_at) FILTER (WHERE trade_id + count - place + 1 = before_id)
FROM (
    SELECT g.after_id, g.before_id, held.*, count(*) OVER () AS count,
           row_number() OVER (ORDER BY trade_id) AS place
    FROM gaps g CROSS JOIN LATERAL (
        SELECT trade_id, min(traded_at) AS traded_at {} GROUP BY trade_id
    ) AS held
    WHERE g.gap_id = %s
) AS placed""").format(INSIDE)

FILLABLE = """
SELECT gap_id FROM gaps
WHERE market_id = (SELECT market_id FROM markets WHERE exchange = %s AND symbol = %s)
  AND coalesce(before_id, 9223372036854775807) > %s AND after_id < %s
  AND state <> 'repaired' AND before_id - after_id <= %s"""

GIVEN_UP = SQL("""
SELECT g.gap_id
FROM (
    SELECT *, sum(before_id - after_id) OVER (ORDER BY closed_at DESC, gap_id) AS room
    FROM gaps JOIN markets USING (market_id)
    WHERE exchange = %s AND state IN ('absent', 'unrecoverable') AND before_id IS NOT NULL
      AND closed_at > now() - %s
) AS g CROSS JOIN LATERAL ({}) AS held
WHERE g.room <= %s
  AND held.ids > g.before_id - g.after_id - 1 - CASE g.state WHEN 'absent' THEN g.absent ELSE 1 END
""").format(HELD)

UNFILLED = SQL("""
SELECT g.before_id - g.after_id - 1 - held.ids, held.filled
FROM gaps g CROSS JOIN LATERAL ({}) AS held
WHERE g.gap_id = %s AND g.state <> 'repaired'""").format(HELD)

LATE = """
UPDATE gaps SET state = 'repaired', note = 'filled by late rows', absent = 0, filled = %s,
    cursor = NULL, closed_at = clock_timestamp()
WHERE gap_id = %s"""
# Never more: where the gap's day has left the store, its rows cannot be counted there.
FEWER = """
UPDATE gaps SET absent = %s, filled = %s WHERE gap_id = %s AND state = 'absent' AND absent >= %s"""


class Closed(Struct, frozen=True):
    """`absent`: ids that the exchange lacks."""

    verdict: Verdict
    absent: int


def start_repair(store: Store, found: OpenGap) -> bool:
    return is_changed(store, START, found)


def keep_cursor(store: Store, found: OpenGap, cursor: str | None, new: int) -> bool:
    """A page was stored, `new` rows of it: whoever comes after us may go on at `cursor`."""
    return is_changed(store, KEEP, found, cursor, new)


def postpone_repair(
    store: Store, found: OpenGap, note: str, *, is_over: bool = False, is_rejected: bool = False
) -> bool:
    """`is_over`: the walk came to its end, so that its cursor leads nowhere."""
    return is_changed(store, POSTPONE, found, note[:MOST_WORDS], int(is_rejected), not is_over)


def set_aside(store: Store, found: OpenGap, why: str) -> bool:
    """Leave the gap open, but to its owner: it is no longer among `open_gaps`."""
    note = f"{TOO_WIDE} to repair by itself: {why}; alphapulse backfill --gap {found.gap_id}"
    return postpone_repair(store, found, note, is_over=True)


def dismiss_gap(store: Store, found: OpenGap) -> bool:
    """For a suspicion after which nothing proved to be missing."""
    return is_changed(store, DISMISS, found)


def is_changed(store: Store, statement: str, found: OpenGap, *values: object) -> bool:
    done = store.execute(statement.encode(), [*values, found.gap_id, found.revision])
    return done.rowcount == 1


def count_missing(store: Store, found: OpenGap) -> int | None:
    """Ids of a gap with an end that are not stored; None: the gap changed meanwhile."""
    row = store.execute(CONTENTS, [found.gap_id, found.revision]).fetchone()
    return None if row is None else int(row[0])


def narrow(store: Store, found: OpenGap) -> Gap:
    """From the first missing id of a gap with an end to the last one, which it must have."""
    gap = found.gap
    for low_id, low_at, high_id, high_at in store.execute(EDGES, [found.gap_id]):
        if low_id is not None:
            gap = replace(gap, after_id=low_id, after_at=micros(low_at))
        if high_id is not None:
            gap = replace(gap, before_id=high_id, before_at=micros(high_at))
    return gap


def end_gap(store: Store, found: OpenGap, last_id: int, last_at: Micros) -> OpenGap | None:
    """Give a gap without an end the one that walks came to: its trade `last_id`, or one stored.

    None: the gap changed meanwhile, or was dismissed because nothing lies behind its beginning.
    """
    with store.transaction():
        store.execute(LOCK, [found.gap_id])
        if row := store.execute(FARTHEST, [found.gap_id]).fetchone():
            last_id, last_at = max((last_id, last_at), (row[0], micros(row[1])))
        if last_id <= found.gap.after_id:
            dismiss_gap(store, found)
            return None
        if not is_changed(store, END, found, last_id + 1, instant(last_at)):
            return None
    gap = replace(found.gap, before_id=last_id + 1, before_at=last_at)
    return replace(found, gap=gap, revision=found.revision + 1)


def conclude(store: Store, found: OpenGap, otherwise: Verdict, why: str = "") -> Closed | None:
    """Close the gap: as repaired where nothing is missing any more, or else `otherwise`.

    None: the gap changed meanwhile.
    """
    with store.transaction():
        store.execute(LOCK, [found.gap_id])
        row = store.execute(CONTENTS, [found.gap_id, found.revision]).fetchone()
        if row is None:
            return None
        lacking, filled = row
        verdict: Verdict = "repaired" if lacking == 0 else otherwise
        absent = lacking if verdict == "absent" else 0
        notes = {
            "repaired": f"{filled} rows from REST",
            "absent": f"{lacking} ids are not at the exchange either",
            "unrecoverable": why[:MOST_WORDS],
        }
        done = is_changed(store, CLOSE, found, verdict, notes[verdict], absent, filled)
    return Closed(verdict, absent) if done else None


def settle(store: Store, market: Market, first_id: int, last_id: int) -> int:
    """Late rows with ids from the one to the other are stored: close the gaps that they filled,
    open ones and those given up, and say how many. Where there is none it costs one statement.
    """
    values = [market.exchange, market.symbol, first_id, last_id, NARROW]
    found = store.execute(FILLABLE, values).fetchall()
    return sum(close_if_filled(store, gap_id) for (gap_id,) in found)


def recheck(store: Store, exchange: str) -> int:
    """The same for gaps given up lately, because not everybody who stores rows tells of them."""
    found = store.execute(GIVEN_UP, [exchange, RECENTLY, AT_ONCE]).fetchall()
    return sum(close_if_filled(store, gap_id) for (gap_id,) in found)


def close_if_filled(store: Store, gap_id: int) -> bool:
    """Where an absent gap is filled in part, its count of absent ids is put right."""
    with store.transaction():
        store.execute(LOCK, [gap_id])
        row = store.execute(UNFILLED, [gap_id]).fetchone()
        if row is None:
            return False
        lacking, filled = row
        if lacking == 0:
            store.execute(LATE, [filled, gap_id])
        else:
            store.execute(FEWER, [lacking, filled, gap_id, lacking])
    return bool(lacking == 0)
