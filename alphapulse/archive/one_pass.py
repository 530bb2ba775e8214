"""Several markets' day in one pass over PostgreSQL's rows.

Nothing is half-written: each file is made aside, read back, compared with the store and renamed.
While DuckDB reads the rows, PostgreSQL sums them up for the certificates in the same snapshot;
then two files at a time are read back.
"""

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from time import monotonic

from alphapulse.archive.copying import copy_rows, snapshot
from alphapulse.archive.judging import Judged, Wanted, judge_days
from alphapulse.archive.landing import FAILURES, Doors, land
from alphapulse.archive.outcome import Exported, Failed, Outcome
from alphapulse.archive.staging import staging
from alphapulse.lake import DayFile

log = logging.getLogger(__name__)


def one_pass(doors: Doors, parquet: Path, wanted: Sequence[Wanted]) -> Iterator[Outcome]:
    """Export these days, all of one date, in this order; each fails alone.

    A pass that fails goes again without the days that it must leave out; where there is none to
    blame, each of the others goes alone.
    """
    started = monotonic()
    log.info("%s: one pass over %d markets", wanted[0].day.date, len(wanted))
    refused: dict[Wanted, Failed] = {}
    try:
        with staging(parquet) as folder, ExitStack() as stack:
            files = [open_file(folder, place, wanted) for place in range(len(wanted))]
            for file in files:
                stack.callback(file.abandon)
            judged, failure = judge_and_copy(doors, parquet, wanted, files)
            if failure is None:
                for outcome in land(doors, parquet, wanted, judged, files):
                    tell(outcome, monotonic() - started)
                    yield outcome
                return
            refused = {
                one: found
                for one, found in zip(wanted, judged, strict=True)
                if isinstance(found, Failed)
            }
            reason = str(failure)
    except FAILURES as failure:
        reason = str(failure)
    yield from go_on(doors, parquet, wanted, refused, reason)


def open_file(folder: Path, place: int, wanted: Sequence[Wanted]) -> DayFile:
    return DayFile(folder / f"{place}.part", wanted[place].day.market, len(wanted))


def go_on(
    doors: Doors,
    parquet: Path,
    wanted: Sequence[Wanted],
    refused: dict[Wanted, Failed],
    reason: str,
) -> Iterator[Outcome]:
    """After a pass that failed; in the order of `wanted`."""
    rest = [one for one in wanted if one not in refused]
    if not refused and len(rest) == 1:
        yield Failed(rest[0].day, reason)
        return
    log.warning("%s: the pass failed and is taken apart: %s", wanted[0].day.date, reason)
    parts = [rest] if refused else [[one] for one in rest]
    outcomes = [outcome for part in parts if part for outcome in one_pass(doors, parquet, part)]
    found = {outcome.day: outcome for outcome in [*refused.values(), *outcomes]}
    yield from (found[one.day] for one in wanted)


def judge_and_copy(
    doors: Doors, parquet: Path, wanted: Sequence[Wanted], files: Sequence[DayFile]
) -> tuple[list[Judged | Exported | Failed], BaseException | None]:
    """Both in one snapshot and at one time; gives why the rows could not be copied, too."""
    ids, day = [one.market_id for one in wanted], wanted[0].day
    with snapshot(doors.duck) as (name, at), ThreadPoolExecutor(1) as pool:
        copying = pool.submit(copy_rows, doors.duck, ids, day, files)
        try:
            judged = judge_days(doors.store, name, at, parquet, wanted)
        except BaseException:
            doors.duck.interrupt()
            raise
        return judged, copying.exception()


def tell(outcome: Outcome, seconds: float) -> None:
    """A line of progress; seconds since the pass began."""
    if isinstance(outcome, Failed):
        log.warning("%s", outcome.reason)
    elif outcome.certificate:
        rows = outcome.certificate.rows
        log.info("%s: %d rows, %d bytes, %.1f s", outcome.day.key, rows, outcome.bytes, seconds)
    else:
        log.info("%s: no trades, %.1f s", outcome.day.key, seconds)
