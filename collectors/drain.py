"""What the journal holds beyond the store, read again: trades, and the gaps between them.

A replica of the live sessions walks the same frames, so it finds the same gaps. It begins with the
edges that stand at the head of a segment, and needs no store to know where each market was.
"""

import logging
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from alphapulse.trade import Gap, Market, Trade
from collectors.action import HOLE, Action, Edge, Late, Report
from collectors.exchange import Exchange
from collectors.journal import Journal
from collectors.journal_folder import NOWHERE
from collectors.journal_reader import Damage, Found, Reader, read_header
from collectors.segments import Batch, Header, Position, segment_numbers
from collectors.session import Session

log = logging.getLogger(__name__)

MOST = 10_000  # trades in one portion

Said: TypeAlias = Trade | Report | Late


class Replica:
    """Goes through the frames of a journal as the sessions did that received them."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.connection = -1
        self.session = Session(exchange, (), {}, 0.0)

    @property
    def last(self) -> dict[str, Edge]:
        return self.session.last

    def begin(self, header: Header) -> None:
        """Frames may have come that the journal does not hold: their edges count."""
        edges = edges_of(header)
        if edges != self.last:
            self.renew(newest(self.last, edges))

    def renew(self, last: Mapping[str, Edge]) -> None:
        self.session = Session(self.exchange, (), last, 0.0)

    def hear(self, batch: Batch) -> Iterator[Said]:
        if batch.connection != self.connection:
            self.connection = batch.connection
            self.renew(self.last)
        for frame in batch.frames:
            for action in self.receive(frame, batch):
                if isinstance(action, Said):
                    yield action

    def receive(self, frame: bytes, batch: Batch) -> list[Action]:
        """What a parser refuses was refused when it came, and is a dead letter."""
        try:
            now = batch.received_at / 1_000_000
            return self.session.receive(frame, now, batch.received_at)
        except Exception:  # noqa: BLE001 - a bug costs its frame here as there
            return []


class Drain:
    """The stretch of a journal between what the store has and what was received."""

    def __init__(self, exchange: Exchange, journal: Journal) -> None:
        self.exchange = exchange
        self.journal = journal
        self.reader: Reader | None = None
        self.replica = Replica(exchange)
        self.complained = -1
        self.is_damaged = False
        self.retold_until = NOWHERE
        self.is_retelling = False

    def begin(self) -> None:
        """What is in the journal now is of an earlier process; the gaps it knew died with it."""
        self.retold_until = self.journal.head

    @property
    def committed(self) -> Position:
        return self.journal.committed

    @property
    def head(self) -> Position:
        return self.journal.head

    def commit(self, position: Position) -> None:
        self.journal.commit(position)

    def retell(self) -> None:
        """The gaps are not remembered elsewhere: they are found again, until all is read."""
        self.is_retelling = True

    def read(self, after: Position, until: Position) -> Iterator[tuple[list[Said], Position]]:
        """Portions, each with the position behind it, the last of them `until`.

        To be called with ever later stretches. Gaps are among them only where nobody else tells.
        """
        items: list[Said] = []
        for found in self.start(after).read(until):
            items += self.take(found, after)
            if isinstance(found, Batch) and len(items) >= MOST:
                yield items, found.position
                items = []
        if self.is_damaged:
            items += self.owed(self.journal.edges())
        yield items, until
        self.is_retelling = self.is_retelling and until < self.head

    def take(self, found: Found, after: Position) -> Iterator[Said]:
        match found:
            case Header():
                yield from self.owed(edges_of(found))
                self.replica.begin(found)
            case Damage():
                self.complain(found)
            case Batch():
                is_told = self.is_retelling or found.position <= self.retold_until
                for item in self.replica.hear(found):
                    if found.position > after and (is_told or isinstance(item, Trade)):
                        yield item

    def start(self, after: Position) -> Reader:
        if self.reader is None or (self.reader.segment, self.reader.offset) != after:
            self.reader = Reader(self.journal.folder, after.segment)
            self.replica = Replica(self.exchange)
        return self.reader

    def owed(self, edges: Mapping[str, Edge]) -> Iterator[Report]:
        """After damage: what those knew who received the frames, and the readable ones do not."""
        if not self.is_damaged:
            return
        self.is_damaged = False
        last = self.replica.last
        for symbol, edge in edges.items():
            known = last.get(symbol)
            if known and known.id < edge.id:
                market = Market(self.exchange.NAME, symbol)
                yield Report(Gap(market, known.id, known.at, edge.id + 1, None), HOLE)
        self.replica.renew(newest(last, edges))

    def complain(self, damage: Damage) -> None:
        self.is_damaged = True
        self.retell()
        if damage.segment == self.complained:
            return
        self.complained = damage.segment
        log.error(
            "%s: segment %d of the journal is damaged from byte %d to %d: what is missing is a gap",
            self.exchange.NAME, damage.segment, damage.start, damage.end,
        )  # fmt: skip


def edges_of(header: Header) -> dict[str, Edge]:
    return {symbol: Edge(*edge) for symbol, edge in header.edges.items()}


def newest_edges(exchange: Exchange, journal: Journal) -> dict[str, Edge]:
    """Where each market stands behind the journal's last frame."""
    folder = journal.folder
    headed = (n for n in reversed(segment_numbers(folder)) if read_header(folder, n))
    replica = Replica(exchange)
    for found in Reader(folder, next(headed, 0)).read():
        if isinstance(found, Header):
            replica.begin(found)
        elif isinstance(found, Batch):
            for _ in replica.hear(found):
                pass
    return replica.last


def newest(some: Mapping[str, Edge], others: Mapping[str, Edge]) -> dict[str, Edge]:
    """Of each market the edge with the higher id."""
    found = dict(some)
    for symbol, edge in others.items():
        if symbol not in found or found[symbol].id < edge.id:
            found[symbol] = edge
    return found
