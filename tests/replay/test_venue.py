import asyncio
import time

import pytest

from alphapulse.trade import Market
from replay.dialect import Manners
from replay.feed import SimulatedFeed
from replay.protocols import DIALECTS
from replay.server import Replay
from replay.simulated import SimulatedMarket
from replay.venue import Venue
from tests.replay.talk import MARKETS, collect, line, until
from tests.replay.test_server import run

HOUR = 3_600_000_000


def venue(start: int, speed: float, waits: bool, trades: int | None = None) -> Venue:
    markets = [SimulatedMarket(Market("kraken", "BTC/USD"), 1, start, 10.0)]
    feed = SimulatedFeed(DIALECTS["kraken"], markets, trades, 10**6)
    return Venue(feed, speed, waits, Manners())


def now() -> int:
    return time.time_ns() // 1000


def test_the_past_is_on_the_tape_before_the_door_opens() -> None:
    async def story() -> None:
        start = now() - HOUR
        one = venue(start, 1.0, waits=False)
        one.prepare()
        tape = one.feed.tapes["BTC/USD"]
        assert len(tape) == pytest.approx(36_000, rel=0.1)
        assert start <= tape[0].traded_at < tape[-1].traded_at <= now()

    run(story())


def test_a_feed_that_waits_has_no_past_and_its_clock_stands() -> None:
    async def story() -> None:
        one = venue(now() - HOUR, 1.0, waits=True)
        one.prepare()
        assert len(one.feed.tapes["BTC/USD"]) == 0
        assert one.now() == one.feed.origin
        assert not one.is_awaited()

    run(story())


def test_the_clock_runs_at_the_speed_from_the_start() -> None:
    async def story() -> None:
        one = venue(now() - HOUR, 3.0, waits=False)
        assert one.now() - (now() + 2 * HOUR) == pytest.approx(0, abs=60_000_000)

    run(story())


def test_the_fast_mode_waits_and_has_its_frames_ready() -> None:
    async def story() -> None:
        one = venue(now(), 0, waits=False, trades=500)
        one.prepare()
        assert one.waits and one.prebuilt
        assert list(one.prebuilt.chunks) == [("v2", frozenset({"BTC/USD"}))]

    run(story())


def test_faster_than_the_wall_more_trades_come() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=5, speed=100) as replay, line(replay, "binance") as socket:
            await collect(socket, 300)
            tape = replay.tapes["binance"]["BTCUSDT"]
            assert tape[-1].traded_at - tape[0].traded_at > 20_000_000  # a minute in half a second

    run(story())


def test_heartbeats_of_kraken_come_when_nothing_else_does() -> None:
    async def story() -> None:
        markets = {"kraken": ["BTC/USD"]}
        async with Replay(markets, rate=0.001) as replay, line(replay, "kraken") as socket:
            await until(socket, lambda m: m == {"channel": "heartbeat"})
            await until(socket, lambda m: m == {"channel": "heartbeat"})

    run(story())


def test_a_busy_line_of_kraken_has_no_heartbeats() -> None:
    async def story() -> None:
        markets = {"kraken": ["BTC/USD"]}
        async with Replay(markets, rate=500) as replay, line(replay, "kraken") as socket:
            clock = asyncio.get_running_loop().time
            began = clock()
            while clock() < began + 1.5:
                assert "heartbeat" not in str(await socket.recv())

    run(story())
