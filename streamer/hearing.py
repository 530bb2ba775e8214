"""From notice to hub, in the order heard: one that needs the store holds up those behind it."""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence

import psycopg

from alphapulse.notice import Doorbell, GapNotice, GapState, Mark, NoticeError, Row, Rows, decode
from alphapulse.store import stream
from alphapulse.store.connect import StoreUnavailable
from streamer.catchup import learn_markets
from streamer.counters import Counters
from streamer.hub import Hub
from streamer.line import Line, Lost

log = logging.getLogger(__name__)

MOST_HELD = 64_000_000  # characters of notices that wait; beyond: catch up from the store


class Hearing:
    """`on_mark(text)` is told each mark; `fail(why)` that the line has to be given up."""

    def __init__(
        self,
        line: Line,
        hub: Hub,
        counters: Counters,
        *,
        on_mark: Callable[[str], None],
        fail: Callable[[Exception], None],
    ) -> None:
        self.line = line
        self.hub = hub
        self.counters = counters
        self.on_mark = on_mark
        self.fail = fail
        self.held: deque[str] = deque()
        self.held_size = 0
        self.is_holding = False
        self.looking: asyncio.Task[None] | None = None

    def hold(self) -> None:
        self.is_holding = True

    def release(self) -> None:
        """Perform what was held, until one of them needs the store again."""
        self.is_holding = False
        while self.held and not self.is_holding:
            payload = self.held.popleft()
            self.held_size -= len(payload)
            self.perform(payload)
        self.hub.flush()

    def stop(self) -> None:
        """Forget what was held: the store will tell it."""
        if self.looking:
            self.looking.cancel()
        self.held.clear()
        self.held_size = 0

    def take(self, payload: str) -> None:
        if not self.is_holding:
            self.perform(payload)
            return
        self.held.append(payload)
        self.held_size += len(payload)
        if self.held_size > MOST_HELD:
            self.fail(
                Lost("too many notices wait for a look-up: catching up from the store instead")
            )

    def perform(self, payload: str) -> None:
        try:
            notice = decode(payload)
        except NoticeError as failure:
            self.counters.strange_notices += 1
            log.warning("%s", failure)
            return
        match notice:
            case Rows(tx, rows):
                if self.hub.knows(rows):
                    self.hub.hear(tx, rows)
                else:
                    self.look_up(notice)
            case Doorbell():
                self.look_up(notice)
            case Mark(text):
                self.on_mark(text)
            case GapNotice():
                self.perform_gap(notice)

    def perform_gap(self, gap: GapNotice) -> None:
        """A market that is not known and has a gap no longer was never told of: no look-up."""
        self.counters.gaps += 1
        if gap.market_id in self.hub.heads or gap.state is GapState.DISMISSED:
            self.hub.hear_gap(gap)
        else:
            self.look_up(gap)

    # -- notices that need the store

    def look_up(self, notice: Rows | Doorbell | GapNotice) -> None:
        """Hold whatever comes behind this notice until the store has answered."""
        self.hold()
        self.looking = asyncio.ensure_future(self.answer(notice))

    async def answer(self, notice: Rows | Doorbell | GapNotice) -> None:
        try:
            await self.find_out(notice)
        except (StoreUnavailable, psycopg.Error, TimeoutError) as failure:
            self.fail(failure)
            return
        self.counters.looked_up += 1
        self.release()

    async def find_out(self, notice: Rows | Doorbell | GapNotice) -> None:
        if isinstance(notice, GapNotice):
            await learn_markets(self.line, self.hub)
            self.hub.hear_gap(notice)
            return
        rows = notice.rows if isinstance(notice, Rows) else await self.read_rows(notice)
        if not self.hub.knows(rows):
            await learn_markets(self.line, self.hub)
        self.hub.hear(notice.tx, (row for row in rows if row.market_id in self.hub.heads))

    async def read_rows(self, notice: Doorbell) -> Sequence[Row]:
        return await self.line.ask(stream.rows_of, notice.tx, notice.seqs)
