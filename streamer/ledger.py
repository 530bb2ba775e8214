"""The open gaps as they were told, so that a newcomer can be told them too, and after an outage of
ours everybody what has changed. Pure. What lies beyond its bounds, the table `gaps` knows.
"""

from collections.abc import Container, Iterable, Mapping
from itertools import islice

from msgspec import structs

from alphapulse.notice import GapNotice, GapState

MOST_KEPT = 10_000  # open gaps in memory; the one that opened first is forgotten first
MOST_LISTED = 100  # for one newcomer


class Ledger:
    def __init__(self) -> None:
        self.open: dict[int, GapNotice] = {}  # by id, the newest news last
        self.newest = 0  # the highest id of all that were told, open or not
        self.has_forgotten = False

    def replace(self, gaps: Iterable[GapNotice]) -> None:
        """Begin anew with these."""
        self.open.clear()
        self.newest, self.has_forgotten = 0, False
        for gap in gaps:
            self.note(gap)

    def note(self, gap: GapNotice) -> None:
        self.newest = max(self.newest, gap.gap_id)
        if not gap.state.is_open:
            self.open.pop(gap.gap_id, None)
            return
        self.open[gap.gap_id] = gap
        if len(self.open) > MOST_KEPT:
            del self.open[next(iter(self.open))]
            self.has_forgotten = True

    def changes(self, now: Mapping[int, GapNotice]) -> list[GapNotice]:
        """What has changed, those behind that are gone, where `now` holds, oldest first, every
        known gap that still exists, and unknown ones that are open or newer than all known.
        """
        dismissed = [
            structs.replace(gap, state=GapState.DISMISSED)
            for id, gap in self.open.items()
            if id not in now
        ]
        others = [gap for id, gap in now.items() if self.open.get(id) != gap]
        return others + dismissed

    def listed(self, markets: Container[int]) -> tuple[list[GapNotice], bool]:
        """The newest open gaps of these markets, oldest first, and whether there may be more."""
        found = list(
            islice(
                (gap for gap in reversed(self.open.values()) if gap.market_id in markets),
                MOST_LISTED + 1,
            )
        )
        has_more = self.has_forgotten or len(found) > MOST_LISTED
        return found[:MOST_LISTED][::-1], has_more
