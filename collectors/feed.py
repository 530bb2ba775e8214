"""One life of one socket: frames go to the journal, then to the session; what it decides is done.

Waits for nothing.
"""

import logging
from time import monotonic, time_ns

from msgspec import Struct
from picows import WSCloseCode, WSFrame, WSListener, WSMsgType, WSTransport

from alphapulse.trade import Micros, Trade
from collectors.action import CUT, DISCONNECT, Action, HangUp, Late, Quarantine, Report, Send, Serve
from collectors.deadletters import DeadLetters
from collectors.dialing import Refusals
from collectors.exchange import UnexpectedMessage
from collectors.journal import Journal
from collectors.lag import Item
from collectors.segments import Position
from collectors.session import Session
from collectors.sink import Sink
from collectors.tally import Tally

log = logging.getLogger(__name__)

LARGEST = 16 * 2**20  # bytes of a message
HELD_UP = 1.0  # seconds that the socket stays unread before trades wait in the journal instead
TOLD = 20  # refused frames of one connection that are logged; all are counted

TEXT = WSMsgType.TEXT


class Counters(Struct):
    """What one exchange's connections did so far; read by status and metrics."""

    frames: int = 0
    bytes: int = 0  # of them
    trades: int = 0
    rejected: int = 0
    connections: int = 0
    disconnections: int = 0
    pauses: int = 0  # times that the socket was not read because the queue was full
    is_connected: bool = False


class Feed(WSListener):
    """Whatever a callback of this class raises comes out of `wait_disconnected`."""

    def __init__(
        self,
        session: Session,
        sink: Sink,
        counters: Counters,
        refusals: Refusals,
        journal: Journal | None = None,
        letters: DeadLetters | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.session = session
        self.journal = journal
        self.letters = letters
        self.connection = 0  # when it stood, in microseconds; tells it from the others
        self.sink = sink
        self.counters = counters
        self.tally = tally or Tally(session.exchange.NAME)
        self.refusals = refusals
        self.transport: WSTransport | None = None
        self.items: list[Item] = []
        self.messages: list[bytes] = []  # of the current read, not yet heard
        self.parts: list[bytes] = []  # of a message that comes in several frames
        self.rejected = 0
        self.is_new_read = True
        self.now = 0.0  # of the current read: the steady clock, and ours
        self.received_at: Micros = 0
        self.is_paused = False
        self.paused_at = 0.0
        self.is_given_up = False  # the runner dials anew: whatever still comes is not wanted
        self.is_leaving = False
        self.was_planned = False
        self.cause = DISCONNECT  # of the gaps that its end makes

    @property
    def name(self) -> str:
        return self.session.exchange.NAME

    def on_ws_connected(self, transport: WSTransport) -> None:
        if self.is_given_up:
            transport.disconnect(graceful=False)
            return
        self.transport = transport
        self.connection = time_ns() // 1000
        self.counters.connections += 1
        self.counters.is_connected = True
        for action in self.session.open(monotonic()):
            self.perform(action)

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows' own
        self.counters.disconnections += self.counters.is_connected
        self.counters.is_connected = False
        self.hear_all()

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if self.is_new_read:  # its frames came together: one look at the clocks serves them all
            self.is_new_read = False
            self.now, self.received_at = monotonic(), time_ns() // 1000
        if frame.msg_type is TEXT and frame.fin:
            self.messages.append(frame.get_payload_as_bytes())
        else:
            self.hear_other(transport, frame)
        if frame.last_in_buffer:
            self.is_new_read = True
            self.hear_all()

    def hear_other(self, transport: WSTransport, frame: WSFrame) -> None:
        match frame.msg_type:
            case WSMsgType.PING:  # answered here, because picows would not tell us of it
                transport.send_pong(frame.get_payload_as_bytes())
                self.session.alive(monotonic())
            case WSMsgType.PONG:
                self.session.alive(monotonic())
            case WSMsgType.CLOSE:
                self.hear_all()
                self.cause = self.cause if self.is_leaving else CUT
                self.leave(f"it closes: {frame.get_close_code()} {frame.get_close_message()!r}")
            case _:
                self.collect(frame)

    def collect(self, frame: WSFrame) -> None:
        """A piece of a message; the whole is heard."""
        self.parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            whole, self.parts = b"".join(self.parts), []
            self.messages.append(whole)
        elif sum(map(len, self.parts)) > LARGEST:
            self.parts = []
            self.leave(f"a message of more than {LARGEST} bytes")

    def hear_all(self) -> None:
        """What came in one read: to the journal first, then to the session."""
        messages, self.messages = self.messages, []
        position = None
        if messages and self.journal:
            position = self.journal.append(self.received_at, self.connection, messages)
        for message in messages:
            self.hear(message)
        self.hand_over(position)

    def hear(self, message: bytes) -> None:
        self.counters.frames += 1
        self.counters.bytes += len(message)
        try:
            actions = self.session.receive(message, self.now, self.received_at)
        except UnexpectedMessage as refusal:
            self.reject(message, str(refusal))
            return
        except Exception as bug:
            if not self.is_of_parser(message):
                raise
            self.reject(message, f"a bug of the parser: {bug!r}")
            return
        for action in actions:
            if type(action) is Trade:
                self.items.append(action)
            else:
                self.perform(action)

    def is_of_parser(self, message: bytes) -> bool:
        """Whose bug it was: a parser is pure, so it fails on the same frame again."""
        try:
            list(self.session.exchange.parse(message, self.received_at))
        except Exception:  # noqa: BLE001 - any
            return True
        return False

    def reject(self, message: bytes, why: str) -> None:
        """A frame that no parser understands costs itself alone."""
        self.rejected += 1
        self.counters.rejected += 1
        if self.letters:
            self.letters.add(message, why, self.received_at, self.connection)
        if self.rejected <= TOLD:
            log.warning("%s: %s", self.name, why)

    def perform(self, action: Action) -> None:
        match action:
            case Trade() | Report() | Late():
                self.items.append(action)
            case Send(frame):
                if self.transport:
                    self.transport.send(TEXT, frame.encode())
            case Serve(symbol):
                self.refusals.serve(symbol)
                self.items.append(action)
            case Quarantine(symbol, reason):
                log.error("%s refuses %s: %s", self.name, symbol, reason)
                self.refusals.refuse(symbol, monotonic())
                self.items.append(action)
            case HangUp(reason, cause):
                self.cause = cause
                self.was_planned = self.session.has_traded
                self.leave(reason)

    def leave(self, reason: str) -> None:
        """At once: a peer that has fallen silent would not answer a polite farewell either."""
        if not self.is_leaving and self.transport:
            self.is_leaving = True
            log.info("%s: leaving: %s", self.name, reason)
            self.transport.send_close(WSCloseCode.OK)
            self.transport.disconnect(graceful=False)

    def hand_over(self, position: Position | None = None) -> None:
        """Give the sink what came in one read of the socket; full: read no more."""
        if not self.items and not position:
            return
        items, self.items = self.items, []
        self.counters.trades += len(items)
        self.tally.take(items, self.received_at)
        if not self.sink.put(items, position) and not self.is_paused and self.open_transport:
            self.is_paused = True
            self.paused_at = monotonic()
            self.counters.pauses += 1
            self.open_transport.underlying_transport.pause_reading()

    def resume(self) -> None:
        """The sink has room again."""
        if self.is_paused and self.open_transport:
            self.is_paused = False
            self.session.alive(monotonic())
            self.open_transport.underlying_transport.resume_reading()

    def can_wait_in_journal(self) -> bool:
        """Whether what comes need not be kept in memory until the store has it."""
        if not self.journal or not self.journal.is_ready():
            return False
        return self.sink.is_behind or self.sink.fall_behind()

    @property
    def open_transport(self) -> WSTransport | None:
        return self.transport if self.transport and not self.transport.is_disconnected else None

    def tick(self, now: float) -> None:
        if self.is_paused:
            self.session.alive(now)  # we do not listen, so its silence means nothing
            if now - self.paused_at >= HELD_UP and self.can_wait_in_journal():
                self.resume()
        for action in self.session.tick(now):
            self.perform(action)
        if now >= self.refusals.next_at and self.session.has_traded:
            self.perform(HangUp("to ask once more for what was refused"))
        self.hand_over()
