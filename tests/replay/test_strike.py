import asyncio
import json
from itertools import pairwise

import pytest
from websockets.exceptions import ConnectionClosed

from replay.faults import (
    Cut,
    Drop,
    Farewell,
    Fault,
    FaultError,
    Garbage,
    Hole,
    LastTradeIdZero,
    Refuse,
    Reorder,
    Repeat,
    RestError,
    Silence,
    SlowRest,
)
from replay.server import Replay
from tests.replay.talk import DEADLINE, HEARTBEATS, MARKETS, collect, eventually, get, line, until
from tests.replay.test_server import closed, run

REST = {
    "coinbase": "/coinbase/products/BTC-USD/trades",
    "coinbase-advanced": "/coinbase-advanced/products/BTC-USD/trades",
    "kraken": "/kraken/0/public/Trades?pair=XBTUSD",
    "binance": "/binance/api/v3/trades?symbol=BTCUSDT",
}


@pytest.mark.parametrize("code", [1006, 1008, 1011, 1012])
def test_a_cut_ends_every_line_of_its_exchange_with_its_code(code: int) -> None:
    async def story() -> None:
        async with (
            Replay(MARKETS, rate=100) as replay,
            line(replay, "kraken") as one,
            line(replay, "kraken") as two,
            line(replay, "binance") as spared,
        ):
            await collect(one, 1)
            replay.inject(Cut(exchange="kraken", code=code, reason="chaos"))
            assert [await closed(one), await closed(two)] == [code, code]
            await collect(spared, 5)

    run(story())


def test_a_line_may_be_dialled_again_after_a_cut() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=100) as replay:
            for _ in range(3):
                async with line(replay, "coinbase") as socket:
                    await collect(socket, 2)
                    replay.inject(Cut())
                    assert await closed(socket) == 1006

    run(story())


def test_binance_announces_its_shutdown_before_it_cuts() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=100) as replay, line(replay, "binance") as socket:
            await collect(socket, 1)
            replay.inject(Farewell(exchange="binance", seconds=0.2))
            message = await until(socket, lambda m: m.get("stream") == "!serverShutdown")
            assert message["data"]["e"] == "serverShutdown"
            assert await closed(socket) == 1012

    run(story())


def test_in_a_silence_no_byte_comes_not_even_a_pong_and_then_the_line_goes_on() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=200) as replay, line(replay, "coinbase") as socket:
            await collect(socket, 5)
            tape = replay.tapes["coinbase"]["BTC-USD"]
            last = tape.last_id  # was written already
            replay.inject(Silence(exchange="coinbase", seconds=1.0))
            pong = asyncio.ensure_future(await socket.ping())
            await asyncio.wait([pong], timeout=0.3)
            assert not pong.done()
            after = await until(socket, lambda m: m.get("trade_id", 0) > last)
            await asyncio.wait_for(pong, DEADLINE)
            assert after["trade_id"] > last + 20  # what happened meanwhile was never sent …
            assert tape.find(last + 1)  # … but it is history

    run(story())


@pytest.mark.parametrize("exchange", ["coinbase", "kraken"])
def test_a_refused_symbol_leaves_the_line_rest_and_new_wishes(exchange: str) -> None:
    async def story() -> None:
        (symbol,) = MARKETS[exchange]
        async with Replay(MARKETS, rate=100) as replay, line(replay, exchange) as socket:
            await collect(socket, 1)
            replay.inject(Refuse(exchange=exchange, symbol=symbol))
            await until(socket, lambda m: "error" in json.dumps(m) and symbol in json.dumps(m))
            assert (
                b"rror" in (body := (await get(replay, REST[exchange])).content) or b"Not" in body
            )
            async with line(replay, exchange) as second:
                await until(second, lambda m: symbol in json.dumps(m) and "rror" in json.dumps(m))
            replay.inject(Refuse(exchange=exchange, symbol=symbol, seconds=0.1))
            await eventually(lambda: not replay.venues[exchange].desk.refused)
            async with line(replay, exchange) as third:
                await collect(third, 1)

    run(story())


def test_a_refused_symbol_of_binance_just_falls_silent() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=100) as replay, line(replay, "binance") as socket:
            await collect(socket, 1)
            replay.inject(Refuse(exchange="binance", symbol="BTCUSDT"))
            async with line(replay, "binance") as second:
                assert json.loads(await second.recv()) == {"result": None, "id": 1}
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(second.recv(), 0.3)

    run(story())


def jumps(found: list[int]) -> list[int]:
    return [b - a for a, b in pairwise(found) if b - a != 1]


async def struck(exchange: str, fault: Fault) -> tuple[list[int], list[int]]:
    """The ids that a line saw around a fault, and those on the tape between them."""
    async with Replay(MARKETS, rate=300) as replay, line(replay, exchange) as socket:
        (tape,) = replay.tapes[exchange].values()
        found = await collect(socket, 10)
        replay.inject(fault)
        end = tape.last_id + 100  # what was on its way already is not touched
        while max(found) < end:
            found += await collect(socket, 1)
        kept = [id for id in tape.columns.ids if found[0] <= id <= max(found)]
        return found, kept


@pytest.mark.parametrize("exchange", ["coinbase", "binance"])
def test_dropped_frames_are_missing_on_the_line_only(exchange: str) -> None:
    found, kept = asyncio.run(struck(exchange, Drop(exchange=exchange, frames=7)))
    assert jumps(found) == [8]
    assert jumps(kept) == []


def test_a_dropped_frame_of_kraken_may_hold_several_trades() -> None:
    found, kept = asyncio.run(struck("kraken", Drop(exchange="kraken", frames=20)))
    (jump,) = jumps(found)
    assert jump > 20
    assert jumps(kept) == []


def test_a_hole_is_missing_everywhere() -> None:
    found, kept = asyncio.run(
        struck("coinbase", Hole(symbol="BTC-USD", exchange="coinbase", trades=4))
    )
    assert jumps(found) == jumps(kept) == [5]
    assert found == kept


def test_repeated_frames_come_twice() -> None:
    found, kept = asyncio.run(struck("binance", Repeat(exchange="binance", frames=3)))
    assert jumps(found) == [0, 0, 0]
    assert sorted(set(found)) == kept


def test_reordered_frames_come_late() -> None:
    found, kept = asyncio.run(struck("coinbase", Reorder(exchange="coinbase", frames=2)))
    assert found != kept and sorted(found) == kept
    assert jumps(found) == [2, -2, 3]


@pytest.mark.parametrize("kind", ["malformed", "unknown", "truncated"])
def test_garbage_is_what_it_says(kind: str) -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=300) as replay, line(replay, "coinbase") as socket:
            await collect(socket, 1)
            replay.inject(Garbage(kind=kind))  # type: ignore[arg-type]
            async with asyncio.timeout(DEADLINE):
                while not is_garbage(await socket.recv(decode=True)):
                    pass
            await collect(socket, 5)

    def is_garbage(text: str) -> bool:
        try:
            return json.loads(text)["type"] == "surprise" and kind == "unknown"
        except json.JSONDecodeError:
            return kind != "unknown"

    run(story())


def test_a_fault_of_frames_without_a_line_waits_for_the_next() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=300) as replay:
            replay.inject(Repeat(exchange="binance", frames=2))
            async with line(replay, "binance") as socket:
                assert jumps(await collect(socket, 20)) == [0, 0]
            async with line(replay, "binance") as socket:
                assert jumps(await collect(socket, 20)) == []

    run(story())


def test_heartbeats_forget_the_last_id_for_a_while() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=100) as replay, line(replay, "coinbase") as socket:
            await collect(socket, 1)
            replay.inject(LastTradeIdZero(exchange="coinbase", seconds=1.5))
            await socket.send(json.dumps(HEARTBEATS))
            await until(socket, lambda m: m.get("last_trade_id") == 0)
            await until(socket, lambda m: m.get("last_trade_id", 0) > 0)

    run(story())


@pytest.mark.parametrize("exchange", list(MARKETS))
def test_rest_fails_so_many_times_and_then_answers(exchange: str) -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=100) as replay:
            replay.inject(RestError(exchange=exchange, status=429, retry_after=2, requests=2))
            answers = [await get(replay, REST[exchange]) for _ in range(3)]
            assert [answer.status_code for answer in answers] == [429, 429, 200]
            assert answers[0].headers["Retry-After"] == "2"

    run(story())


def test_krakens_error_hides_behind_200() -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay:
            replay.inject(RestError(exchange="kraken", status=200))
            answer = await get(replay, REST["kraken"])
            assert (answer.status_code, answer.json()) == (
                200,
                {"error": ["EGeneral:Too many requests"]},
            )

    run(story())


def test_a_slow_answer_comes_late_but_right() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=100) as replay:
            replay.inject(SlowRest(exchange="binance", seconds=0.4))
            slow = asyncio.create_task(get(replay, REST["binance"]))
            await eventually(lambda: not replay.venues["binance"].rest_faults)
            assert (await get(replay, REST["binance"])).status_code == 200
            assert not slow.done()
            assert (await slow).status_code == 200

    run(story())


def test_a_fault_for_nobody_is_refused() -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay:
            with pytest.raises(FaultError, match="no such exchange here; there is coinbase, "):
                replay.inject(Cut(exchange="bitmex"))
            with pytest.raises(FaultError, match="kraken has no FOO/USD here; it has BTC/USD"):
                replay.inject(Hole(exchange="kraken", symbol="FOO/USD"))

    run(story())


def test_the_fast_mode_refuses_faults_of_frames_but_not_a_cut() -> None:
    async def story() -> None:
        async with Replay(MARKETS, speed=0, trades=10) as replay:
            with pytest.raises(FaultError, match=r"in the fast mode .* give a speed above 0"):
                replay.inject(Drop())
            replay.inject(Cut())

    run(story())


def test_a_schedule_strikes_by_itself() -> None:
    async def story() -> None:
        markets = {"coinbase": ["BTC-USD"]}
        replay = Replay(markets, rate=300, seed=2, faults_per_minute=6000)
        async with replay, asyncio.timeout(DEADLINE):
            while not await is_cut(replay):
                pass

    async def is_cut(replay: Replay) -> bool:
        try:
            async with line(replay, "coinbase") as socket:
                await asyncio.wait_for(collect(socket, 10_000), 3)
        except ConnectionClosed:
            return True
        except TimeoutError:
            return False
        return False

    run(story())
