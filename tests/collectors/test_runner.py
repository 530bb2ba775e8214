"""The waiting half, end to end: replay's sockets and faults on one side, real rows on the other."""

import asyncio
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest
from websockets.asyncio.server import ServerConnection, serve

from alphapulse.store.connect import connect
from collectors import runner as runners
from collectors.collector import Collector
from collectors.exchange import Exchange
from collectors.exchanges import EXCHANGES
from replay.faults import (
    Cut,
    Drop,
    Farewell,
    Fault,
    Garbage,
    Hole,
    Refuse,
    Reorder,
    Repeat,
    RestError,
    Silence,
    SlowRest,
)
from replay.server import Replay
from tests.collectors.peer import Shelf, peer, running, soon
from tests.collectors.stage import (
    collecting,
    gaps_of,
    locked_trades,
    settings_for,
    stored_rows,
    until,
    until_equal,
)
from tests.collectors.toy import Toy

MARKETS = {
    "binance": ("BTCUSDT", "ETHUSDT"),
    "coinbase": ("BTC-USD", "ETH-USD"),
    "kraken": ("BTC/USD", "ETH/USD"),
}


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, 60))


@asynccontextmanager
async def stage(
    url: str, home: Path, exchange: str, **how: Any
) -> AsyncIterator[tuple[Replay, Collector]]:
    """Replay and a collector of it; `how`: Replay's arguments, and settings by their names."""
    markets = {exchange: MARKETS[exchange]}
    settings = {name: how.pop(name) for name in ("queue_rows",) if name in how}
    async with Replay(markets, **{"seed": 3, "rate": 120.0, "trades": 400} | how) as replay:
        given = settings_for(home, replay, markets, **settings)
        async with collecting(given, url, exchange) as collector:
            await asyncio.wait_for(first_trades(replay), 20)
            yield replay, collector


async def first_trades(replay: Replay) -> None:
    """What is lost before a market's first stored trade cannot be missed by anybody."""
    while not all(len(tape) > 5 for tapes in replay.tapes.values() for tape in tapes.values()):
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)


async def play(
    url: str, home: Path, exchange: str, faults: Sequence[Fault], **how: Any
) -> dict[str, Any]:
    """A finite run with `faults` spread over it; afterwards the rows equal the tape."""
    async with stage(url, home, exchange, **how) as (replay, collector):
        for fault in faults:
            replay.inject(fault)
            await asyncio.sleep(0.25)
        await replay.wait_finished()
        if faults:
            replay.inject(Cut())  # only a new connection can tell that the very last frame was lost
        await until_equal(url, replay)
        await until(lambda: all_closed(url), "every gap is closed")
        return cast("dict[str, Any]", collector.facts())


def all_closed(url: str) -> bool:
    with connect(url, "test") as store:
        return store.execute("SELECT count(*) FROM gaps WHERE closed_at IS NULL").fetchone() == (0,)


@pytest.mark.parametrize("exchange", MARKETS)
def test_what_replay_publishes_is_stored(exchange: str, database_url: str, tmp_path: Path) -> None:
    run(play_quietly(database_url, tmp_path, exchange))


async def play_quietly(url: str, home: Path, exchange: str) -> None:
    facts = await play(url, home, exchange, [])
    assert facts["feed"]["rejected"] == facts["sink"]["refused"] == facts["feed"]["pauses"] == 0
    assert facts["sink"]["stored"] == 2 * 400
    with connect(url, "test") as store:
        assert gaps_of(store) == []


MISHAPS: dict[str, list[Fault]] = {
    "lines that end": [Cut(), Cut(code=1012), Farewell(seconds=0.1)],
    "frames that go astray": [
        Drop(frames=3),
        Repeat(frames=30),
        Reorder(frames=2),
        Drop(frames=20),
        Reorder(frames=5),
    ],
    "garbage": [Garbage(kind="malformed"), Garbage(kind="unknown"), Garbage(kind="truncated")],
    "a REST that falters": [
        RestError(status=429, retry_after=1.0, requests=2),
        SlowRest(seconds=0.7),
        RestError(status=503),
        Drop(frames=5),
        Cut(),
    ],
}


@pytest.mark.parametrize("mishap", MISHAPS)
@pytest.mark.parametrize("exchange", MARKETS)
def test_after_any_mishap_the_rows_equal_the_tape(
    exchange: str, mishap: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.repair.REST", 0.3)
    run(play_through(database_url, tmp_path, exchange, mishap))


async def play_through(url: str, home: Path, exchange: str, mishap: str) -> None:
    facts = await play(url, home, exchange, MISHAPS[mishap])
    with connect(url, "test") as store:
        assert {state for state, _ in gaps_of(store)} <= {"repaired"}
    match mishap:
        case "frames that go astray":
            assert facts["sink"]["repeated"] > 0
        case "garbage":
            assert facts["feed"]["rejected"] == 3 * facts["feed"]["connections"]
        case "a REST that falters":
            assert facts["repair"]["failures"] > 0


def test_a_line_that_falls_silent_is_left_and_what_it_swallowed_fetched(
    database_url: str, tmp_path: Path
) -> None:
    run(fall_silent(database_url, tmp_path))


async def fall_silent(url: str, home: Path) -> None:
    kraken = {name: getattr(EXCHANGES["kraken"], name) for name in vars(EXCHANGES["kraken"])}
    impatient = cast("Exchange", SimpleNamespace(**kraken | {"SILENCE": 1.0}))
    markets = {"kraken": MARKETS["kraken"]}
    async with Replay(markets, seed=5, rate=100.0, trades=500) as replay:
        collector = Collector(settings_for(home, replay, markets), url, impatient)
        task = asyncio.create_task(collector.run())
        await first_trades(replay)
        replay.inject(Silence(seconds=20))
        await soon(lambda: collector.runner.counters.connections == 2)
        await replay.wait_finished()
        await until_equal(url, replay)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def test_ids_that_never_happened_are_absent_and_all_others_stored(
    database_url: str, tmp_path: Path
) -> None:
    run(play_with_holes(database_url, tmp_path))


async def play_with_holes(url: str, home: Path) -> None:
    facts = await play(url, home, "coinbase", [Hole(symbol="BTC-USD", trades=3), Drop(frames=2)])
    assert facts["repair"]["absent"] == 3
    with connect(url, "test") as store:
        assert {state for state, _ in gaps_of(store)} == {"absent", "repaired"}


@pytest.mark.parametrize("exchange", ["coinbase", "kraken"])
def test_a_refused_market_is_quarantined_alone_and_taken_up_when_served_again(
    exchange: str, database_url: str, tmp_path: Path
) -> None:
    run(refuse_one(database_url, tmp_path, exchange))


async def refuse_one(url: str, home: Path, exchange: str) -> None:
    bad, good = MARKETS[exchange]
    async with stage(url, home, exchange, trades=2000, rate=150.0) as (replay, collector):
        replay.inject(Refuse(exchange=exchange, symbol=bad, seconds=2.0))
        await until(lambda: refusal_of(url, bad), "the refusal is written down")
        assert refusal_of(url, good) is None
        assert collector.facts()["refused"] == [bad]
        before = len(rows(url, exchange, good))
        await until(lambda: len(rows(url, exchange, good)) > before + 50, "the other goes on")
        await asyncio.sleep(2.0)
        collector.runner.refusals.known[bad].due_at = 0.0  # its hour is over
        await until(lambda: refusal_of(url, bad) is None, "the refusal is taken back")
        assert collector.facts()["refused"] == []
        await replay.wait_finished()
        await until_equal(url, replay)


def refusal_of(url: str, symbol: str) -> str | None:
    with connect(url, "test") as store:
        ((refusal,),) = store.execute("SELECT refusal FROM markets WHERE symbol = %s", [symbol])
        return cast("str | None", refusal)


def rows(url: str, exchange: str, symbol: str) -> list[Any]:
    with connect(url, "test") as store:
        return stored_rows(store, exchange, symbol)


def test_a_stalled_database_stops_the_reading_and_nothing_is_lost(
    database_url: str, tmp_path: Path
) -> None:
    run(stall(database_url, tmp_path))


async def stall(url: str, home: Path) -> None:
    async with stage(url, home, "binance", queue_rows=100, rate=300.0, trades=1500) as (
        replay,
        collector,
    ):
        with locked_trades(url):
            await soon(lambda: collector.runner.counters.pauses > 0)
            await asyncio.sleep(1.0)
            assert len(collector.sink.queue) < 1000  # stated: the bound, and one read beyond it
        await replay.wait_finished()
        await until_equal(url, replay)
        facts = cast("dict[str, Any]", collector.facts())
        assert facts["sink"]["times_full"] > 0
        assert facts["feed"]["connections"] == 1
        assert all_closed(url)


@pytest.mark.parametrize("exchange", MARKETS)
def test_database_connections_killed_at_any_moment_of_a_bad_day_cost_nothing(
    exchange: str, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("collectors.repair.REST", 0.2)
    run(kill_connections(database_url, tmp_path, exchange))


KILL = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name ~ 'alphapulse (collector|repair)'"""


async def kill_connections(url: str, home: Path, exchange: str) -> None:
    dice = Random(exchange)
    async with stage(url, home, exchange, rate=300.0, trades=2500) as (replay, collector):
        with connect(url, "admin") as admin:
            while not replay.is_finished:
                await asyncio.sleep(dice.uniform(0.02, 0.3))
                admin.execute(KILL)
                if dice.random() < 0.3:
                    faults: list[Fault] = [Drop(frames=9), Cut(), Repeat(frames=9)]
                    replay.inject(dice.choice(faults))
        await until_equal(url, replay)
        await until(lambda: all_closed(url), "every gap is closed")
        assert collector.sink.counters.reconnects > 5


def test_a_port_where_nobody_listens_is_dialled_again() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        async with running(Toy(), f"ws://127.0.0.1:{port}", Shelf()) as runner:
            await soon(lambda: runner.dialing.failures >= 2)

    run(story())


def test_a_peer_that_never_answers_the_handshake_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runners, "HANDSHAKE", 0.2)

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            url = f"ws://127.0.0.1:{deaf.getsockname()[1]}"
            async with running(Toy(), url, Shelf()) as runner:
                await soon(lambda: runner.dialing.failures >= 2)

    run(story())


def test_a_handshake_that_comes_too_late_makes_no_second_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its trades would go on without anyone watching over the line."""
    monkeypatch.setattr(runners, "DIAL", 0.3)

    async def slow(connection: ServerConnection, request: object) -> None:
        await asyncio.sleep(0.8)

    async def story() -> None:
        closed: list[int | None] = []

        async def attend(connection: ServerConnection) -> None:
            await connection.wait_closed()
            closed.append(connection.close_code)

        async with serve(attend, "127.0.0.1", 0, process_request=slow) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with running(Toy(), url, Shelf()) as runner:
                await soon(lambda: len(closed) >= 1)
                assert runner.counters.connections == 0

    run(story())


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    context = self_signed(tmp_path)

    async def story() -> None:
        async def attend(connection: ServerConnection) -> None:
            await connection.send("A:1")

        async with serve(attend, "127.0.0.1", 0, ssl=context) as server:
            url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            async with running(Toy(), url, Shelf()) as runner:
                await soon(lambda: runner.dialing.failures >= 1)
                assert runner.counters.connections == 0

    run(story())


def test_over_tls_a_silent_line_is_left_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A polite end would wait half a minute for the peer's."""
    context = self_signed(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))

    class Impatient(Toy):
        SILENCE = 1.0

    async def story() -> None:
        lines: list[ServerConnection] = []
        is_over = asyncio.Event()

        async def attend(connection: ServerConnection) -> None:
            lines.append(connection)
            await connection.send("A:1")
            connection.transport.pause_reading()
            await is_over.wait()
            connection.transport.abort()

        async with serve(attend, "127.0.0.1", 0, ssl=context) as server:
            url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}"
            sink = Shelf()
            async with running(Impatient(), url, sink):
                await soon(lambda: len(lines) == 2, 8)
                assert 1 in sink.ids()
            is_over.set()

    run(story())


def self_signed(folder: Path) -> ssl.SSLContext:
    """A server's context with a certificate for 127.0.0.1 that only its own file vouches for."""
    key, certificate = folder / "key.pem", folder / "cert.pem"
    words = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    paths = ["-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(["openssl", *words, *names, *paths], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl command to make a certificate with")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


def test_every_market_refused_means_waiting_and_not_dialling() -> None:
    async def story() -> None:
        async def script(connection: ServerConnection) -> None:
            for symbol in "ABC":
                await connection.send(f"no {symbol}")

        async with peer(script) as there, running(Toy(), there.url, Shelf()) as runner:
            await soon(lambda: runner.refusals.symbols == ["A", "B", "C"])
            await asyncio.sleep(2.5)  # longer than the pause between two calls
            assert len(there.connections) == 1

    run(story())
