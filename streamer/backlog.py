"""What a client gets before the live trades: what it missed, or the last ones of each market.

The hub takes the client in at an instant when it has given exactly a known set of transactions; the
store tells the rest, up to that set. Live trades wait behind it: nothing is lost or told twice.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from typing import ParamSpec, TypeVar

from msgspec import structs

from alphapulse.cursor import Cursor, Snapshot
from alphapulse.store import stream
from alphapulse.store.connect import Store, StoreUnavailable, connect
from streamer import protocol
from streamer.client import Client, Closed
from streamer.counters import Counters
from streamer.hub import Hub
from streamer.listener import Listener
from streamer.start import Start, Trail
from streamer.subscription import Filter, Subscribe, similar_to

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)

READERS = 4  # backlogs that are read at once; further ones wait their turn
CHUNK = 500  # trades handed to a client at a time
MOST_LAST_ROWS = 20_000  # trades in one fresh backlog, over all its markets
FIRST_RETRY, LONGEST_RETRY = 0.2, 5.0  # seconds before asking again when the store has failed
READ_PATIENCE = 10.0  # seconds that a cancelled reader waits for its thread


class Backlogs:
    """Reads backlogs, a few at a time, each on a connection of its own."""

    def __init__(
        self,
        url: str,
        hub: Hub,
        listener: Listener,
        counters: Counters,
        *,
        most_rows: int,
        last: int,
    ) -> None:
        self.url = url
        self.hub = hub
        self.listener = listener
        self.counters = counters
        self.most_rows = most_rows
        self.last = last
        self.turns = asyncio.Semaphore(READERS)
        self.threads = ThreadPoolExecutor(READERS, "backlog")
        self.idle: list[Store] = []

    def close(self) -> None:
        for store in self.idle:
            store.close()
        self.idle.clear()
        self.threads.shutdown(wait=False)

    async def serve(self, client: Client, request: Subscribe, why_fresh: str = "") -> None:
        """Answer a subscription: `subscribed`, backlog, `live`; then only the hub feeds the client.

        `why_fresh`: why it begins anew without having asked. Should the store fail midway, the
        client is taken in again from where it was, with another `subscribed`. Should more trade
        meanwhile than its buffer holds, it is told of that too, until it is abreast.
        """
        # Until it is told of anything, it stands where it came: what is dropped then was not sent.
        client.own_place = "" if why_fresh or request.place is None else str(request.place)
        retries = (min(FIRST_RETRY * 2**n, LONGEST_RETRY) for n in count())
        goes_on = False
        while True:
            start = await self.begin(client, request.filter)
            try:
                await self.tell(client, request, start, why_fresh, goes_on=goes_on)
            except StoreUnavailable as failure:
                log.warning("reading a backlog: %s", failure)
                if client.own_place:
                    request = structs.replace(request, cursor=client.own_place)
                goes_on = False
                await asyncio.sleep(next(retries))
            except Closed:
                return
            else:
                if not client.is_outrun:
                    client.write(start.gap_frames() + protocol.live(start.upto))
                    client.release()
                    return
                client.own_place = str(start.upto)
                request = structs.replace(request, cursor=client.own_place)
                goes_on, why_fresh = True, ""

    async def begin(self, client: Client, filter: Filter) -> Start:
        """Take the client into the hub at the next exact instant (not before the line is up)."""
        self.hub.leave(client)
        client.hold()
        future: asyncio.Future[Start] = asyncio.get_running_loop().create_future()

        def board(snapshot: Snapshot) -> None:
            upto = self.hub.place()
            if upto is not None and not future.done() and client.is_open:
                self.hub.join(client, filter)
                chosen = self.hub.chosen(filter)
                gaps = self.hub.gaps.listed(chosen)
                future.set_result(Start(upto, snapshot, chosen, self.hub.heads, *gaps))

        self.listener.board(board)
        return await future

    async def tell(
        self, client: Client, request: Subscribe, start: Start, why_fresh: str, *, goes_on: bool
    ) -> None:
        """`goes_on`: it was told all up to its cursor just now, and need not be introduced."""
        async with self.turns, self.lent() as store:
            place = None if why_fresh else request.place
            if place is not None:
                most = None if goes_on else self.most_rows
                why_fresh = await self.why_not_resume(store, place, start, most)
            if place is None or why_fresh:
                await self.tell_last(store, client, request, start, why_fresh)
                return
            if not goes_on:
                self.counters.resumed += 1
                self.introduce(client, request, start, place, recovered=True)
            await self.tell_missed(store, client, start, place)

    async def why_not_resume(
        self, store: Store, place: Cursor, start: Start, most_rows: int | None
    ) -> str:
        """Empty: everything since `place` can be told."""
        if place.epoch != start.upto.epoch:
            return "the cursor is another database's, or from before a restore of this one"
        if not place.fits(start.snapshot):
            return "the cursor names transactions that this database has not reached"
        if await self.read(stream.has_dropped_since, store, place):
            return "retention has removed trades since then: the archive has them"
        if most_rows is None:
            return ""
        chosen = sorted(start.chosen)
        missed = await self.read(
            stream.count_between, store, place, start.upto, chosen, most_rows + 1
        )
        return "" if missed <= most_rows else f"more than {most_rows} trades were missed"

    async def tell_missed(self, store: Store, client: Client, start: Start, place: Cursor) -> None:
        trail = Trail(place, start.upto)
        client.own_place = trail.place
        chunks = stream.rows_between(store, place, start.upto, sorted(start.chosen), CHUNK)
        try:
            while rows := await self.read(stream.following, chunks):
                client.write(await self.read(start.frames, rows, trail.step))
                client.own_place = trail.place
                self.counters.frames += len(rows)
                await client.drained()
        finally:
            await self.read(chunks.close)

    async def tell_last(
        self, store: Store, client: Client, request: Subscribe, start: Start, why_fresh: str
    ) -> None:
        """The last trades of each market, all with the place where the stream goes on."""
        if why_fresh:
            self.counters.not_recovered += 1
        last = self.last if request.last is None else request.last
        last = min(last, MOST_LAST_ROWS // max(len(start.chosen), 1))
        rows = await self.read(stream.last_rows, store, start.upto, sorted(start.chosen), last)
        self.introduce(
            client, request, start, start.upto, recovered=not why_fresh, reason=why_fresh
        )
        place = client.own_place = str(start.upto)
        for part in (rows[at : at + CHUNK] for at in range(0, len(rows), CHUNK)):
            client.write(start.frames(part, lambda *_: place))
            self.counters.frames += len(part)
            await client.drained()

    def introduce(
        self,
        client: Client,
        request: Subscribe,
        start: Start,
        place: Cursor,
        *,
        recovered: bool,
        reason: str = "",
    ) -> None:
        markets = start.chosen.values()
        client.write(protocol.subscribed(markets, place, recovered=recovered, reason=reason))
        for wanted in sorted(request.filter, key=str):
            if wanted.is_exact and not any(wanted.matches(market) for market in markets):
                similar = similar_to(wanted, self.hub.markets.values())
                client.write(protocol.unknown_market(str(wanted), similar))

    async def read(self, question: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask in a thread; whoever is cancelled waits for the answer first: never two per line."""
        loop = asyncio.get_running_loop()
        answer = loop.run_in_executor(self.threads, partial(question, *args, **kwargs))
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            await asyncio.wait([answer], timeout=READ_PATIENCE)
            raise

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[Store]:
        """A connection to read with; kept for the next reader unless something went wrong."""
        store = self.idle.pop() if self.idle else None
        if store is None or store.broken:
            store = await self.read(partial(connect, self.url, "streamer backlog", read_only=True))
        try:
            yield store
        except BaseException:
            store.close()
            raise
        self.idle.append(store)
