import asyncio
import json
import time
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from alphapulse.settings import Endpoint
from replay.dialect import Manners
from replay.recording import read_recording
from replay.server import Replay, ReplayError
from tests.replay.protocols.desk import twelve
from tests.replay.talk import DEADLINE, HEARTBEATS, MARKETS, collect, eventually, get, line, until
from tests.replay.test_recording import frames, recorded, written


def run(story: Coroutine[Any, Any, None]) -> None:
    asyncio.run(story)


@pytest.mark.parametrize("exchange", list(MARKETS))
def test_what_is_sent_is_what_stands_on_the_tape_in_order(exchange: str) -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=500) as replay, line(replay, exchange) as socket:
            found = await collect(socket, 200)
            (tape,) = replay.tapes[exchange].values()
            start = tape.place(found[0])
            assert found == list(tape.columns.ids[start : start + len(found)])

    run(story())


def test_an_endpoint_is_where_a_collector_dials() -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay:
            base = f"127.0.0.1:{replay.port}"
            assert replay.endpoint("kraken") == Endpoint(
                f"ws://{base}/kraken", f"http://{base}/kraken"
            )
            assert replay.endpoint("binance").ws == f"ws://{base}/binance/stream"

    run(story())


def test_the_same_seed_and_start_give_the_same_tape_after_a_restart() -> None:
    """The demo kills and restarts this process: ids and times must go on where they were."""
    start = time.time_ns() // 1000 - 3_600_000_000

    async def tape() -> list[object]:
        async with Replay(MARKETS, seed=5, rate=20, start=start) as replay:
            return [list(t) for tapes in replay.tapes.values() for t in tapes.values()]

    before, after = asyncio.run(tape()), asyncio.run(tape())
    for old, new in zip(before, after, strict=True):
        assert isinstance(old, list) and isinstance(new, list)
        assert 3600 * 15 < len(old) <= len(new)
        assert new[: len(old)] == old


def test_times_of_trades_are_those_of_the_wall() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=200) as replay, line(replay, "kraken") as socket:
            await collect(socket, 20)
            behind = time.time_ns() // 1000 - replay.tapes["kraken"]["BTC/USD"][-1].traded_at
            assert 0 <= behind < DEADLINE * 1e6

    run(story())


def test_a_finite_run_waits_for_its_reader_ends_and_stays_alive() -> None:
    async def story() -> None:
        async with Replay({"coinbase": ["BTC-USD"]}, rate=500, trades=100) as replay:
            await asyncio.sleep(0.2)
            assert len(replay.tapes["coinbase"]["BTC-USD"]) == 0 and not replay.is_finished
            async with line(replay, "coinbase") as socket:
                found = await collect(socket, 100)
                assert found == [p.id for p in replay.tapes["coinbase"]["BTC-USD"]]
                await asyncio.wait_for(replay.wait_finished(), DEADLINE)
                assert replay.is_finished
                await socket.send(json.dumps(HEARTBEATS))
                beat = await until(socket, lambda m: m["type"] == "heartbeat")
                assert beat["last_trade_id"] == found[-1]
                page = await get(replay, "/coinbase/products/BTC-USD/trades?limit=1")
                assert page.json()[0]["trade_id"] == found[-1]

    run(story())


def test_finish_stops_the_trades_but_not_the_exchange() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=500) as replay, line(replay, "kraken") as socket:
            await collect(socket, 10)
            replay.finish()
            assert replay.is_finished
            await until(socket, lambda m: m == {"channel": "heartbeat"})
            count = len(replay.tapes["kraken"]["BTC/USD"])
            await until(socket, lambda m: m == {"channel": "heartbeat"})
            assert len(replay.tapes["kraken"]["BTC/USD"]) == count

    run(story())


def test_rest_answers_from_the_same_tape() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=500) as replay, line(replay, "binance") as socket:
            first, *_ = await collect(socket, 30)
            path = "/binance/api/v3/historicalTrades?symbol=BTCUSDT&limit=20"
            rows = (await get(replay, f"{path}&fromId={first}")).json()
            assert [row["id"] for row in rows] == list(range(first, first + 20))

    run(story())


def test_the_front_page_says_that_nothing_here_is_live() -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay:
            about = (await get(replay, "/")).json()
            assert "nothing here is live market data" in about["replay"]
            assert about["simulated"] == MARKETS

    run(story())


def test_an_unknown_exchange_is_not_found_by_either_door() -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay:
            answer = await get(replay, "/bitmex/trades")
            assert answer.status_code == 404
            assert answer.json()["error"] == (
                "replay serves no 'bitmex'; it serves coinbase, coinbase-advanced, kraken, binance"
            )
            with pytest.raises(InvalidStatus):
                await connect(f"ws://127.0.0.1:{replay.port}/bitmex")

    run(story())


def test_a_taken_port_says_which_setting_to_change() -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay:
            with pytest.raises(
                ReplayError, match=f"port {replay.port} is taken; set ALPHAPULSE_REPL"
            ):
                await Replay(MARKETS, port=replay.port).__aenter__()

    run(story())


@pytest.mark.parametrize(
    ("markets", "given", "words"),
    [
        (
            {"bitmex": ["XBT"]},
            {},
            "does not speak 'bitmex'; it speaks binance, coinbase, coinbase-",
        ),
        ({"kraken": []}, {}, "kraken: no markets"),
        ({}, {}, "nothing to serve"),
        (MARKETS, {"speed": -1.0}, "speed -1.0: give 0"),
        (MARKETS, {"speed": 0.0}, "speed 0 needs `trades`"),
        (MARKETS, {"speed": 0.0, "trades": 9_000_000}, "not 9,000,000"),
    ],
)
def test_what_cannot_be_served_is_refused(
    markets: dict[str, list[str]], given: dict[str, float], words: str
) -> None:
    with pytest.raises(ReplayError, match=words):
        Replay(markets, **given)  # type: ignore[arg-type]


async def closed(socket: ClientConnection) -> int:
    """The code with which a line ends."""
    async with asyncio.timeout(DEADLINE):
        try:
            while True:
                await socket.recv()
        except ConnectionClosed as end:
            return end.rcvd.code if end.rcvd else 1006


@pytest.mark.parametrize(
    "manners",
    [Manners(subscribe_within=0.2), Manners(max_age=0.3)],
    ids=["subscribe within 0.2 s", "live 0.3 s"],
)
def test_an_exchange_insists_on_its_manners(manners: Manners) -> None:
    async def story() -> None:
        async with (
            Replay(MARKETS, manners={"coinbase": manners}) as replay,
            line(replay, "coinbase", ask=False) as socket,
        ):
            assert await closed(socket) == 1008

    run(story())


def test_a_line_that_subscribes_in_time_lives_on() -> None:
    async def story() -> None:
        manners = {"coinbase": Manners(subscribe_within=0.3)}
        async with (
            Replay(MARKETS, rate=100, manners=manners) as replay,
            line(replay, "coinbase") as socket,
        ):
            opened = asyncio.get_running_loop().time()
            while asyncio.get_running_loop().time() < opened + 0.6:
                await collect(socket, 1)

    run(story())


def test_binance_cuts_who_says_too_much() -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay, line(replay, "binance", ask=False) as socket:
            for number in range(7):
                await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
            assert await closed(socket) == 1008

    run(story())


def test_a_client_that_does_not_answer_pings_is_cut() -> None:
    async def story() -> None:
        manners = {"binance": Manners(ping_every=0.1, pong_within=0.3)}
        async with Replay(MARKETS, manners=manners) as replay:
            address = f"GET /binance/ws HTTP/1.1\r\nHost: 127.0.0.1:{replay.port}\r\n"
            wish = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            reader, writer = await asyncio.open_connection("127.0.0.1", replay.port)
            writer.write((address + wish + key).encode())
            received = await asyncio.wait_for(reader.read(), DEADLINE)  # until it is closed on us
            assert b"101 Switching" in received and b"Pong timeout" in received
            writer.close()

    run(story())


def test_a_client_that_answers_pings_is_kept() -> None:
    async def story() -> None:
        manners = {"binance": Manners(ping_every=0.05, pong_within=5)}
        async with (
            Replay(MARKETS, rate=100, manners=manners) as replay,
            line(replay, "binance") as socket,
        ):
            assert len(await collect(socket, 60)) >= 60

    run(story())


def test_a_client_that_does_not_read_is_cut_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("replay.client.UNSENT", 100_000)

    async def story() -> None:
        async with (
            Replay(MARKETS, rate=20_000) as replay,
            line(replay, "coinbase") as slow,
            line(replay, "coinbase") as quick,
        ):
            slow.transport.pause_reading()
            await eventually_reading(replay, quick)
            assert len(replay.venues["coinbase"].clients) == 1

    async def eventually_reading(replay: Replay, quick: ClientConnection) -> None:
        async with asyncio.timeout(DEADLINE):
            while len(replay.venues["coinbase"].clients) > 1:
                await collect(quick, 100)

    run(story())
    assert "bytes unread: cut" in caplog.text


def test_recorded_frames_are_served_byte_for_byte(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path / "a.jsonl", frames()))

    async def story() -> None:
        async with Replay(recordings=[recording]) as replay, line(replay, "coinbase") as socket:
            await socket.recv()  # the acknowledgement
            found = [await socket.recv() for _ in range(12)]
            assert found == frames()
            await asyncio.wait_for(replay.wait_finished(), DEADLINE)
            assert list(replay.tapes["coinbase"]["BTC-USD"]) == twelve()

    run(story())


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "exchange", "symbols"),
    [
        ("binance_spot_ws_20240808_09.jsonl.gz", "binance", ["btcusdt@trade", "ethusdt@trade"]),
        ("kraken_v2_ws_dev.jsonl.gz", "kraken", ["BTC/USDT"]),
    ],
)
@pytest.mark.parametrize("speed", [0.0, 100_000.0], ids=["fast", "paced"])
def test_a_real_recording_is_served_byte_for_byte(
    name: str, exchange: str, symbols: list[str], speed: float
) -> None:
    recording = read_recording(recorded(name))
    wishes = {
        "binance": {"method": "SUBSCRIBE", "params": symbols, "id": 1},
        "kraken": {"method": "subscribe", "params": {"channel": "trade", "symbol": symbols}},
    }

    async def story() -> None:
        async with (
            Replay(recordings=[recording], speed=speed) as replay,
            line(replay, exchange, ask=False) as socket,
        ):
            await socket.send(json.dumps(wishes[exchange]))
            served = [raw async for raw in trades_of(socket, len(recording.frames))]
            assert served == [frame.raw for frame in recording.frames]

    async def trades_of(socket: ClientConnection, count: int) -> AsyncIterator[str]:
        async with asyncio.timeout(60):
            while count:
                raw = await socket.recv(decode=True)
                if ('"trade"' in raw and '"method"' not in raw) or '"@trade"' in raw:
                    count -= 1
                    yield raw

    run(story())


def test_a_market_cannot_be_simulated_and_recorded(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path / "a.jsonl", frames()))
    with pytest.raises(ReplayError, match="coinbase is asked for both simulated and recorded"):
        Replay(MARKETS, recordings=[recording])


def test_the_fast_mode_sends_every_trade_and_then_stays() -> None:
    async def story() -> None:
        async with (
            Replay(MARKETS, speed=0, trades=20_000) as replay,
            line(replay, "coinbase") as socket,
        ):
            found = await collect(socket, 20_000)
            assert found == [p.id for p in replay.tapes["coinbase"]["BTC-USD"]]
            await eventually(replay.venues["coinbase"].finished.is_set)
            assert not replay.is_finished  # nobody has asked the other exchanges

    run(story())


def test_the_fast_mode_waits_for_a_reader_who_pauses() -> None:
    async def story() -> None:
        markets = {"coinbase": ["BTC-USD", "ETH-USD"]}  # one of the two is asked for
        async with (
            Replay(markets, speed=0, trades=60_000) as replay,
            line(replay, "coinbase") as socket,
        ):
            await collect(socket, 1)
            await asyncio.sleep(0.5)
            assert not replay.is_finished
            assert len(await collect(socket, 59_999)) == 59_999

    run(story())


def test_a_line_that_comes_back_in_the_fast_mode_goes_on_from_there() -> None:
    async def story() -> None:
        async with Replay({"coinbase": ["BTC-USD"]}, speed=0, trades=60_000) as replay:
            tape = replay.tapes["coinbase"]["BTC-USD"]
            async with line(replay, "coinbase") as socket:
                first, *_ = await collect(socket, 10)
                socket.transport.abort()  # what was on its way is lost, as with an exchange
            await eventually(lambda: not replay.venues["coinbase"].clients)
            published = tape.last_id
            async with line(replay, "coinbase") as socket:
                rest = await collect(socket, first + 60_000 - published - 1)
            assert (rest[0], rest[-1]) == (published + 1, first + 59_999)

    run(story())
