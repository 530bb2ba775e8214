"""Until when every trade of a market is there, by its gaps, its verdicts and its newest trade.

A market's first and newest trades are remembered: a plan over every day of a year would cost more
than all the rest of an answer, and these can only move outwards.
"""

from datetime import datetime
from time import monotonic
from typing import Any

from alphapulse.store.connect import Store

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
         WHERE d.market_id = m.market_id))
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

NEWEST = """
SELECT traded_at FROM trades WHERE market_id = %(market_id)s AND traded_at >= %(known)s
ORDER BY traded_at DESC LIMIT 1"""
OLDEST = NEWEST.replace(">=", "<=").replace(" DESC", "")


class Edges:
    """The first and the newest stored trade of each market, as they were seen: there is none
    further inside, for whatever leaves the store is told in `dropped_days`. The newest one may be
    some `seconds` old: less is said to be complete then than is.
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self.seconds = seconds
        self.oldest: dict[int, datetime] = {}
        self.newest: dict[int, datetime] = {}
        self.looked: dict[int, float] = {}

    def begin(self, store: Store, market_id: int, start: datetime | None) -> datetime | None:
        """The first trade, or one that was not after `start`."""
        known = self.oldest.get(market_id)
        if known is None or start is None or start < known:
            known = look(store, OLDEST, market_id, known or "infinity") or known
            if known is not None:
                self.oldest[market_id] = known
        return known

    def reach(self, store: Store, market_id: int, end: datetime) -> datetime | None:
        """The newest trade, or one that was not before `end`."""
        known = self.newest.get(market_id)
        at = monotonic()
        is_old = at - self.looked.get(market_id, float("-inf")) >= self.seconds
        if known is None or (known < end and is_old):
            self.looked[market_id] = at
            known = look(store, NEWEST, market_id, known or "-infinity") or known
            if known is not None:
                self.newest[market_id] = known
        return known


def complete_until(
    store: Store, edges: Edges, market_id: int, start: datetime | None, end: datetime
) -> datetime | None:
    """Every trade of [start, T) is stored, or known to be absent at the exchange; T is given.

    None: nothing is proved from `start` on, because its trades began later, or ids of this market
    are not consecutive. `start` None: from the market's first trade on.
    """
    values = {"market_id": market_id, "start": start or "-infinity", "end": end}
    row = store.execute(BOUNDS, values).fetchone()
    if row is None or not row[0]:
        return None
    _, gap, unproved, has_loose, dropped, proved = row
    newest = max(known(dropped, edges.reach(store, market_id, end)), default=None)
    oldest = proved
    if oldest is None or start is None or start < oldest:
        oldest = min(known(oldest, edges.begin(store, market_id, start)), default=None)
    if newest is None or oldest is None or (start is not None and start < oldest):
        return None
    loose = ask(store, LOOSE, values) if has_loose else None
    until: datetime = min(known(end, newest, gap, unproved, loose))
    return until if until > (start or oldest) else None


def look(store: Store, query: str, market_id: int, known: datetime | str) -> datetime | None:
    """Planned each time, without the days that the known trade leaves out."""
    values = {"market_id": market_id, "known": known}
    row = store.execute(query, values, prepare=False).fetchone()
    return row[0] if row else None


def ask(store: Store, query: str, values: dict[str, Any]) -> datetime | None:
    row = store.execute(query, values).fetchone()
    return row[0] if row else None


def known(*times: datetime | None) -> list[datetime]:
    return [at for at in times if at is not None]
