"""Let old days leave PostgreSQL, once their files have been read again and hold every row of them.

`review` only looks; `let_go` drops what may leave. A file is read only when nothing else stands in
the way, so that a night costs as much as the days that leave in it.
"""

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from time import monotonic, sleep
from typing import TypeAlias

import duckdb
from duckdb import DuckDBPyConnection
from msgspec.structs import replace

from alphapulse import lake
from alphapulse.archive.day_file import day_file
from alphapulse.archive.digest import digest_of
from alphapulse.archive.rejoining import OFFLINE, Joined, count_unfiled, rejoin_late_rows
from alphapulse.archive.verifying import verify_file
from alphapulse.day import MarketDay
from alphapulse.retention import Decision, Held, Policy, Refusal, Sheet, Why, decide
from alphapulse.settings import Settings
from alphapulse.store.connect import Store, connect
from alphapulse.store.retention import (
    DayChanged,
    DayLocked,
    Dropped,
    days_before,
    drop_day,
    odd_slots,
    read_digests,
    read_held,
)

PATIENCE = 60.0  # seconds for which a drop is tried again while others hold `trades`
SHORTEST, LONGEST = 0.05, 1.0  # seconds between two tries: nobody must wait behind us each time

Outcome: TypeAlias = Joined | Dropped | Decision


def policy_of(settings: Settings, today: date) -> Policy:
    """With backups on, only what was copied may leave."""
    return Policy(settings.retention_days, today, backups=settings.backup_to is not None)


def review(url: str, parquet: Path, policy: Policy) -> Iterator[Decision]:
    """What would become of each day that is due, oldest first. Changes nothing."""
    with connect(url, "retention", read_only=True) as store:
        for day in days_before(store, policy.limit):
            yield review_day(store, parquet, policy, day)


def let_go(
    url: str, parquet: Path, policy: Policy, patience: float = PATIENCE
) -> Iterator[Outcome]:
    """Drop each day that may leave; gives the others with the reasons. Raises StoreUnavailable.

    Rows that came after a day had left are united with its file first, and that is given too.
    """
    with connect(url, "retention") as store:
        for day in days_before(store, policy.limit):
            united = list(rejoin_late_rows(store, parquet, read_held(store, day)))
            yield from (one for one in united if isinstance(one, Joined))
            failed = [one for one in united if isinstance(one, Refusal)]
            decision = review_day(store, parquet, policy, day, failed)
            yield drop(store, decision, patience) if decision.may_leave else decision


def review_day(
    store: Store, parquet: Path, policy: Policy, day: date, failed: Sequence[Refusal] = ()
) -> Decision:
    """Files are read only when nothing else speaks against the day."""
    odd = [
        Refusal(day, None, Why.ODD_CHUNK, f"{slot.name} is from {slot.since} to {slot.until}")
        for slot in odd_slots(store, day)
    ]
    held = read_held(store, day)
    decision = decide(day, held, policy, [*odd, *failed])
    if decision.refusals:
        return decision
    digests = read_digests(store, day)
    seen = [look_at(store, parquet, one, digests.get(one.market_id)) for one in held]
    return decide(day, seen, policy)


def look_at(store: Store, parquet: Path, held: Held, digest: str | None) -> Held:
    """With what the file is, read now from the first byte to the last."""
    sheet = read_sheet(parquet, held.day)
    if held.was_dropped and sheet.is_there and not sheet.failures:
        sheet = replace(sheet, unfiled=count_unfiled(store, parquet, held))
    return replace(held, digest=digest, sheet=sheet)


def read_sheet(parquet: Path, day: MarketDay) -> Sheet:
    try:
        with day_file(parquet, day) as path, duckdb.connect(":memory:", config=OFFLINE) as duck:
            return verify_sheet(duck, path, day) if path else Sheet(is_there=False)
    except Exception as failure:  # noqa: BLE001  # damage makes libraries raise whatever they like
        words = f"{lake.path_of(parquet, day)} cannot be read: {failure!r}"
        return Sheet(is_there=True, failures=(words,))


def verify_sheet(duck: DuckDBPyConnection, path: Path, day: MarketDay) -> Sheet:
    """Raises what a damaged file makes DuckDB and pyarrow raise."""
    finding = verify_file(duck, path)
    words, failures = finding.certificate, finding.failures
    if words is None or failures:
        return Sheet(is_there=True, failures=failures)
    if words.day != day:
        return Sheet(is_there=True, failures=(f"{path} holds {words.day.key}",))
    return Sheet(
        is_there=True,
        rows=words.rows,
        checksum=words.checksum,
        verdict=words.verdict,
        digest=digest_of(duck, path),
        day_closed=words.day_closed,
    )


def drop(store: Store, decision: Decision, patience: float) -> Outcome:
    """Try until `patience` is over: a reader that takes its time keeps the day where it is."""
    deadline = monotonic() + patience
    pause = SHORTEST
    while True:
        try:
            return drop_day(store, decision)
        except DayChanged as failure:
            return stays(decision, Why.CHANGED, str(failure))
        except DayLocked as failure:
            if monotonic() + pause > deadline:
                return stays(decision, Why.LOCKED, f"{failure}; tried for {patience:.0f} s")
        sleep(pause)
        pause = min(LONGEST, pause * 2)


def stays(decision: Decision, why: Why, words: str) -> Decision:
    return replace(decision, refusals=(Refusal(decision.day, None, why, words),))
