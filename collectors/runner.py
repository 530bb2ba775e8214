"""Keeps one exchange connected: dial, listen, pause, dial again."""

import asyncio
import logging
import random
from collections.abc import Sequence
from time import monotonic

from picows import WSError, WSTransport, ws_connect

from collectors.action import RESTART, Edge
from collectors.deadletters import DeadLetters
from collectors.dialing import Dialing, Refusals
from collectors.exchange import Exchange
from collectors.feed import LARGEST, Counters, Feed
from collectors.journal import Journal
from collectors.session import Session
from collectors.sink import Sink
from collectors.tally import Tally

log = logging.getLogger(__name__)

TICK = 0.5  # seconds between two looks at the clock
HANDSHAKE = 15.0  # seconds for the exchange to accept a connection that stands
DIAL = 20.0  # seconds for all of it: names, addresses, TLS, handshake
ADDRESS = 0.3  # seconds until the next address is tried beside one that does not answer
THEIRS = (OSError, WSError, TimeoutError)  # the exchange's or the world's fault: dial again


class Runner:
    """Keeps one exchange connected until cancelled."""

    def __init__(
        self,
        exchange: Exchange,
        url: str,
        symbols: Sequence[str],
        sink: Sink,
        journal: Journal | None = None,
        letters: DeadLetters | None = None,
        tally: Tally | None = None,
    ) -> None:
        self.exchange = exchange
        self.url = url
        self.symbols = symbols
        self.sink = sink
        self.journal = journal
        self.letters = letters
        self.tally = tally or Tally(exchange.NAME)
        self.counters = Counters()
        self.dialing = Dialing()
        self.refusals = Refusals()
        self.last: dict[str, Edge] = {}
        self.feed: Feed | None = None
        self.cause = RESTART  # why nobody listened before the connection to come

    async def run(self, last: dict[str, Edge]) -> None:
        """Dial, listen, pause, dial again; `last` is the newest stored trade of each market."""
        self.last = last
        if self.journal:
            self.journal.edges = self.edges
        loop = asyncio.get_running_loop()
        self.sink.on_room = lambda: loop.call_soon_threadsafe(self.resume)
        while True:
            wanted = self.refusals.ask(self.symbols, monotonic())
            pause = await self.call(wanted) if wanted else self.refusals.next_at - monotonic()
            await asyncio.sleep(pause)

    async def call(self, symbols: Sequence[str]) -> float:
        """One connection, from the dial to its end; gives the seconds until the next."""
        self.dialing.dial(monotonic())
        session = Session(self.exchange, symbols, self.last, monotonic(), self.cause)
        feed = self.feed = Feed(
            session,
            self.sink,
            self.counters,
            self.refusals,
            self.journal,
            self.letters,
            self.tally,
        )
        try:
            await attend(feed, await dial(feed, self.url))
            log.warning("%s: connection ended", self.exchange.NAME)
        except THEIRS as failure:
            log.warning("%s: %s: %s", self.exchange.NAME, self.url, str(failure) or repr(failure))
        self.last = session.last
        self.cause = feed.cause if feed.transport else self.cause
        chance = random.random()  # noqa: S311 - jitter, not a secret
        was_good, was_planned = session.has_traded, feed.was_planned
        return self.dialing.pause(monotonic(), chance, was_good=was_good, was_planned=was_planned)

    def edges(self) -> dict[str, Edge]:
        """Where each market stands at this moment."""
        return self.feed.session.last if self.feed else self.last

    def resume(self) -> None:
        if self.feed:
            self.feed.resume()


async def dial(feed: Feed, url: str) -> WSTransport:
    """Raises one of THEIRS."""
    try:
        async with asyncio.timeout(DIAL):
            transport, _ = await ws_connect(
                lambda: feed,
                url,
                websocket_handshake_timeout=HANDSHAKE,
                enable_auto_pong=False,
                max_frame_size=LARGEST,
                happy_eyeballs_delay=ADDRESS,
            )
    except BaseException:
        feed.is_given_up = True
        raise
    return transport


async def attend(feed: Feed, transport: WSTransport) -> None:
    """Until the connection ends. Raises what a callback raised (ours), or one of THEIRS."""
    ended = asyncio.ensure_future(transport.wait_disconnected())
    try:
        while not ended.done():
            feed.tick(monotonic())
            await asyncio.wait([ended], timeout=TICK)
        await ended
    finally:
        ended.cancel()
        transport.disconnect(graceful=False)
