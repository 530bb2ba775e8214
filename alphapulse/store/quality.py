"""What is known of completeness and trouble, for readers: verdicts, gaps, uptime, alerts."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from alphapulse.day import MarketDay
from alphapulse.store.connect import Store

Row = dict[str, Any]

CELLS = """
SELECT market_id, exchange, symbol, day, verdict, reason, is_provisional, expected, stored,
       repaired, absent, missing, observed, exported_at IS NOT NULL AS exported,
       reopened_at IS NOT NULL AS reopened
FROM market_coverage
WHERE (%(market_ids)s::integer[] IS NULL OR market_id = ANY(%(market_ids)s))
  AND day >= %(first)s AND day <= %(last)s
ORDER BY exchange, symbol, day LIMIT %(limit)s"""

MINUTES = """
SELECT floor(extract(epoch FROM traded_at - %(start)s) / 60)::int, count(*) FROM trades
WHERE market_id = %(market_id)s AND traded_at >= %(start)s AND traded_at < %(end)s
GROUP BY 1"""

SERVED = """
SELECT greatest(since, %(start)s), least(until, %(end)s) FROM uptime
WHERE market_id = %(market_id)s AND until > %(start)s AND since < %(end)s
ORDER BY since"""

GAPS = """
SELECT gap_id, exchange, symbol, state, cause, after_id, before_id, after_at, before_at, found_at,
       closed_at, attempts, filled, absent, note
FROM market_gaps
WHERE (%(market_ids)s::integer[] IS NULL OR market_id = ANY(%(market_ids)s))
  AND (%(state)s::text IS NULL OR state = %(state)s)
  AND (%(is_open)s::boolean IS NULL OR (closed_at IS NULL) = %(is_open)s)
  AND (%(start)s::timestamptz IS NULL OR coalesce(before_at, 'infinity') >= %(start)s)
  AND (%(end)s::timestamptz IS NULL OR after_at < %(end)s)
  AND (%(below)s::bigint IS NULL OR gap_id < %(below)s)
ORDER BY gap_id DESC LIMIT %(limit)s"""

ALERTS = """
SELECT alert_id, watch, severity, state, title, text, link, since, resolved_at, resolution
FROM alerts
WHERE state <> 'rising'
  AND (%(is_open)s::boolean IS NULL OR (resolved_at IS NULL) = %(is_open)s)
  AND (%(below)s::bigint IS NULL OR alert_id < %(below)s)
ORDER BY alert_id DESC LIMIT %(limit)s"""

BACKFILLS = """
SELECT backfill_id, exchange, symbol, gap_id, from_at, to_at, state, requests, trades, new_trades,
       absent, reached_at, note, started_at, touched_at, ended_at
FROM market_backfills ORDER BY backfill_id DESC LIMIT %(limit)s"""

FILED = """
SELECT exchange, symbol, day, rows FROM (
    SELECT market_id, day, rows FROM coverage WHERE exported_at IS NOT NULL
    UNION SELECT market_id, day, rows FROM dropped_days d WHERE NOT EXISTS (
        SELECT FROM coverage c
        WHERE c.market_id = d.market_id AND c.day = d.day AND c.exported_at IS NOT NULL)
) AS filed JOIN markets USING (market_id)
WHERE (%(market_ids)s::integer[] IS NULL OR market_id = ANY(%(market_ids)s))
  AND day >= %(first)s AND day <= %(last)s
ORDER BY exchange, symbol, day LIMIT %(limit)s"""


def rows(store: Store, query: str, values: dict[str, Any]) -> list[Row]:
    cursor = store.execute(query, values)
    names = [column.name for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def coverage_cells(
    store: Store, market_ids: Sequence[int] | None, first: date, last: date, limit: int
) -> list[Row]:
    """The judged days from `first` to `last`, of these markets (None: of all)."""
    named = {"market_ids": market_ids, "first": first, "last": last, "limit": limit}
    return rows(store, CELLS, named)


def trades_by_minute(store: Store, market_id: int, day: MarketDay) -> list[int]:
    """Trades in the store in each of the day's 1440 minutes."""
    counts = [0] * 1440
    values = {"market_id": market_id, "start": day.starts_at, "end": day.ends_at}
    for minute, count in store.execute(MINUTES, values).fetchall():
        counts[minute] = count
    return counts


def served_times(store: Store, market_id: int, day: MarketDay) -> list[tuple[datetime, datetime]]:
    """When a connection served the market, within the day."""
    values = {"market_id": market_id, "start": day.starts_at, "end": day.ends_at}
    return [(since, until) for since, until in store.execute(SERVED, values).fetchall()]


def gaps_page(
    store: Store, limit: int, *, market_ids: Sequence[int] | None = None, state: str | None = None,
    is_open: bool | None = None, below: int | None = None, start: datetime | None = None,
    end: datetime | None = None,
) -> list[Row]:  # fmt: skip
    """The newest gaps with ids below `below`; those that reach into [start, end)."""
    values = {
        "market_ids": market_ids, "state": state, "is_open": is_open, "below": below,
        "start": start, "end": end, "limit": limit,
    }  # fmt: skip
    return rows(store, GAPS, values)


def alerts_page(store: Store, limit: int, is_open: bool | None, below: int | None) -> list[Row]:
    """The newest alerts that were raised, with ids below `below`."""
    return rows(store, ALERTS, {"is_open": is_open, "below": below, "limit": limit})


def newest_backfills(store: Store, limit: int) -> list[Row]:
    return rows(store, BACKFILLS, {"limit": limit})


def filed_days(
    store: Store, market_ids: Sequence[int] | None, first: date, last: date, limit: int
) -> list[Row]:
    """Days that were exported, with the rows of their files."""
    named = {"market_ids": market_ids, "first": first, "last": last, "limit": limit}
    return rows(store, FILED, named)
