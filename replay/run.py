"""Replay as a process of its own: what the command line calls."""

import asyncio
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from alphapulse.settings import Settings
from alphapulse.trade import Micros
from replay.protocols import DIALECTS
from replay.recording import read_recording
from replay.server import Replay

PROGRESS = 60.0  # seconds

log = logging.getLogger("replay")


async def run_replay(
    settings: Settings,
    *,
    seed: int = 1,
    rate: float = 10.0,
    speed: float = 1.0,
    start: Micros | None = None,
    trades: int | None = None,
    recordings: Sequence[Path] = (),
    faults_per_minute: float = 0.0,
) -> None:
    """Serve on `settings.replay_port` until SIGTERM or SIGINT.

    Simulates `settings.markets` (none: two of every exchange), unless `recordings` are given.
    Raises ReplayError or RecordingError where that is impossible.
    """
    markets = {} if recordings else markets_of(settings)
    replay = Replay(
        markets,
        recordings=[read_recording(path) for path in recordings],
        seed=seed,
        rate=rate,
        speed=speed,
        start=start,
        trades=trades,
        port=settings.replay_port,
        faults_per_minute=faults_per_minute,
    )
    stop = stop_signal()
    async with replay:
        print(f"replay: listening on 127.0.0.1:{replay.port}: {offer(replay)}", flush=True)
        while not stop.is_set():
            await wait(stop, PROGRESS)
            log.info("published %s trades", f"{count(replay):,}")
    print("replay: stopped", flush=True)


def markets_of(settings: Settings) -> dict[str, tuple[str, ...]]:
    asked = settings.markets or dict.fromkeys(DIALECTS, ())
    return {name: symbols or tuple(known_markets(name)) for name, symbols in asked.items()}


def known_markets(exchange: str) -> Sequence[str]:
    return DIALECTS[exchange].MARKETS if exchange in DIALECTS else ()


def offer(replay: Replay) -> str:
    kind = "simulated" if replay.about["simulated"] else "recorded"
    return f"{kind} " + "; ".join(f"{name} {' '.join(t)}" for name, t in replay.tapes.items())


def count(replay: Replay) -> int:
    return sum(len(tape) for tapes in replay.tapes.values() for tape in tapes.values())


def stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event, but no longer."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
