"""Where a client's stream begins, and the cursors of what it is told up to there."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from alphapulse.cursor import Cursor, Heard, Snapshot
from alphapulse.notice import GapNotice
from alphapulse.store.stream import Placed
from alphapulse.trade import Market
from streamer.protocol import gap_frame, more_gaps, trade_frame


class Start(Struct, frozen=True):
    """Where a client's stream begins: it gets from the hub everything that is not in `upto`."""

    upto: Cursor
    snapshot: Snapshot
    chosen: dict[int, Market]
    heads: dict[int, str]
    gaps: Sequence[GapNotice] = ()  # the newest that are open there
    has_more_gaps: bool = False

    def frames(self, rows: Sequence[Placed], place_of: Callable[[int, int], str]) -> bytes:
        """Replayed trades as one piece."""
        return b"".join(
            trade_frame(place_of(tx, row.seq), self.heads[row.market_id], row, replayed=True)
            for tx, row in rows
            if row.market_id in self.heads
        )

    def gap_frames(self) -> bytes:
        """The open gaps as one piece, and whether these are not all."""
        told = b"".join(gap_frame(self.heads[gap.market_id], gap) for gap in self.gaps)
        return told + more_gaps(len(self.gaps)) if self.has_more_gaps else told


class Trail:
    """The cursor of a reader who is told, row by row, what it lacks of `upto`."""

    def __init__(self, place: Cursor, upto: Cursor) -> None:
        whole = Heard.at(place)
        if place.tx:
            whole.hear(place.tx)
        self.whole = whole.cursor()
        self.upto = upto
        self.tx = place.tx
        self.prefix = str(Heard.at(place).cursor(place.tx)).removesuffix("0")
        self.place = str(place)

    def step(self, tx: int, seq: int) -> str:
        if tx != self.tx:
            self.tx, self.prefix = tx, f"{self.whole.filled(self.upto, tx)};{tx}."
        self.place = f"{self.prefix}{seq}"
        return self.place
