import asyncio
import logging
import os
import signal
from pathlib import Path

import httpx
import pytest

from alphapulse.settings import Settings
from replay.run import known_markets, markets_of, run_replay
from replay.server import Replay, ReplayError
from tests.replay.talk import DEADLINE, MARKETS
from tests.replay.test_recording import frames, written


async def served(settings: Settings, capsys: pytest.CaptureFixture[str], **given: object) -> str:
    """What the process says from its start to its end by SIGTERM, with its front page between."""
    task = asyncio.create_task(run_replay(settings, **given))  # type: ignore[arg-type]
    said = ""
    async with asyncio.timeout(DEADLINE):
        while "listening on" not in said:
            await asyncio.sleep(0.01)
            said += capsys.readouterr().out
        port = said.split("127.0.0.1:")[1].split(":")[0]
        async with httpx.AsyncClient() as client:
            said += (await client.get(f"http://127.0.0.1:{port}/")).text
        os.kill(os.getpid(), signal.SIGTERM)
        await task
    return said + capsys.readouterr().out


def test_one_line_says_where_and_what_and_a_signal_ends_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings = Settings(replay_port=0, markets={"kraken": ("BTC/USD", "ETH/USD")})
    said = asyncio.run(served(settings, capsys))
    assert said.startswith("replay: listening on 127.0.0.1:")
    assert ": simulated kraken BTC/USD ETH/USD\n" in said.replace('{"', '\n{"')
    assert '"simulated":{"kraken":["BTC/USD","ETH/USD"]}' in said
    assert said.endswith("replay: stopped\n")


def test_recordings_are_played_instead_of_markets(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = written(tmp_path / "a.jsonl", frames())
    settings = Settings(replay_port=0, markets={"kraken": ("BTC/USD",)})
    said = asyncio.run(served(settings, capsys, recordings=[path]))
    assert "recorded coinbase BTC-USD" in said
    assert '"recorded":["coinbase"]' in said


def test_without_markets_every_exchange_has_its_own() -> None:
    assert markets_of(Settings()) == {
        "binance": ("BTCUSDT", "ETHUSDT"),
        "coinbase": ("BTC-USD", "ETH-USD"),
        "coinbase-advanced": ("BTC-USD", "ETH-USD"),
        "kraken": ("BTC/USD", "ETH/USD"),
    }
    assert markets_of(Settings(markets={"kraken": ()})) == {"kraken": ("BTC/USD", "ETH/USD")}
    assert known_markets("bitmex") == ()


def test_a_taken_port_is_a_clear_error() -> None:
    async def story() -> None:
        async with Replay(MARKETS) as replay:
            with pytest.raises(ReplayError, match=f"port {replay.port} is taken"):
                await run_replay(Settings(replay_port=replay.port))

    asyncio.run(story())


def test_an_unknown_exchange_is_a_clear_error() -> None:
    with pytest.raises(ReplayError, match="does not speak 'bitmex'"):
        asyncio.run(run_replay(Settings(markets={"bitmex": ("XBT",)}, replay_port=0)))


def test_a_crash_inside_is_told_loudly(caplog: pytest.LogCaptureFixture) -> None:
    """A feed that fails must not look like a quiet market."""

    async def story() -> None:
        replay = Replay({"kraken": ["BTC/USD"]}, rate=100)
        replay.venues["kraken"].feed.next_at = broken  # type: ignore[method-assign]
        async with replay:
            await asyncio.sleep(0.05)

    def broken() -> int:
        raise RuntimeError("broken feed")

    with caplog.at_level(logging.CRITICAL):
        asyncio.run(story())
    assert "replay is broken: RuntimeError('broken feed')" in caplog.text
