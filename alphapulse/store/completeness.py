"""Until when every trade of a market is there, by its gaps, its verdicts and its newest trade.

A question reads the days that it is about. A plan over every day of a year costs more than all the
rest of an answer, so the days beyond are only looked into where these leave something open.
"""

from datetime import datetime
from typing import Any

from alphapulse.store.connect import Store
from alphapulse.store.pages import A_DAY

# Whatever is open, or was given up, may lack trades from its first edge on; so may what follows
# history that was asked for and does not reach to the trade behind it. A day that was judged to
# lack ids which stand in no gap is not complete from its midnight on.
BOUNDS = """
SELECT m.counts_trades,
    (SELECT min(after_at) FROM gaps g
     WHERE g.market_id = m.market_id AND g.state IN ('suspected', 'repairing', 'unrecoverable')
       AND coalesce(g.before_at, 'infinity') > %(start)s AND g.after_at < %(end)s),
    (SELECT min(day)::timestamp AT TIME ZONE 'UTC' FROM coverage c
     WHERE c.market_id = m.market_id AND c.unexplained > 0
       AND (c.day + 1)::timestamp AT TIME ZONE 'UTC' > %(start)s
       AND c.day::timestamp AT TIME ZONE 'UTC' < %(end)s),
    EXISTS (SELECT FROM backfills b
     WHERE b.market_id = m.market_id AND b.gap_id IS NULL AND b.to_at > %(start)s
       AND b.to_at < %(end)s),
    (SELECT max(last_at) FROM dropped_days d WHERE d.market_id = m.market_id),
    least(
        (SELECT min(day)::timestamp AT TIME ZONE 'UTC' FROM coverage c
         WHERE c.market_id = m.market_id AND c.verdict LIKE 'complete%%'),
        (SELECT min(day + 1)::timestamp AT TIME ZONE 'UTC' FROM dropped_days d
         WHERE d.market_id = m.market_id)),
    (SELECT traded_at FROM trades
     WHERE market_id = %(market_id)s AND traded_at >= %(near)s AND traded_at < %(far)s
     ORDER BY traded_at DESC LIMIT 1),
    now() < %(far)s
FROM markets m WHERE m.market_id = %(market_id)s"""

LOOSE = """
SELECT min(to_at) FROM backfills b
WHERE b.market_id = %(market_id)s AND b.gap_id IS NULL AND b.to_at > %(start)s
  AND b.to_at < %(end)s
  AND NOT EXISTS (
    SELECT FROM trades t WHERE t.market_id = b.market_id AND t.traded_at = b.before_at
      AND t.trade_id = b.before_id)
  AND NOT EXISTS (
    SELECT FROM coverage c WHERE c.market_id = b.market_id
      AND c.day = (b.to_at AT TIME ZONE 'UTC')::date AND c.verdict LIKE 'complete%%')"""

FIRST = """
SELECT traded_at FROM trades WHERE market_id = %(market_id)s {}ORDER BY traded_at LIMIT 1"""
BEGUN = FIRST.format("AND traded_at >= %(near)s AND traded_at <= %(start)s ")
OLDEST = FIRST.format("")
NEWEST = OLDEST.replace("traded_at LIMIT", "traded_at DESC LIMIT")


def complete_until(
    store: Store, market_id: int, start: datetime | None, end: datetime
) -> datetime | None:
    """Every trade of [start, T) is stored, or known to be absent at the exchange; T is given.

    None: nothing is proved from `start` on, because its trades began later, or ids of this market
    are not consecutive. `start` None: from the market's first trade on.
    """
    values = {
        "market_id": market_id, "start": start or "-infinity", "end": end,
        "near": end - A_DAY, "far": end + A_DAY,
    }  # fmt: skip
    # Planned each time: that costs less than the days which it leaves out.
    row = store.execute(BOUNDS, values, prepare=False).fetchone()
    if row is None or not row[0]:
        return None
    _, gap, unproved, has_loose, dropped, proved, newest, is_last = row
    if newest is None or not (newest >= end or is_last):
        newest = ask(store, NEWEST, values)
    newest = later(dropped, newest)
    loose = ask(store, LOOSE, values) if has_loose else None
    begin = beginning(store, market_id, start, proved)
    if newest is None or begin is None:
        return None
    until: datetime = min(at for at in (end, newest, gap, unproved, loose) if at is not None)
    return until if until > begin else None


def beginning(
    store: Store, market_id: int, start: datetime | None, proved: datetime | None
) -> datetime | None:
    """`start`, or without one when the market's trades began; None: they began after it."""
    if start is not None and (
        (proved is not None and proved <= start) or begun(store, market_id, start)
    ):
        return start
    oldest = earlier(proved, ask(store, OLDEST, {"market_id": market_id}))
    return None if oldest is None or (start is not None and start < oldest) else start or oldest


def begun(store: Store, market_id: int, start: datetime) -> bool:
    """Whether there is a trade of the day before."""
    values = {"market_id": market_id, "near": start - A_DAY, "start": start}
    return bool(store.execute(BEGUN, values, prepare=False).fetchall())


def ask(store: Store, query: str, values: dict[str, Any]) -> datetime | None:
    row = store.execute(query, values).fetchone()
    return row[0] if row else None


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    return max((at for at in (one, other) if at is not None), default=None)


def earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min((at for at in (one, other) if at is not None), default=None)
