"""The gaps of all exchanges as those see them who watch: what is open, what ended, what is lost."""

from collections.abc import Iterable
from datetime import datetime

from alphapulse.findings.gaps import Hole, end_of
from alphapulse.store.connect import Store
from alphapulse.trade import Market

MOST = 1_000  # gaps that are looked at, the oldest first
LATELY = 24  # hours within which a gap that was given up is told

COLUMNS = """
SELECT g.gap_id, g.exchange, g.symbol, g.after_id, g.before_id, g.state, g.cause, g.note,
       g.found_at, g.revision, concat_ws(' ', g.revision, g.filled, g.cursor), g.rejections
FROM market_gaps g """

OPEN = COLUMNS + "WHERE g.closed_at IS NULL ORDER BY g.found_at, g.gap_id LIMIT %s"

# Given up so soon that nobody had been told that it was open.
LOST = (
    COLUMNS
    + """WHERE g.state = 'unrecoverable' AND g.closed_at > now() - make_interval(hours => %s)
  AND NOT EXISTS (SELECT FROM alerts a WHERE a.key = 'gap/' || g.gap_id)
ORDER BY g.found_at, g.gap_id LIMIT %s"""
)

ENDED = "SELECT gap_id, state, note FROM gaps WHERE gap_id = ANY(%s) AND closed_at IS NOT NULL"
GONE = "it proved to be none, or became part of another"


def open_holes(store: Store) -> list[Hole]:
    return [hole_of(*row) for row in store.execute(OPEN, [MOST]).fetchall()]


def lost_holes(store: Store) -> list[Hole]:
    """Those that were given up lately, and that no alert ever spoke of."""
    return [hole_of(*row) for row in store.execute(LOST, [LATELY, MOST]).fetchall()]


def ends_of(store: Store, keys: Iterable[str]) -> dict[str, str]:
    """For keys of alerts: how these gaps ended; a row that is gone was none."""
    ids = [int(key.removeprefix("gap/")) for key in keys]
    rows = store.execute(ENDED, [ids]).fetchall()
    found = {f"gap/{gap_id}": end_of(state, note) for gap_id, state, note in rows}
    return {f"gap/{gap_id}": found.get(f"gap/{gap_id}", GONE) for gap_id in ids}


def hole_of(
    gap_id: int, exchange: str, symbol: str, after_id: int, before_id: int | None, state: str,
    cause: str, note: str | None, found_at: datetime, revision: int, progress: str, rejections: int,
) -> Hole:  # fmt: skip
    return Hole(
        gap_id, Market(exchange, symbol), after_id, before_id, state, cause, note, found_at,
        revision, progress, rejections,
    )  # fmt: skip
