"""The protocol as a client sees it, over real sockets and a real database."""

import asyncio
import json
import os
import signal
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from websockets.exceptions import ConnectionClosed

from alphapulse.cursor import Cursor
from alphapulse.migrate import migrate
from alphapulse.settings import Settings
from alphapulse.store.connect import Store, connect
from streamer.reception import MOST_REQUESTS
from streamer.server import PortTaken, Streamer, run_streamer
from streamer.subscription import MOST_LAST
from tests.streamer.conftest import Reader, Stage, add_market, eventually, insert, play, staged


def test_a_trade_arrives_in_a_frame_of_its_own(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            insert(store, market, 1, 2, price="100.10")
            first, second = await reader.until("trade"), await reader.until("trade")
            assert (first["id"], second["id"]) == ("1", "2")
            assert first.pop("cursor") < second["cursor"]
            assert first == {
                "type": "trade",
                "exchange": "kraken",
                "symbol": "BTC/USD",
                "id": "1",
                "price": "100.10",
                "size": "0.5",
                "side": "buy",
                "time": "2026-01-31T12:00:00.001001Z",
                "received": "2026-01-31T12:00:01.000000Z",
                "source": "live",
            }

    play(story)


def test_the_welcome_says_where_one_is_and_then_tells_the_last_trades(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    other = add_market(store, "ETH/USD")
    insert(store, market, *range(1, 6))
    insert(store, other, 3)

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            await stage.live()
            async with stage.client("?last=2") as reader:
                hello = await reader.next()
                assert hello["protocol"] == 1
                assert hello["server"].startswith("alphapulse ")
                assert hello["simulated"] is False
                assert hello["state"] == "live"
                assert {"exchange": "kraken", "symbol": "ETH/USD"} in hello["markets"]
                assert hello["heartbeat_seconds"] == 1
                subscribed = await reader.next()
                assert subscribed["type"] == "subscribed"
                assert subscribed["recovered"] is True
                live = await reader.until("live")
                assert live["cursor"] == subscribed["cursor"]
                assert [(t["symbol"], t["id"], t["replayed"]) for t in reader.trades] == [
                    ("ETH/USD", "3", True),  # oldest first, over all markets
                    ("BTC/USD", "4", True),
                    ("BTC/USD", "5", True),
                ]
                assert {t["cursor"] for t in reader.trades} == {live["cursor"]}

    play(story)


def test_a_client_that_asks_for_nothing_gets_everything(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    insert(store, market, 1)

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.client() as reader:
            await reader.until("live")
            insert(store, market, 2)
            await reader.until_trade(2)
            assert reader.ids == [1, 2]

    play(story)


def test_a_quiet_stream_has_a_heartbeat_with_the_place(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            async with stage.joined() as reader:
                beat = await reader.until("heartbeat")
                assert beat["state"] == "live"
                assert beat["time"].endswith("Z")
            insert(store, market, 1)
            async with stage.joined(f"?cursor={beat['cursor']}") as reader:
                assert reader.ids == [1]

    play(story)


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("?exchange=kraken", [1, 2]),
        ("?symbol=BTC/USD", [1, 3]),
        ("?symbol=BTC_USD&exchange=kraken", [1]),
        ("?market=kraken/ETH_USD&market=coinbase/BTC_USD", [2, 3]),
        ("?exchange=kraken&exchange=coinbase&symbol=ETH/USD", [2]),
        ("?market=*", [1, 2, 3]),
        ("?market=*/ETH_USD", [2]),
        ("?market=kraken", [1, 2]),
    ],
)
def test_the_address_chooses_the_markets(
    query: str, ids: list[int], store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    ether = add_market(store, "ETH/USD")
    coinbase = add_market(store, "BTC/USD", "coinbase")

    async def story() -> None:
        async with (
            staged(database_url, tmp_path) as stage,
            stage.joined(query) as reader,
            stage.joined("?last=0") as all_of_it,
        ):
            insert(store, market, 1)
            insert(store, ether, 2)
            insert(store, coinbase, 3)
            await all_of_it.until_trade(3)
            await reader.catch_breath()
            assert reader.ids == ids

    play(story)


def test_a_new_subscription_replaces_the_old_one(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    ether = add_market(store, "ETH/USD")

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            wanted = [{"exchange": "kraken", "symbol": "ETH/USD"}]
            await reader.send(type="subscribe", markets=wanted, last=0)
            await reader.until("live")
            insert(store, market, 1)
            insert(store, ether, 2)
            await reader.until_trade(2)
            await reader.send(type="unsubscribe")
            await reader.until("unsubscribed")
            insert(store, ether, 3)
            await reader.send(type="subscribe", cursor=reader.trades[-1]["cursor"])
            await reader.until("live")
            assert reader.ids == [2, 3]

    play(story)


def test_many_subscriptions_in_a_row_end_in_the_last(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    ether = add_market(store, "ETH/USD")

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.client() as reader:
            for name in ["kraken/BTC_USD", "kraken", "coinbase", "kraken/ETH_USD"] * 5:
                await reader.send(type="subscribe", markets=[name], last=5)
            await reader.catch_breath()
            await eventually(lambda: not any(c.held for c in stage.streamer.clients))
            await reader.until("live")
            insert(store, market, 1)
            insert(store, ether, 2)
            await reader.until_trade(2)
            assert reader.ids == [2]

    play(story)


def test_a_market_that_appears_later_joins_a_wildcard(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with (
            staged(database_url, tmp_path) as stage,
            stage.joined("?exchange=kraken") as wild,
            stage.joined("?market=kraken/SOL_USD") as exact,
            stage.joined("?market=coinbase/SOL_USD") as other,
        ):
            assert any(frame["type"] == "error" for frame in exact.frames)
            insert(store, market, 1)
            newcomer = add_market(store, "SOL/USD")
            insert(store, newcomer, 2)
            insert(store, market, 3)
            await wild.until_trade(3)
            await exact.until_trade(2)
            await other.catch_breath()
            assert (wild.ids, exact.ids, other.ids) == ([1, 2, 3], [2], [])

    play(story)


def test_an_unknown_market_is_named_with_similar_ones_and_the_rest_holds(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.client() as reader:
            await stage.live()
            await reader.send(type="subscribe", markets=["kraken/BTC_USDT", "kraken/BTC_USD"])
            error = await reader.until("error")
            assert error["code"] == "unknown_market"
            assert error["market"] == "kraken/BTC_USDT"
            assert error["similar"] == ["kraken/BTC/USD"]
            await reader.until("live")
            insert(store, market, 1)
            await reader.until_trade(1)

    play(story)


BAD_REQUESTS: list[tuple[str | bytes, str]] = [
    ("", "JSON"),
    ("hello", "JSON"),
    ("[]", "object"),
    ("{}", "type"),
    ('{"type":"buy"}', "buy"),
    ('{"type":"subscribe","market":"kraken"}', "market"),
    ('{"type":"subscribe","markets":"kraken"}', "markets"),
    ('{"type":"subscribe","markets":[]}', "markets"),
    ('{"type":"subscribe","markets":[1]}', "markets"),
    ('{"type":"subscribe","markets":[""]}', "markets"),
    ('{"type":"subscribe","markets":[{"exchang":"x"}]}', "exchang"),
    ('{"type":"subscribe","last":-1}', "last"),
    ('{"type":"subscribe","last":"all"}', "last"),
    (f'{{"type":"subscribe","last":{MOST_LAST + 1}}}', "last"),
    ('{"type":"subscribe","cursor":"yesterday"}', "yesterday"),
    ('{"type":"subscribe","cursor":7}', "cursor"),
    ("[" * 5000, "object"),
    ('{"type":"subscribe","markets":' + "[" * 5000, "markets"),
    (b"\x00\xff", "binary"),
]


def test_a_bad_request_is_told_what_is_wrong(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            for request, word in BAD_REQUESTS:
                await reader.connection.send(request)
                error = await reader.until("error")
                assert error["code"] == "bad_request"
                assert word in error["message"], (request, error)
            await reader.catch_breath()
            assert stage.streamer.counters.refused_requests == len(BAD_REQUESTS)

    play(story)


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("?exchanges=kraken", "exchanges"),
        ("?last=many", "last"),
        ("?last=-1", "last"),
        ("?cursor=yesterday", "yesterday"),
        ("?exchange=", "markets"),
        ("?last=1&last=2000", "last"),
    ],
)
def test_a_bad_address_is_told_what_is_wrong(
    query: str, word: str, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.client(query) as reader:
            assert word in (await reader.until("error"))["message"]
            await reader.send(type="subscribe")
            await reader.until("live")

    play(story)


def test_a_cursor_from_the_future_or_elsewhere_is_not_recovered(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    insert(store, market, 1)

    async def story() -> None:
        async with staged(database_url, tmp_path, stream_resume_rows=3) as stage:
            async with stage.joined() as reader:
                cursor = reader.frames[-1]["cursor"]
            insert(store, market, 2, 3, 4, 5)
            place = Cursor.parse(cursor)
            epoch, xmax = place.epoch, place.xmax
            for lost, why in [
                (f"{epoch}-{xmax + 10**9}", "not reached"),
                (f"{epoch}-{xmax};{10**12}.4", "not reached"),
                ("elsewhere-5", "another database"),
                (cursor, "more than 3"),
            ]:
                async with stage.joined(f"?last=1&cursor={lost}") as reader:
                    subscribed = next(f for f in reader.frames if f["type"] == "subscribed")
                    assert subscribed["recovered"] is False
                    assert why in subscribed["reason"]
                    assert reader.ids == [5]
            assert stage.streamer.counters.not_recovered == 4

    play(story)


def test_a_slow_client_is_closed_with_its_cursor_and_slows_nobody(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with (
            staged(database_url, tmp_path, stream_buffer_bytes=100_000) as stage,
            stage.joined(max_queue=1) as slow,
            stage.joined() as quick,
        ):
            last = 0
            while not stage.streamer.counters.slow_clients and last < 200_000:
                insert(store, market, *range(last + 1, last + 501))
                last += 500
                await quick.until_trade(last)
                if any(client.was_slow for client in stage.streamer.clients):
                    break
            assert quick.ids == list(range(1, last + 1))
            closed = await slow.until_closed()
            assert closed.code == 1013
            last = slow.trades[-1]["cursor"]
            place = closed.reason or last  # empty only where it would be longer than 123 bytes
            last_trade = Cursor.parse(last)
            assert Cursor.parse(place).holds(last_trade.tx, last_trade.seq)
            async with stage.joined(f"?cursor={place}") as again:
                assert slow.ids + again.ids == quick.ids

    play(story)


def test_a_client_that_never_reads_is_cut(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with (
            staged(database_url, tmp_path, stream_buffer_bytes=50_000) as stage,
            stage.joined() as quick,
        ):
            deaf = socket.create_connection(("127.0.0.1", int(stage.address.rpartition(":")[2])))
            deaf.sendall(
                b"GET /?last=0 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
            )
            await eventually(lambda: len(stage.streamer.clients) == 2)
            await eventually(lambda: all(c.held is None for c in stage.streamer.clients))
            for first in range(1, 100_000, 500):
                insert(store, market, *range(first, first + 500))
                await quick.until_trade(first + 499)
                if any(c.was_slow for c in stage.streamer.clients):
                    break
            await eventually(lambda: stage.streamer.counters.slow_clients == 1)
            assert len(stage.streamer.clients) == 1
            deaf.close()

    play(story)


def test_a_flood_of_requests_is_closed(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            with suppress(ConnectionClosed):
                for _ in range(MOST_REQUESTS * 10):
                    await reader.send(type="ping")
            closed = await reader.until_closed()
            assert closed.code == 1008
            assert reader.frames[-1].get("code", "too_many_requests") == "too_many_requests"

    play(story)


def test_a_request_that_is_too_large_is_closed(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            await reader.connection.send("x" * 70_000)
            closed = await reader.until_closed()
            assert closed.code == 1009

    play(story)


def test_no_more_clients_than_places(database_url: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path, stream_clients=1) as stage, stage.joined():
            async with stage.client() as surplus:
                closed = await surplus.until_closed()
            assert (closed.code, closed.reason) == (
                1013,
                "all 1 places are taken",
            )

    play(story)


def test_simulated_trades_say_so(empty_database: str, tmp_path: Path) -> None:
    with connect(empty_database, "test") as store:
        migrate(store, simulated=True)
        market = add_market(store)

        async def story() -> None:
            async with staged(empty_database, tmp_path) as stage:
                await stage.live()
                async with stage.joined() as reader:
                    assert reader.frames[0]["simulated"] is True
                    insert(store, market, 1)
                    assert (await reader.until("trade"))["simulated"] is True

        play(story)


words = st.sampled_from(["type", "subscribe", "markets", "last", "cursor", "*", "kraken/BTC_USD"])
values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=4),
    max_leaves=6,
)
requests = st.text(max_size=30) | st.binary(max_size=20) | values.map(json.dumps)
cursors = st.from_regex(r"[0-9a-z]{1,3}-[0-9]{1,3}", fullmatch=True)
subscriptions = st.fixed_dictionaries(
    {"type": st.just("subscribe")},
    optional={"markets": values, "last": values, "cursor": values | cursors},
).map(json.dumps)


def test_whatever_is_sent_gets_an_answer(store: Store, database_url: str, tmp_path: Path) -> None:
    async def answered(reader: Reader, request: str | bytes, stage: Stage) -> None:
        for client in stage.streamer.clients:
            client.requests = 0
        await reader.connection.send(request)
        await reader.until("error", "subscribed", "unsubscribed", "pong")

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            loop = asyncio.get_running_loop()

            @settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
            @given(requests | subscriptions)
            def send(request: str | bytes) -> None:
                asyncio.run_coroutine_threadsafe(answered(reader, request, stage), loop).result(30)

            await loop.run_in_executor(None, send)

    play(story)


def test_a_taken_port_is_named_with_the_setting(database_url: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        streamer_settings = structs.replace(Settings(home=tmp_path), stream_port=port)
        with pytest.raises(PortTaken, match=f"127.0.0.1:{port} .*ALPHAPULSE_STREAM_PORT"):
            play(partial(run_streamer, streamer_settings, database_url))


def test_sigterm_says_goodbye_to_the_clients(
    database_url: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    chosen = structs.replace(Settings(home=tmp_path), stream_port=port)

    async def story() -> None:
        running = asyncio.create_task(run_streamer(chosen, database_url))
        await eventually((tmp_path / "status" / "streamer.json").exists)
        stage = Stage(Streamer(chosen, database_url), port)
        async with stage.joined() as reader:
            os.kill(os.getpid(), signal.SIGTERM)
            closed = await reader.until_closed()
            assert closed.code == 1001
        await running
        assert not (tmp_path / "status" / "streamer.json").exists()

    play(story)
    assert capfd.readouterr().out == f"streamer: ws://127.0.0.1:{port}\n"
