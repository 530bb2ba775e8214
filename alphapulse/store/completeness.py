"""Until when every trade of a market is there, by its gaps, its verdicts and its newest trade."""

from datetime import datetime

from alphapulse.store.connect import Store

# Whatever is open, or was given up, may lack trades from its first edge on; so may what follows
# history that was asked for and does not reach to the trade behind it. A day that was judged to
# lack ids which stand in no gap is not complete from its midnight on.
UNTIL = """
SELECT m.counts_trades,
    (SELECT min(after_at) FROM gaps g
     WHERE g.market_id = m.market_id AND g.state IN ('suspected', 'repairing', 'unrecoverable')
       AND coalesce(g.before_at, 'infinity') > %(start)s AND g.after_at < %(end)s),
    (SELECT min(day)::timestamp AT TIME ZONE 'UTC' FROM coverage c
     WHERE c.market_id = m.market_id AND c.unexplained > 0
       AND (c.day + 1)::timestamp AT TIME ZONE 'UTC' > %(start)s
       AND c.day::timestamp AT TIME ZONE 'UTC' < %(end)s),
    (SELECT min(to_at) FROM backfills b
     WHERE b.market_id = m.market_id AND b.gap_id IS NULL AND b.to_at > %(start)s
       AND b.to_at < %(end)s
       AND NOT EXISTS (
        SELECT FROM trades t WHERE t.market_id = b.market_id AND t.traded_at = b.before_at
          AND t.trade_id = b.before_id)
       AND NOT EXISTS (
        SELECT FROM coverage c WHERE c.market_id = b.market_id
          AND c.day = (b.to_at AT TIME ZONE 'UTC')::date AND c.verdict LIKE 'complete%%')),
    greatest(
        (SELECT max(last_at) FROM dropped_days d WHERE d.market_id = m.market_id),
        (SELECT traded_at FROM trades t WHERE t.market_id = m.market_id
         ORDER BY traded_at DESC LIMIT 1)),
    least(
        (SELECT min(day)::timestamp AT TIME ZONE 'UTC' FROM coverage c
         WHERE c.market_id = m.market_id AND c.verdict LIKE 'complete%%'),
        (SELECT min(day + 1)::timestamp AT TIME ZONE 'UTC' FROM dropped_days d
         WHERE d.market_id = m.market_id),
        (SELECT traded_at FROM trades t WHERE t.market_id = m.market_id
         ORDER BY traded_at LIMIT 1))
FROM markets m WHERE m.market_id = %(market_id)s"""


def complete_until(
    store: Store, market_id: int, start: datetime | None, end: datetime
) -> datetime | None:
    """Every trade of [start, T) is stored, or known to be absent at the exchange; T is given.

    None: nothing is proved from `start` on, because its trades began later, or ids of this market
    are not consecutive. `start` None: from the market's first trade on.
    """
    values = {"market_id": market_id, "start": start or "-infinity", "end": end}
    row = store.execute(UNTIL, values).fetchone()
    if row is None:
        return None
    counts, gap, unproved, loose, newest, oldest = row
    if not counts or newest is None or (start is not None and start < oldest):
        return None
    until: datetime = min(at for at in (end, newest, gap, unproved, loose) if at is not None)
    return until if until > (start or oldest) else None
