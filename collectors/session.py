"""What one connection knows and decides: frames and ticks go in, actions come out.

Pure: the clock is an argument. `now` is in seconds of any steady clock, `received_at` in
microseconds since the epoch.
"""

from collections.abc import Mapping, Sequence
from math import inf

from msgspec import Struct

from alphapulse.trade import Gap, Market, Micros, Source, Trade
from collectors.action import (
    CUT,
    DISCONNECT,
    HEARTBEAT,
    HOLE,
    Action,
    Edge,
    HangUp,
    Late,
    Quarantine,
    Report,
    Send,
    Serve,
)
from collectors.asking import Asking
from collectors.exchange import (
    Event,
    Exchange,
    Farewell,
    Heartbeat,
    Numbered,
    Refused,
    Subscribed,
)

TAIL_CHECK = 3.0  # seconds without a trade after subscribing: ask REST what we missed while away
IN_FLIGHT = 3.0  # seconds that a trade may trail a heartbeat which speaks of it
STEADY = 60.0  # seconds after which a connection counts as good though its markets are quiet


class Line(Struct, gc=False):
    """One market on one connection. `id` and `at` are its edge; -1: no trade known yet."""

    id: int = -1
    at: Micros = 0
    asked_at: float = inf
    is_served: bool = False
    is_refused: bool = False
    has_traded: bool = False  # anything, a snapshot too
    is_live: bool = False  # a trade was pushed: from now on each must follow the last
    is_checked: bool = False
    owed_id: int = -1  # a heartbeat speaks of it, but it did not come yet
    owed_at: float = 0.0
    told_id: int = -1  # holes up to here were reported
    is_open: bool = False  # a gap without an end was reported: the next trade is its end


class Session:
    """One life of one socket. `last` is where each market stands in the store; `cause` says why
    nobody listened until now.
    """

    def __init__(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        last: Mapping[str, Edge],
        now: float,
        cause: str = DISCONNECT,
    ) -> None:
        self.exchange = exchange
        self.parse = exchange.parse
        self.asking = Asking(symbols, exchange.SYMBOLS_PER_FRAME, exchange.FRAME_PAUSE)
        self.lines = {symbol: Line() for symbol in symbols}
        self.lines |= {symbol: Line(edge.id, edge.at) for symbol, edge in last.items()}
        self.unrefused = set(symbols)
        self.cause = cause
        self.number = -1  # of the newest frame, where they are numbered
        self.late: dict[str, Late] = {}  # by symbol, of the frame under way
        self.opened_at = self.heard_at = now
        self.has_traded = False  # good data came, or a good while passed: forget earlier failures

    @property
    def last(self) -> dict[str, Edge]:
        return {
            symbol: Edge(line.id, line.at) for symbol, line in self.lines.items() if line.id >= 0
        }

    def open(self, now: float | None = None) -> list[Action]:
        """The first frames to send; the others leave with the ticks.

        `now` is when the connection stood, where that is later than the session was made: a slow
        dial is no silence.
        """
        if now is not None:
            self.opened_at = self.heard_at = now
        greeting = self.exchange.GREETING
        return [*([Send(greeting)] if greeting else []), *self.ask(self.opened_at)]

    def receive(self, frame: bytes, now: float, received_at: Micros) -> list[Action]:
        """What to do about a frame. Raises UnexpectedMessage, which costs that frame alone."""
        self.heard_at = now
        actions: list[Action] = []
        for event in self.parse(frame, received_at):
            if type(event) is not Trade:
                self.hear(event, now, actions)
                continue
            line = self.lines.get(event.symbol)
            if line and line.is_live and event.id == line.id + 1:  # the hot path
                line.id = event.id
                line.at = event.traded_at
                actions.append(event)
            elif line or event.symbol.isprintable():
                self.see(event, line or self.add_line(event.symbol), actions)
            else:
                actions.append(HangUp(f"a trade of no market: {event.symbol!r}"))
        if self.late:
            actions += self.late.values()
            self.late.clear()
        return actions

    def alive(self, now: float) -> None:
        """A protocol ping or pong came."""
        self.heard_at = now

    def tick(self, now: float) -> list[Action]:
        """To be called about once a second."""
        if now - self.heard_at > self.exchange.SILENCE:
            return [HangUp(f"silent for {now - self.heard_at:.0f} s")]
        if now - self.opened_at > self.exchange.MAX_AGE:
            return [HangUp(f"open for {now - self.opened_at:.0f} s: leaving before it is cut")]
        if now - self.opened_at >= STEADY and any(line.is_served for line in self.lines.values()):
            self.has_traded = True
        return self.ask(now) + self.check_tails(now)

    def ask(self, now: float) -> list[Action]:
        actions: list[Action] = []
        while symbols := self.asking.take(now):
            for symbol in symbols:
                self.lines[symbol].asked_at = now
            actions.append(Send(self.exchange.subscribe(symbols)))
        return actions

    def check_tails(self, now: float) -> list[Action]:
        """Markets that say nothing since we came back may have traded while we were away."""
        actions: list[Action] = []
        for symbol, line in self.lines.items():
            is_due = now - line.asked_at >= TAIL_CHECK and not line.is_refused
            if is_due and line.id >= 0 and not line.has_traded and not line.is_checked:
                line.is_checked = True
                actions.append(self.report(symbol, line, None, None, self.cause))
        return actions

    def see(self, trade: Trade, line: Line, actions: list[Action]) -> None:
        self.serve(trade.symbol, line, actions)
        if self.is_gap(trade, line):
            cause = HOLE if line.has_traded else self.cause
            actions.append(self.report(trade.symbol, line, trade.id, trade.traded_at, cause))
        if trade.id > line.id:
            line.id, line.at = trade.id, trade.traded_at
        elif trade.id < line.id:
            self.note_late(trade)
        line.has_traded = True
        if trade.source is Source.LIVE:
            line.is_live = not line.is_open
            self.has_traded = True
        actions.append(trade)

    def is_gap(self, trade: Trade, line: Line) -> bool:
        """Where ids are not consecutive, only that we were away tells that some may be missing."""
        if line.is_open and trade.id > line.id:
            return True  # maybe of nothing, but it tells where the one without an end has its end
        is_beyond = 0 <= line.id < trade.id - 1
        return is_beyond and (self.exchange.COUNTS_TRADES or not line.has_traded)

    def note_late(self, trade: Trade) -> None:
        known = self.late.get(trade.symbol) or Late(trade.symbol, trade.id, trade.id)
        first_id, last_id = min(known.first_id, trade.id), max(known.last_id, trade.id)
        self.late[trade.symbol] = Late(trade.symbol, first_id, last_id)

    def hear(self, event: Event, now: float, actions: list[Action]) -> None:
        match event:
            case Heartbeat():
                self.owe(event, now, actions)
            case Subscribed():
                for symbol in self.asking.confirm(event.symbols, now):
                    if line := self.lines.get(symbol):
                        self.serve(symbol, line, actions)
            case Refused():
                self.refuse(event, now, actions)
            case Farewell():
                actions.append(HangUp(event.reason, CUT))
            case Numbered():
                self.count(event.number, actions)

    def count(self, number: int, actions: list[Action]) -> None:
        """Compare a frame's number with that before: what was lost may be any market's."""
        if self.number >= 0 and number not in {self.number, self.number + 1}:
            for symbol, line in self.lines.items():
                if line.id >= 0 and (line.is_served or line.asked_at < inf):
                    actions.append(self.report(symbol, line, None, None, HOLE))
        self.number = number

    def owe(self, beat: Heartbeat, now: float, actions: list[Action]) -> None:
        """Compare the exchange's newest id with ours; what stays away is a gap, told once."""
        line = self.lines.get(beat.symbol)
        if not line or line.id < 0 or beat.last_id <= max(line.id, line.told_id):
            return
        if line.owed_id <= max(line.id, line.told_id):
            line.owed_id, line.owed_at = beat.last_id, now
        elif now - line.owed_at >= IN_FLIGHT:
            line.told_id = line.owed_id
            actions.append(self.report(beat.symbol, line, line.owed_id + 1, None, HEARTBEAT))

    def refuse(self, refusal: Refused, now: float, actions: list[Action]) -> None:
        reason = printable(refusal.reason)
        if refusal.symbol in self.lines:
            self.quarantine(refusal.symbol, reason, actions)
            self.asking.refuse(refusal.symbol, now)
        elif self.asking.flight:
            for symbol in self.asking.refuse_unnamed(now):
                self.quarantine(symbol, reason, actions)
        else:
            actions.append(HangUp(f"refused, though nothing was asked: {reason}"))

    def quarantine(self, symbol: str, reason: str, actions: list[Action]) -> None:
        line = self.lines[symbol]
        if line.is_refused:
            return
        line.is_refused = True
        self.unrefused.discard(symbol)
        actions.append(Quarantine(symbol, reason))
        if not self.unrefused:
            actions.append(HangUp(f"every symbol was refused: {reason}"))

    def serve(self, symbol: str, line: Line, actions: list[Action]) -> None:
        if not line.is_served:
            line.is_served = True
            actions.append(Serve(symbol))

    def add_line(self, symbol: str) -> Line:
        """A market we did not ask for, such as the one behind an alias: its trades are data."""
        return self.lines.setdefault(symbol, Line())

    def report(
        self, symbol: str, line: Line, before_id: int | None, before_at: Micros | None, cause: str
    ) -> Report:
        line.is_open = before_id is None
        line.is_live = line.is_live and not line.is_open  # the next trade is to be looked at
        market = Market(self.exchange.NAME, symbol)
        return Report(Gap(market, line.id, line.at, before_id, before_at), cause)


def printable(words: str) -> str:
    """An exchange's words, short and fit for a database: no NUL, no control characters."""
    return "".join(filter(str.isprintable, words))[:300]
