"""Which trade goes to whom, and under which cursor. Pure: no socket, no clock, no database.

The hub holds the one exact set of heard transactions. A transaction may come in several notices, so
it enters the set when something of a later one is heard; until then it is `tx`, given up to `seq`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from alphapulse.cursor import Cursor, Heard, Snapshot
from alphapulse.notice import GapNotice, Row
from alphapulse.trade import Market, Micros
from streamer.ledger import Ledger
from streamer.protocol import gap_frame, trade_frame, trade_head
from streamer.subscription import Filter


class Member(Protocol):
    """Whoever gets frames: whole ones, several joined. Must not raise."""

    def send(self, frames: bytes, count: int) -> None: ...


class Group:
    """All members with one and the same filter; what is ready for them is joined once."""

    def __init__(self, filter: Filter) -> None:
        self.filter = filter
        self.members: set[Member] = set()
        self.ready: list[bytes] = []

    def matches(self, market: Market) -> bool:
        return any(wanted.matches(market) for wanted in self.filter)


class Hub:
    def __init__(self) -> None:
        self.heard: Heard | None = None
        self.tx = 0
        self.seq = 0
        self.prefix = ""  # the cursor without `seq`, while `tx` is given
        self.simulated = False
        self.gaps = Ledger()
        self.markets: dict[int, Market] = {}
        self.heads: dict[int, str] = {}
        self.groups: dict[Filter, Group] = {}
        self.routes: dict[int, list[Group]] = {}
        self.waiting: set[Group] = set()
        self.sent_place = ""  # up to where everything ready has been handed to the members
        self.trades = 0
        self.received: list[Micros] = []  # when we had from the exchange what is ready
        self.on_flush: Callable[[Sequence[Micros]], object] = lambda _: None

    # -- what was heard

    def start(self, epoch: str, snapshot: Snapshot, gaps: Iterable[GapNotice] = ()) -> None:
        """Begin, or begin anew in another life of the database: all in the snapshot is past, and
        of the gaps these are known.
        """
        self.flush()
        self.gaps.replace(gaps)
        self.heard = Heard(epoch, snapshot)
        self.tx = self.seq = 0
        self.sent_place = str(self.place())

    def place(self) -> Cursor | None:
        """Up to where everything was given, as a cursor; None before the first start."""
        return self.heard.cursor(self.tx, self.seq) if self.heard else None

    def hear(self, tx: int, rows: Iterable[Row], *, replayed: bool = False) -> int:
        """Give rows to whoever wants them, each at most once; how many were new. Then `flush`."""
        if tx != self.tx and not self.enter(tx):
            return 0
        new = [row for row in rows if row.seq > self.seq]
        for row in new:
            groups = self.routes.get(row.market_id)
            if groups:
                self.give(groups, row, replayed=replayed)
        if new:
            self.seq = new[-1].seq
            self.trades += len(new)
            if not replayed:
                self.received += [row.received_at for row in new]
        return len(new)

    def enter(self, tx: int) -> bool:
        """Turn to transaction `tx`; False if it was given before."""
        self.finish()
        if self.heard is None or self.heard.holds(tx):
            return False
        self.tx, self.seq = tx, 0
        self.prefix = f"{self.heard.cursor()};{tx}."
        return True

    def finish(self) -> None:
        """The current transaction has ended: something behind it was heard."""
        if self.tx and self.heard:
            self.heard.hear(self.tx)
        self.tx = self.seq = 0

    def fill(self, upto: Cursor, tx: int) -> None:
        """All of `upto` below `tx` was given: see `Cursor.filled`."""
        self.finish()
        if self.heard:
            self.heard = Heard.at(self.heard.cursor().filled(upto, tx))

    def settle(self, snapshot: Snapshot) -> None:
        """Everything that had ended at the snapshot was given: see `Heard.settle`."""
        self.finish()
        if self.heard:
            self.heard.settle(snapshot)

    def give(self, groups: list[Group], row: Row, *, replayed: bool) -> None:
        frame = trade_frame(
            f"{self.prefix}{row.seq}", self.heads[row.market_id], row, replayed=replayed
        )
        for group in groups:
            group.ready.append(frame)
        self.waiting.update(groups)

    def hear_gap(self, gap: GapNotice) -> None:
        """Tell of a gap, behind the trades that were heard before. No part of the cursor."""
        self.gaps.note(gap)
        groups = self.routes.get(gap.market_id)
        if groups:
            frame = gap_frame(self.heads[gap.market_id], gap)
            for group in groups:
                group.ready.append(frame)
            self.waiting.update(groups)

    def flush(self) -> None:
        """Hand everything ready to the members, joined once per group."""
        for group in self.waiting:
            frames, count = b"".join(group.ready), len(group.ready)
            group.ready = []
            for member in tuple(group.members):
                member.send(frames, count)
        self.waiting.clear()
        self.sent_place = f"{self.prefix}{self.seq}" if self.tx else str(self.place() or "")
        if self.received:
            received, self.received = self.received, []
            self.on_flush(received)

    # -- markets

    def learn(self, markets: Mapping[int, Market], *, simulated: bool) -> None:
        """Replace the known markets, all of them."""
        self.markets = dict(markets)
        self.simulated = simulated
        self.heads = {id: trade_head(market, simulated=simulated) for id, market in markets.items()}
        self.route()

    def knows(self, rows: Iterable[Row]) -> bool:
        return all(row.market_id in self.heads for row in rows)

    def chosen(self, filter: Filter) -> dict[int, Market]:
        group = Group(filter)
        return {id: market for id, market in self.markets.items() if group.matches(market)}

    def route(self) -> None:
        groups = [group for group in self.groups.values() if group.members]
        self.groups = {group.filter: group for group in groups}
        self.routes = {
            id: wanting
            for id, market in self.markets.items()
            if (wanting := [group for group in groups if group.matches(market)])
        }

    # -- members

    def join(self, member: Member, filter: Filter) -> None:
        """From here on `member` gets every trade that the filter matches, and no earlier one."""
        self.flush()
        self.leave(member)
        group = self.groups.get(filter)
        if group:
            group.members.add(member)
            return
        group = self.groups[filter] = Group(filter)
        group.members.add(member)
        self.route()

    def leave(self, member: Member) -> None:
        for group in self.groups.values():
            if member in group.members:
                group.members.remove(member)
                if not group.members:
                    self.route()
                return
