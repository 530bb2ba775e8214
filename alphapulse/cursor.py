"""Where a reader of the stream stands: the exact set of transactions whose trades it was given.

Several writers commit out of order, so a single growing number cannot say what was seen. A cursor
therefore has the shape of a PostgreSQL snapshot: every transaction below `xmax` was seen, except
the few still open (`pending`), and of one transaction, `tx`, the rows up to `seq`. What clients
see of it: docs/stream-protocol.md.
"""

import re
from collections.abc import Iterable, Iterator
from typing import TypeAlias

from msgspec import Struct

Span: TypeAlias = tuple[int, int]  # half-open range of transaction ids

NUMBER = r"(?:0|[1-9][0-9]{0,18})"
FORM = re.compile(
    rf"([0-9a-z]{{1,40}})-({NUMBER})((?:,{NUMBER}(?::{NUMBER})?)*)(?:;([1-9][0-9]{{0,18}})\.({NUMBER}))?"
)
LARGEST = 2**63


class CursorError(ValueError):
    """The text is not a cursor; the message says which text."""


class Snapshot(Struct, frozen=True):
    """What `pg_current_snapshot()` says: ids below `xmax` have ended, but for `open_ids`."""

    xmin: int
    xmax: int
    open_ids: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> "Snapshot":
        xmin, xmax, open_ids = text.split(":")
        return cls(int(xmin), int(xmax), frozenset(int(id) for id in open_ids.split(",") if id))

    def holds(self, tx: int) -> bool:
        return tx < self.xmax and tx not in self.open_ids


class Cursor(Struct, frozen=True):
    """A reader's place in the stream of the database `epoch`; see the module."""

    epoch: str
    xmax: int
    pending: tuple[Span, ...] = ()
    tx: int = 0
    seq: int = 0

    def __str__(self) -> str:
        """`EPOCH-XMAX[,FIRST[:LAST]]…[;TX.SEQ]`, made of URL-safe characters and short."""
        spans = "".join(f",{lo}" if hi == lo + 1 else f",{lo}:{hi - 1}" for lo, hi in self.pending)
        return f"{self.epoch}-{self.xmax}{spans}" + (f";{self.tx}.{self.seq}" if self.tx else "")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        found = FORM.fullmatch(text)
        if not found:
            raise CursorError(f"{text[:80]!r} is not a cursor")
        epoch, xmax, spans, tx, seq = found.groups()
        pending = tuple(read_span(span) for span in spans.split(",")[1:])
        cursor = cls(epoch, int(xmax), pending, int(tx or 0), int(seq or 0))
        if not cursor.is_sane():
            raise CursorError(f"{text[:80]!r} is not a cursor")
        return cursor

    def is_sane(self) -> bool:
        edges = [edge for span in self.pending for edge in span]
        return (
            max(self.xmax, self.tx, self.seq) < LARGEST
            and edges == sorted(edges)
            and all(lo < hi <= self.xmax for lo, hi in self.pending)
        )

    @property
    def xmin(self) -> int:
        """No transaction below this one is missing."""
        return self.pending[0][0] if self.pending else self.xmax

    def holds(self, tx: int, seq: int) -> bool:
        """Whether the row was given to the reader already."""
        if tx == self.tx:
            return seq <= self.seq
        return tx < self.xmax and not any(lo <= tx < hi for lo, hi in self.pending)

    def fits(self, snapshot: Snapshot) -> bool:
        """Whether every transaction that this reader saw had ended at the snapshot; if not, the
        cursor is another database's, or of a future that this one lost.
        """
        if self.xmax > snapshot.xmax or (self.tx and not snapshot.holds(self.tx)):
            return False
        return not any(self.holds(id, 0) for id in snapshot.open_ids if id != self.tx)

    def missing(self, upto: "Cursor") -> tuple[Span, ...]:
        """The transactions wholly in `upto` (a cursor between transactions) of which this reader
        lacks something. Of `self.tx` it lacks the rows above `self.seq` only.
        """
        lacking = [*self.pending, (self.xmax, LARGEST)]
        if self.tx:
            lacking.append((self.tx, self.tx + 1))
        return tuple(overlaps(list(join(sorted(lacking))), list(complement(upto))))

    def filled(self, upto: "Cursor", tx: int) -> "Cursor":
        """The place once all of `upto`, which holds all of this place, was given below `tx`."""
        below = [(lo, min(hi, tx)) for lo, hi in upto.pending if lo < tx]
        above = [(max(lo, tx), hi) for lo, hi in self.pending if hi > tx]
        xmax = max(self.xmax, min(tx, upto.xmax))
        return Cursor(self.epoch, xmax, tuple(join(below + above)))


def complement(cursor: Cursor) -> Iterator[Span]:
    """The transactions that the cursor holds, as spans."""
    start = 0
    for lo, hi in (*cursor.pending, (cursor.xmax, cursor.xmax)):
        if start < lo:
            yield start, lo
        start = hi


def overlaps(ones: list[Span], others: list[Span]) -> Iterator[Span]:
    """What two sorted lists of disjoint spans share."""
    left, right = 0, 0
    while left < len(ones) and right < len(others):
        lo, hi = max(ones[left][0], others[right][0]), min(ones[left][1], others[right][1])
        if lo < hi:
            yield lo, hi
        if ones[left][1] < others[right][1]:
            left += 1
        else:
            right += 1


def read_span(text: str) -> Span:
    first, _, last = text.partition(":")
    return int(first), int(last or first) + 1


class Heard:
    """The growing set of transactions that a listener heard. `hear` each, `settle` now and then.

    Ids between two heard ones may be other work (never announced) or writers that are still open;
    `settle` tells them apart, and must be given a snapshot taken *before* a mark of the listener's
    own that it has meanwhile heard: the notification queue keeps commit order, so everything that
    had ended at the snapshot was heard before the mark.
    """

    def __init__(self, epoch: str, snapshot: Snapshot) -> None:
        self.epoch = epoch
        self.xmax = snapshot.xmax
        self.pending: list[Span] = list(join((id, id + 1) for id in sorted(snapshot.open_ids)))

    @classmethod
    def at(cls, cursor: Cursor) -> "Heard":
        """The whole transactions of a cursor; its `tx`, of which rows may lack, is not one."""
        heard = cls(cursor.epoch, Snapshot(cursor.xmin, cursor.xmax, frozenset()))
        heard.pending = list(cursor.pending)
        return heard

    def hear(self, tx: int) -> bool:
        """Add `tx`; False if it was in the set already."""
        if tx >= self.xmax:
            if tx > self.xmax:
                self.pending.append((self.xmax, tx))
            self.xmax = tx + 1
            return True
        for place, (lo, hi) in enumerate(self.pending):
            if lo <= tx < hi:
                self.pending[place : place + 1] = [
                    s for s in ((lo, tx), (tx + 1, hi)) if s[0] < s[1]
                ]
                return True
        return False

    def settle(self, snapshot: Snapshot) -> None:
        still_open = [span for span in self.pending if span[1] > snapshot.xmax]
        later = [(max(lo, snapshot.xmax), hi) for lo, hi in still_open]
        unheard = [(id, id + 1) for id in sorted(snapshot.open_ids) if not self.holds(id)]
        self.pending = list(join(unheard + later))
        self.xmax = max(self.xmax, snapshot.xmax)

    def holds(self, tx: int) -> bool:
        return tx < self.xmax and not any(lo <= tx < hi for lo, hi in self.pending)

    def cursor(self, tx: int = 0, seq: int = 0) -> Cursor:
        return Cursor(self.epoch, self.xmax, tuple(self.pending), tx, seq)


def join(spans: Iterable[Span]) -> Iterator[Span]:
    """Sorted spans with those that touch made one."""
    last: Span | None = None
    for lo, hi in spans:
        if last and lo <= last[1]:
            last = (last[0], max(last[1], hi))
            continue
        if last:
            yield last
        last = (lo, hi)
    if last:
        yield last
