"""What was judged of each market's day: reads and writes `coverage`."""

from datetime import date, datetime, timedelta

from msgspec import Struct
from msgspec.structs import asdict

from alphapulse.coverage import Coverage
from alphapulse.cursor import Snapshot
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.store.coverage import judge_day
from alphapulse.store.dropped import was_dropped
from alphapulse.trade import Market

UNSETTLED = timedelta(days=7)  # how long a day that is not whole is judged again and again

# A file that certifies another verdict is out of date, though no row came late.
WRITE = """
INSERT INTO coverage AS c (
    market_id, day, first_id, last_id, after_id, before_id, expected, stored, repaired, absent,
    missing, unexplained, observed, verdict, reason, is_provisional)
VALUES (
    %(market_id)s, %(day)s, %(first_id)s, %(last_id)s, %(after_id)s, %(before_id)s, %(expected)s,
    %(stored)s, %(repaired)s, %(absent)s, %(missing)s, %(unexplained)s, %(observed)s, %(verdict)s,
    %(reason)s, %(is_provisional)s)
ON CONFLICT (market_id, day) DO UPDATE SET
    first_id = excluded.first_id, last_id = excluded.last_id, after_id = excluded.after_id,
    before_id = excluded.before_id, expected = excluded.expected, stored = excluded.stored,
    repaired = excluded.repaired, absent = excluded.absent, missing = excluded.missing,
    unexplained = excluded.unexplained, observed = excluded.observed, verdict = excluded.verdict,
    reason = excluded.reason, is_provisional = excluded.is_provisional, judged_at = now(),
    reopened_at = CASE WHEN c.certified <> excluded.verdict THEN coalesce(c.reopened_at, now())
                       ELSE c.reopened_at END"""

COUNTED = """
SELECT first_id, rows, snapshot::text FROM coverage WHERE market_id = %s AND day = %s"""

# Counted, and with a plain number: the planner takes the index of tx then, else it reads the day.
LATE = """
SELECT count(*) FROM trades
WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
  AND tx >= %(xmin)s
  AND NOT pg_visible_in_snapshot(tx::text::xid8, %(snapshot)s::pg_snapshot)"""

UNJUDGED = """
SELECT m.exchange, m.symbol, d.day::date
FROM markets m
    CROSS JOIN generate_series(%(today)s::date - 1, %(today)s::date, interval '1 day') d (day)
WHERE EXISTS (
    SELECT FROM trades WHERE market_id = m.market_id AND traded_at < d.day + interval '1 day')
UNION
SELECT m.exchange, m.symbol, c.day
FROM coverage c JOIN markets m USING (market_id)
WHERE c.day >= %(since)s AND c.day < %(today)s AND (c.is_provisional OR c.verdict = 'incomplete')
ORDER BY 3, 1, 2"""

LISTED = """
SELECT exchange, symbol, day, first_id, last_id, expected, stored, repaired, absent, missing,
       unexplained, observed, verdict, reason, is_provisional, judged_at, rows, checksum::text,
       exported_at, reopened_at
FROM market_coverage
WHERE (%(day)s::date IS NULL OR day = %(day)s)
  AND (%(exchange)s::text IS NULL OR (exchange, symbol) = (%(exchange)s, %(symbol)s))
ORDER BY day, exchange, symbol"""


class Judged(Struct, frozen=True):
    """A row of `market_coverage`, as people and programs read it."""

    exchange: str
    symbol: str
    day: date
    first_id: int | None
    last_id: int | None
    expected: int | None
    stored: int | None
    repaired: int | None
    absent: int | None
    missing: int | None
    unexplained: int
    observed: float | None
    verdict: str
    reason: str
    is_provisional: bool
    judged_at: datetime
    rows: int | None
    checksum: str | None
    exported_at: datetime | None
    reopened_at: datetime | None


def write_judgement(store: Store, market_id: int, day: MarketDay, found: Coverage) -> None:
    store.execute(WRITE, asdict(found) | {"market_id": market_id, "day": day.date})


def judge_again(store: Store, market_id: int, day: MarketDay) -> None:
    """Judge by what is stored now, and write it down.

    A day that the store has let go of keeps the judgement it had, whatever came of it since. What
    the export counted still holds unless rows came since.
    """
    if was_dropped(store, market_id, day.date):
        return
    row = store.execute(COUNTED, [market_id, day.date]).fetchone()
    first_id, rows, snapshot = row or (None, None, None)
    if snapshot is not None and has_late_rows(store, market_id, day, snapshot):
        rows = None
    found, _ = judge_day(store, market_id, day, rows)
    if found.first_id is not None or first_id is None:
        write_judgement(store, market_id, day, found)


def has_late_rows(store: Store, market_id: int, day: MarketDay, snapshot: str) -> bool:
    """Whether the day has rows of transactions that `snapshot` did not see."""
    values = {
        "market_id": market_id,
        "start": day.starts_at,
        "end": day.ends_at,
        "xmin": Snapshot.parse(snapshot).xmin,
        "snapshot": snapshot,
    }
    (late,) = store.execute(LATE, values).fetchone() or (0,)
    return bool(late)


def days_to_judge(store: Store, today: date) -> list[MarketDay]:
    """Yesterday and today of every market that has trades, and the last week's unsettled days."""
    rows = store.execute(UNJUDGED, {"today": today, "since": today - UNSETTLED})
    return [MarketDay(day, Market(exchange, symbol)) for exchange, symbol, day in rows.fetchall()]


def list_coverage(
    store: Store, day: date | None = None, market: Market | None = None
) -> list[Judged]:
    """What was judged, oldest day first."""
    values = {
        "day": day,
        "exchange": market.exchange if market else None,
        "symbol": market.symbol if market else None,
    }
    return [Judged(*row) for row in store.execute(LISTED, values).fetchall()]


def today_of(store: Store) -> date:
    """The store's UTC day."""
    (now,) = store.execute("SELECT now()").fetchone() or (None,)
    assert isinstance(now, datetime)
    return now.date()
