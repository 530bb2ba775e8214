"""What a stage is built of: exchanges that wait for their cue, settings, free ports."""

import socket
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from alphapulse.settings import LOOPBACK, Endpoint, Settings
from chaos.plan import MARKETS, PAST, Plan
from replay.clock import Clock, wall
from replay.server import Replay

JOURNAL = 64 * 2**20  # bytes per exchange: three of them fit on the small disk
FAR = 10**15  # microseconds until an exchange begins, unless it is told to
ENOUGH_TAPE = 2  # times the trades of a market that its tape may hold


def replay_of(plan: Plan, exchange: str) -> Replay:
    """An exchange whose clock stands before its first trade until it is set going."""
    markets = [market for market in (*MARKETS, *PAST) if market.exchange == exchange]
    trades = plan.trades_of(exchange)
    replay = Replay(
        {exchange: [market.symbol for market in markets]},
        seed=plan.seed,
        rate=plan.rate_of(exchange),
        start=plan.start,
        trades=trades,
        limit=trades * ENOUGH_TAPE,
    )
    for venue in replay.venues.values():
        venue.clock = Clock(plan.start, wall() + FAR, 1.0)
    return replay


def settings_for(home: Path, replays: Mapping[str, Replay], ports: Sequence[int]) -> Settings:
    endpoints: dict[str, Endpoint] = {name: each.endpoint(name) for name, each in replays.items()}
    markets = {
        name: tuple(market.symbol for market in MARKETS if market.exchange == name)
        for name in replays
    }
    return Settings(
        home=home,
        simulated=True,
        markets=markets,
        endpoints=endpoints,
        journal_bytes=JOURNAL,
        dagster=False,  # its runs are started by chaos itself
        stream_resume_rows=10**9,  # a resume that is not recovered is then always a fault of ours
        postgres_port=ports[0],
        stream_port=ports[1],
    )


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        probes = [stack.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(count)]
        return [int(probe.getsockname()[1]) for probe in probes]
