"""How far the store is behind the journal, and what two threads agree on about it.

While behind, trades that the journal holds are not kept in memory: they are read from it later. The
thread of the socket says up to where it has put everything, the one that stores up to where it has
committed; the latter decides, close to the end, that trades come through the queue again.
"""

from collections.abc import Iterable, Iterator, Sequence
from threading import Lock
from typing import Protocol, TypeAlias

from alphapulse.trade import Trade
from collectors.action import Late, Quarantine, Report, Serve
from collectors.segments import Position

Note: TypeAlias = Report | Late | Quarantine | Serve
Item: TypeAlias = Trade | Note
Queued: TypeAlias = Item | Position  # a position: the journal holds what is before it, up to there

NOTES = 10_000  # that are kept in memory while we are behind
NEAR = 2**18  # bytes of journal from which on we keep up with what arrives


class Backlog(Protocol):
    """The journal, as the sink knows it."""

    @property
    def committed(self) -> Position: ...
    def commit(self, position: Position) -> None: ...
    def retell(self) -> None: ...
    def read(
        self, after: Position, until: Position
    ) -> Iterator[tuple[Sequence[Item], Position]]: ...


class Lag:
    """Between one journal and its store."""

    def __init__(self, backlog: Backlog) -> None:
        self.backlog = backlog
        self.is_behind = False
        self.seen: Position | None = None  # what the journal holds up to here was put
        self.stored: Position | None = None  # and up to here committed
        self.notes: list[Item] = []
        self.lock = Lock()

    def begin(self, seen: Position | None = None) -> bool:
        """Be behind; False: we are already, or nothing is in the journal."""
        seen = seen or self.seen
        if self.is_behind or not seen:
            return False
        with self.lock:
            self.seen = seen
            self.is_behind = True
        return True

    def put_aside(self, items: Iterable[Item], position: Position) -> bool:
        """Keep the notes of `items`; trades are read later. False: no longer behind."""
        with self.lock:
            if not self.is_behind:
                return False
            self.notes += [item for item in items if type(item) is not Trade]
            self.seen = position
            if len(self.notes) > NOTES:
                self.notes = last_words(self.notes)
                self.backlog.retell()
            return True

    def next_goal(self) -> tuple[Position, Position, bool]:
        """From where and up to where to read now; True: all behind that comes through the queue.

        Notes are to be taken after this: whatever belongs before the goal is among them then.
        """
        segment, offset = after = self.stored or self.backlog.committed
        with self.lock:
            until = self.seen or after
            is_near = segment == until.segment and until.offset - offset < NEAR
            self.is_behind = not is_near
            return after, until, is_near

    def take_notes(self) -> list[Item]:
        with self.lock:
            notes, self.notes = self.notes, []
        return notes

    def settle(self, items: Sequence[Queued]) -> None:
        """`items` are committed."""
        for item in reversed(items):
            if type(item) is Position:
                self.stored = item
                self.backlog.commit(item)
                return


def last_words(notes: Iterable[Item]) -> list[Item]:
    """Of each market whether it is refused, for the journal does not tell of that; gaps it does."""
    found = {note.symbol: note for note in notes if isinstance(note, Serve | Quarantine)}
    return list(found.values())
