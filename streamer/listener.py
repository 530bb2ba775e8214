"""The streamer's ear at PostgreSQL: hears notices in commit order and never waits while it listens.

Two connections. The ear only listens: the event loop itself watches its socket. The voice asks: it
takes a snapshot, then sends a mark; when the ear hears that mark, everything that had ended at the
snapshot was heard before. The mark is the sign of life too: none for a while means a dead line.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from secrets import token_hex

import psycopg

from alphapulse.cursor import Snapshot
from alphapulse.notice import mark
from alphapulse.store import stream
from alphapulse.store.connect import StoreUnavailable
from streamer.catchup import catch_up
from streamer.counters import Counters
from streamer.hearing import Hearing
from streamer.hub import Hub
from streamer.line import Line, Lost, pauses

log = logging.getLogger(__name__)

BEAT = 1.0  # seconds between two marks while nobody needs one sooner
PATIENCE = 10.0  # seconds to wait for a mark
MOST_PENDING = 8  # unsettled spans (they lengthen each cursor) that call for a mark at once
SHORTEST_BEAT = 0.02
GOOD_LIFE = 5.0  # seconds after which the next reconnection is tried at once again

Boarding = Callable[[Snapshot], None]


class Listener:
    """Feeds the hub. `on_state(state, caught_up)` is told "live" and "reconnecting";
    `on_new_life(why)` when continuity is lost and all clients start afresh; `paced` waits for them.
    """

    def __init__(
        self,
        url: str,
        hub: Hub,
        counters: Counters,
        *,
        most_missed: int,
        on_state: Callable[[str, int], None],
        on_new_life: Callable[[str], None],
        paced: Callable[[], Awaitable[None]],
    ) -> None:
        self.line = Line(url)
        self.hub = hub
        self.counters = counters
        self.most_missed = most_missed
        self.on_state = on_state
        self.on_new_life = on_new_life
        self.paced = paced
        self.boarding: list[Boarding] = []
        self.hurry = asyncio.Event()
        self.settled_pending = 0
        self.mark_sent: tuple[str, Snapshot, list[Boarding]] | None = None
        self.mark_heard = asyncio.Event()
        self.lost: asyncio.Future[None] | None = None
        self.hearing = Hearing(self.line, hub, counters, on_mark=self.hear_mark, fail=self.fail)

    def board(self, boarding: Boarding) -> None:
        """Call `boarding(snapshot)` at an instant when the hub has given exactly all that had ended
        at the snapshot (and maybe more), none of it in part. While the line is down: afterwards.
        """
        self.boarding.append(boarding)
        self.hurry.set()

    # -- the lives of the connections

    async def run(self) -> None:
        """Listen for ever."""
        waits = pauses()
        clock = asyncio.get_running_loop().time
        while True:
            await asyncio.sleep(next(waits))
            began_at = clock()
            try:
                await self.connect()
                await self.live()
            except (StoreUnavailable, psycopg.Error, TimeoutError) as failure:
                log.warning(
                    "listening to PostgreSQL: %s", str(failure).strip() or type(failure).__name__
                )
                self.tell("reconnecting")
            finally:
                await self.hang_up()
            if clock() - began_at > GOOD_LIFE:
                waits = pauses()

    def tell(self, state: str, caught_up: int = 0) -> None:
        if state != self.counters.state:
            self.counters.state = state
            self.on_state(state, caught_up)

    async def connect(self) -> None:
        self.hearing.hold()
        self.lost = asyncio.get_running_loop().create_future()
        await self.line.connect(self.on_readable)

    async def live(self) -> None:
        """Catch up, then mark and listen, until the line breaks; raises then."""
        assert self.lost is not None
        work = asyncio.ensure_future(self.work())
        try:
            await asyncio.wait([work, self.lost], return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not work.done():
                work.cancel()
                await asyncio.wait([work])
        for ended in (self.lost, work):
            if ended.done() and not ended.cancelled():
                ended.result()
        raise Lost("the line to PostgreSQL was lost")

    async def work(self) -> None:
        caught = await catch_up(self.line, self.hub, self.most_missed, self.paced)
        if caught.why_not:
            self.on_new_life(caught.why_not)
        elif not caught.is_first:
            self.counters.catch_ups += 1
            self.counters.caught_up += caught.trades
        self.tell("live", caught.trades)
        self.hearing.release()
        while True:
            await self.beat()

    async def hang_up(self) -> None:
        self.hearing.stop()
        if self.mark_sent:
            self.boarding = self.mark_sent[2] + self.boarding
            self.mark_sent = None
        await self.line.hang_up()

    # -- hearing

    def on_readable(self) -> None:
        assert self.line.ear is not None
        ear = self.line.ear.pgconn
        try:
            ear.consume_input()
            while notify := ear.notifies():
                self.hearing.take(notify.extra.decode("utf-8", "replace"))
        except psycopg.Error as failure:
            self.line.deafen()
            self.fail(Lost(f"the line to PostgreSQL was lost: {failure}"))
        self.hub.flush()
        if self.hub.heard and len(self.hub.heard.pending) > self.settled_pending + MOST_PENDING:
            self.hurry.set()

    def fail(self, failure: Exception) -> None:
        if self.lost and not self.lost.done():
            self.lost.set_exception(failure)

    def hear_mark(self, text: str) -> None:
        self.hub.finish()  # also at another streamer's mark: it is a transaction of its own
        if self.mark_sent is None or text != self.mark_sent[0]:
            return
        _, snapshot, boarding = self.mark_sent
        self.mark_sent = None
        self.hub.settle(snapshot)
        self.settled_pending = len(self.hub.heard.pending) if self.hub.heard else 0
        self.hub.flush()
        for each in boarding:
            each(snapshot)
        self.mark_heard.set()

    # -- marks

    async def beat(self) -> None:
        """Wait a little, or until somebody boards; then snapshot, mark, and hear the mark."""
        await self.rest()
        self.hurry.clear()
        boarding, self.boarding = self.boarding, []
        self.mark_heard.clear()
        loop = asyncio.get_running_loop()
        text = token_hex(8)
        try:
            snapshot = await self.line.ask(stream.snapshot)
        except BaseException:
            self.boarding = boarding + self.boarding
            raise
        self.mark_sent = (text, snapshot, boarding)
        sent_at = loop.time()
        await self.line.ask(stream.send_mark, mark(text))
        async with asyncio.timeout(PATIENCE):
            await self.mark_heard.wait()
        self.counters.lag = loop.time() - sent_at

    async def rest(self) -> None:
        try:
            async with asyncio.timeout(BEAT):
                await self.hurry.wait()
        except TimeoutError:
            return
        if not self.boarding:
            await asyncio.sleep(SHORTEST_BEAT)
