"""What was exported of a day, and which days must be exported again because rows came since.

A row came late when the transaction that stored it was not in the snapshot of the export: that is
exact, whoever inserted it and however long he took to commit.
"""

from collections.abc import Sequence
from datetime import date, datetime

from msgspec import Struct

from alphapulse.coverage import Coverage
from alphapulse.day import MarketDay
from alphapulse.extent import Jump
from alphapulse.store.connect import Store
from alphapulse.store.gaps import micros, report
from alphapulse.store.judgements import has_late_rows, write_judgement
from alphapulse.trade import Gap, Market

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('alphapulse reopening', 0))"

RECORD = """
UPDATE coverage SET rows = %(rows)s, checksum = %(checksum)s::numeric, certified = verdict,
    exported_at = %(exported_at)s, snapshot = %(snapshot)s::pg_snapshot,
    reopened_at = CASE WHEN %(is_late)s THEN now() END
WHERE market_id = %(market_id)s AND day = %(day)s"""

# Only days that were over when they were exported: the running day's file is its beginning anyway.
SPAN = """
SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint,
       pg_snapshot_xmax(pg_current_snapshot())::text::bigint,
       min(pg_snapshot_xmin(snapshot)::text::bigint), max(day) + 1
FROM coverage WHERE exported_at >= (day + 1)::timestamp AT TIME ZONE 'UTC'"""

REOPEN = """
UPDATE coverage SET reopened_at = now()
FROM (
    SELECT DISTINCT c.market_id, c.day
    FROM trades t JOIN coverage c
        ON c.market_id = t.market_id AND c.day = (t.traded_at AT TIME ZONE 'UTC')::date
    WHERE t.tx >= %(since)s AND t.traded_at < %(until)s::timestamp AT TIME ZONE 'UTC'
      AND c.reopened_at IS NULL AND c.exported_at >= (c.day + 1)::timestamp AT TIME ZONE 'UTC'
      AND NOT pg_visible_in_snapshot(t.tx::text::xid8, c.snapshot)
) AS late
WHERE coverage.market_id = late.market_id AND coverage.day = late.day"""

REOPENED = """
SELECT m.exchange, m.symbol, c.day, c.exported_at
FROM coverage c JOIN markets m USING (market_id)
WHERE c.reopened_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM dropped_days WHERE market_id = c.market_id AND day = c.day)
ORDER BY c.day, c.market_id"""

RECORDED = """
SELECT m.exchange, m.symbol, c.day
FROM coverage c JOIN markets m USING (market_id)
WHERE c.exported_at IS NOT NULL AND c.reopened_at IS NULL
  AND (%(first)s::date IS NULL OR c.day >= %(first)s)
  AND (%(last)s::date IS NULL OR c.day <= %(last)s)"""


class Shipment(Struct, frozen=True):
    """A file that lies in its place: what it holds, and the store's snapshot that it shows."""

    day: MarketDay
    rows: int
    checksum: str | None
    exported_at: datetime
    snapshot: str


class Reopened(Struct, frozen=True):
    """A day whose file is out of date, and when that file was made."""

    day: MarketDay
    exported_at: datetime

    @property
    def key(self) -> str:
        """Another one for each file that is to be replaced."""
        return f"{self.day.key}@{self.exported_at.isoformat()}"


def record_export(store: Store, market_id: int, shipment: Shipment, found: Coverage) -> None:
    """Write down a file and the judgement in it; what was reopened is closed, unless more came."""
    values = {
        "market_id": market_id,
        "day": shipment.day.date,
        "rows": shipment.rows,
        "checksum": shipment.checksum,
        "exported_at": shipment.exported_at,
        "snapshot": shipment.snapshot,
    }
    with store.transaction():
        store.execute(LOCK)
        # Rows that came while the file was made: the next export's.
        is_late = has_late_rows(store, market_id, shipment.day, shipment.snapshot)
        write_judgement(store, market_id, shipment.day, found)
        store.execute(RECORD, values | {"is_late": is_late})


def report_unexplained(store: Store, market: Market, found: Sequence[Jump]) -> None:
    """What no gap knew of becomes one: repairs ask the exchange for it."""
    for jump in found:
        after_at, before_at = micros(jump.after_at), micros(jump.before_at)
        gap = Gap(market, jump.after_id, after_at, jump.before_id, before_at)
        report(store, gap, "sequence hole")


def look_for_late_rows(store: Store, since: int | None) -> int:
    """Mark the exported days that have rows of transactions from `since` on which the export did
    not see; gives where the next look should begin. None: from the oldest export on.
    """
    with store.transaction():
        store.execute(LOCK)
        xmin, xmax, oldest, until = store.execute(SPAN).fetchone() or (0, 0, None, None)
        if since is None or since > xmax:  # never, or another life of the database
            since = oldest
        if since is not None and until is not None:
            store.execute(REOPEN, {"since": since, "until": until})
    return int(xmin)


def reopened_days(store: Store) -> list[Reopened]:
    """The days that wait for another export, oldest first. Late rows of a day that left the store
    do not: retention unites them with its file.
    """
    rows = store.execute(REOPENED).fetchall()
    return [
        Reopened(MarketDay(day, Market(exchange, symbol)), at) for exchange, symbol, day, at in rows
    ]


def recorded_days(
    store: Store, first: date | None = None, last: date | None = None
) -> set[MarketDay]:
    """The days whose file was recorded and says what is known."""
    rows = store.execute(RECORDED, {"first": first, "last": last}).fetchall()
    return {MarketDay(day, Market(exchange, symbol)) for exchange, symbol, day in rows}
