import asyncio
import json

import pytest
from websockets.asyncio.client import ClientConnection, connect

from replay.dialect import Answer
from replay.doors import parts, response
from replay.server import Replay
from tests.replay.talk import DEADLINE, MARKETS, WISHES, collect, eventually, get, ids, line
from tests.replay.test_server import run


@pytest.mark.parametrize(
    ("target", "found"),
    [
        ("/", ("", "", {})),
        ("/kraken", ("kraken", "", {})),
        ("/kraken/", ("kraken", "", {})),
        (
            "/binance/stream?streams=a@trade/b@trade",
            ("binance", "stream", {"streams": "a@trade/b@trade"}),
        ),
        (
            "/kraken/0/public/Trades?pair=BTC%2FUSD",
            ("kraken", "0/public/Trades", {"pair": "BTC/USD"}),
        ),
        ("/coinbase/products/BTC-USD/trades", ("coinbase", "products/BTC-USD/trades", {})),
    ],
)
def test_a_target_is_a_room_a_path_and_parameters(
    target: str, found: tuple[str, str, dict[str, str]]
) -> None:
    assert parts(target) == found


def test_an_answer_becomes_http() -> None:
    made = response(Answer(429, b"slow down", {"Retry-After": "3"}))
    assert (made.status_code, made.reason_phrase, made.body) == (
        429,
        "Too Many Requests",
        b"slow down",
    )
    assert made.headers["Content-Length"] == "9" and made.headers["Retry-After"] == "3"


def test_streams_may_be_named_in_the_address() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=300) as replay:
            base = f"ws://127.0.0.1:{replay.port}/binance"
            async with (
                connect(f"{base}/stream?streams=btcusdt@trade") as combined,
                connect(f"{base}/ws/btcusdt@trade") as raw,
            ):
                await collect(combined, 5)
                await collect(raw, 5)
                async with asyncio.timeout(DEADLINE):
                    assert str(await combined.recv()).startswith('{"stream":"btcusdt@trade"')
                    assert str(await raw.recv()).startswith('{"e":"trade"')

    run(story())


def test_rest_is_reached_below_the_exchange() -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=300) as replay:
            products = await get(replay, "/coinbase/products")
            assert [p["id"] for p in products.json()] == ["BTC-USD"]
            assert (await get(replay, "/kraken/0/public/AssetPairs")).json()["error"] == []
            assert (await get(replay, "/coinbase/nothing")).status_code == 404
            assert (await get(replay, "/nowhere")).status_code == 404

    run(story())


@pytest.mark.parametrize("exchange", list(MARKETS))
def test_a_client_that_leaves_is_forgotten(exchange: str) -> None:
    async def story() -> None:
        async with Replay(MARKETS, rate=300) as replay:
            async with line(replay, exchange) as socket:
                await collect(socket, 1)
                assert len(replay.venues[exchange].clients) == 1
            await eventually(lambda: not replay.venues[exchange].clients)

    run(story())


@pytest.mark.parametrize("exchange", list(MARKETS))
def test_a_symbol_that_was_left_is_not_sent_any_more(exchange: str) -> None:
    words = {"type" if "type" in WISHES[exchange] else "method": "unsubscribe"}
    words = {"method": "UNSUBSCRIBE"} if exchange == "binance" else words

    async def rest(socket: ClientConnection) -> list[int]:
        """The ids that were on their way."""
        found: list[int] = []
        try:
            while True:
                found += ids(await asyncio.wait_for(socket.recv(), 0.2))
        except TimeoutError:
            return found

    async def story() -> None:
        async with Replay(MARKETS, rate=300) as replay, line(replay, exchange) as socket:
            await collect(socket, 1)
            await socket.send(json.dumps(WISHES[exchange] | words))
            (client,) = replay.venues[exchange].clients
            await eventually(lambda: not client.line.symbols)
            (tape,) = replay.tapes[exchange].values()
            last, later = tape.last_id, tape.last_id + 50
            await eventually(lambda: tape.last_id > later)
            assert all(id <= last for id in await rest(socket))

    run(story())


def test_two_clients_of_one_market_see_the_same() -> None:
    async def story() -> None:
        async with (
            Replay(MARKETS, rate=300) as replay,
            line(replay, "kraken") as one,
            line(replay, "kraken") as two,
        ):
            first, second = await collect(one, 100), await collect(two, 100)
            shared = set(first) & set(second)
            assert [id for id in first if id in shared] == [id for id in second if id in shared]
            assert len(shared) > 20

    run(story())
