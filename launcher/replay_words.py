"""`alphapulse replay`."""

from datetime import UTC, datetime
from pathlib import Path

import click

from alphapulse.settings import Settings
from alphapulse.trade import Micros
from launcher.running import run
from replay.recording import RecordingError
from replay.run import run_replay
from replay.server import ReplayError

REFUSALS = (RecordingError, ReplayError)


@click.command()
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same market.")
@click.option("--rate", default=10.0, show_default=True, help="Trades per second and market.")
@click.option(
    "--speed", default=1.0, show_default=True, help="Times real time; 0: as fast as it is read."
)
@click.option(
    "--start",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S"]),
    help="UTC instant at which the simulated markets begin (default: now).",
)
@click.option("--trades", type=int, help="End each market after so many trades.")
@click.argument(
    "recordings", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.pass_obj
def replay(
    settings: Settings, seed: int, rate: float, speed: float, start: datetime | None,
    trades: int | None, recordings: tuple[Path, ...],
) -> None:  # fmt: skip
    """Be an exchange: serve simulated markets, or recorded frames, in its own protocol."""
    run(
        lambda: run_replay(
            settings,
            seed=seed,
            rate=rate,
            speed=speed,
            start=None if start is None else utc_micros(start),
            trades=trades,
            recordings=recordings,
        )
    )


def utc_micros(moment: datetime) -> Micros:
    """Microseconds since the epoch; without an offset it is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1_000_000)
