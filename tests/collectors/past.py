"""Replay as an exchange with a past: all its trades happened before the test began."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from threading import Event, Thread

from alphapulse.store.backfills import Wish
from alphapulse.trade import Market, Micros
from replay.dialect import Answer
from replay.server import Replay
from replay.tape import Tape
from replay.venue import Venue

SECOND: Micros = 1_000_000
START: Micros = 1_793_491_200 * SECOND  # 2026-11-01
SYMBOLS = {"binance": "BTCUSDT", "coinbase": "BTC-USD", "kraken": "BTC/USD"}
RATE = 10.0  # trades a second


class Past(Replay):
    """Counts the requests that each of its exchanges gets."""

    def __init__(self, *names: str, trades: int) -> None:
        markets = {name: (SYMBOLS[name],) for name in names}
        super().__init__(markets, rate=RATE, start=START, trades=trades)
        self.requests = 0
        for venue in self.venues.values():
            self.count(venue)

    def count(self, venue: Venue) -> None:
        respond = venue.respond

        async def counting(path: str, params: Mapping[str, str]) -> Answer:
            self.requests += 1
            return await respond(path, params)

        venue.respond = counting  # type: ignore[method-assign]

    def tape(self, exchange: str) -> Tape:
        return self.tapes[exchange][SYMBOLS[exchange]]

    def lose(self, exchange: str, place: int, count: int) -> None:
        """These trades never happened: a real hole in the ids."""
        columns = self.tape(exchange).columns
        for column in (columns.ids, columns.times, columns.prices, columns.sizes, columns.sides):
            del column[place : place + count]


def wish(exchange: str, first: float, last: float) -> Wish:
    """The trades from so many seconds behind the start on, up to so many."""
    market = Market(exchange, SYMBOLS[exchange])
    return Wish(market, START + int(first * SECOND), START + int(last * SECOND))


@contextmanager
def past(*names: str, trades: int) -> Iterator[Past]:
    """Served by a thread of its own, so that the test may wait."""
    replay = Past(*names, trades=trades)
    ready = Event()
    loop = asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        async with replay:
            ready.set()
            await stop.wait()

    thread = Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield replay
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
