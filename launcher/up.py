"""`alphapulse up`: the platform in the foreground, one status line per part."""

import asyncio

import click

from alphapulse.settings import Settings
from launcher.status import describe, gather_running
from launcher.supervisor import Supervisor, told_to_stop

FIRST_LINES = 4.0  # seconds until the first status lines
LINES = 10.0  # seconds between two sets of status lines


async def run_up(settings: Settings) -> None:
    """The live exchanges, until told to stop."""
    with told_to_stop() as stop:
        async with Supervisor(settings) as platform:
            click.echo(addresses(settings), err=True)
            await narrate(platform, stop)
    click.echo("stopped", err=True)


def addresses(settings: Settings) -> str:
    return (
        f"dashboard and API: http://{settings.host}:{settings.api_port}   "
        f"trades: ws://{settings.host}:{settings.stream_port}   "
        f"Dagster: http://{settings.host}:{settings.dagster_port}   "
        f"state and logs: {settings.home}"
    )


async def narrate(platform: Supervisor, stop: asyncio.Event) -> None:
    """A status line per part now and then, until `stop`."""
    pause = FIRST_LINES
    while not await is_set_within(stop, pause):
        facts = await asyncio.to_thread(gather_running, platform)
        click.echo("\n".join(describe(facts)), err=True)
        pause = LINES


async def is_set_within(event: asyncio.Event, seconds: float | None) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
