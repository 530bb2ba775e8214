"""`alphapulse`: one word for each thing an owner does.

Errors that the user can mend are one line, not a traceback.
"""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import uvloop

from alphapulse.migrate import MigrationError, migrate
from alphapulse.postgres import PostgresError, database
from alphapulse.settings import Settings, SettingsError, read_settings
from alphapulse.store.claims import AlreadyCollected
from alphapulse.store.connect import StoreUnavailable, connect
from alphapulse.store.databases import DatabaseRefused
from alphapulse.trade import Micros
from api.server import PortTaken as ApiPortTaken
from api.server import run_api
from collectors.collector import SinkDied, UnknownExchange, collect
from collectors.exchanges import DEFAULT
from collectors.journal import JournalUnfit
from collectors.journal_folder import JournalTaken
from launcher import backup_words as backups
from launcher import data
from launcher.alerts import alerts
from launcher.demo import run_demo
from launcher.ports import PortTaken
from launcher.ready import ready_database
from launcher.retention import retention
from launcher.status import describe, gather
from launcher.supervisor import AlreadyRunning, HomeUnfinished
from launcher.up import run_up
from replay.recording import RecordingError
from replay.run import run_replay
from replay.server import ReplayError
from streamer.server import PortTaken as StreamPortTaken
from streamer.server import run_streamer

REFUSALS = (
    SettingsError, PostgresError, StoreUnavailable, DatabaseRefused, MigrationError,
    AlreadyCollected, UnknownExchange, SinkDied, PortTaken, AlreadyRunning, ReplayError,
    RecordingError, StreamPortTaken, ApiPortTaken, JournalTaken, JournalUnfit, HomeUnfinished,
    *data.REFUSALS, *backups.REFUSALS,
)  # fmt: skip


class Refusing(click.Group):
    """Turns the errors that a user can mend into one clear line and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except REFUSALS as failure:
            raise click.ClickException(str(failure)) from failure


@click.group(cls=Refusing)
@click.version_option(package_name="alphapulse")
@click.option("--verbose", is_flag=True, help="Say more in the log.")
@click.pass_context
def main(context: click.Context, verbose: bool) -> None:
    """AlphaPulse: every public trade, stored once, pushed at once, archived and checked.

    All state lies under ALPHAPULSE_HOME (.alphapulse in this directory unless you say otherwise).
    """
    logging.basicConfig(
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for chatty in ("httpx", "httpcore", "websockets"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    context.obj = read_settings(os.environ)


@main.command()
@click.option(
    "--seconds", type=click.FloatRange(min=1), help="End by itself and print a JSON summary."
)
@click.pass_obj
def demo(settings: Settings, seconds: float | None) -> None:
    """Run the whole platform on simulated exchanges, in a data directory of its own."""
    summary = asyncio.run(run_demo(settings, seconds))
    if summary is not None:
        click.echo(msgspec.json.format(msgspec.json.encode(summary)).decode())
        sys.exit(0 if summary["ok"] else 1)


@main.command()
@click.pass_obj
def up(settings: Settings) -> None:
    """Run the whole platform on the live exchanges until Ctrl-C."""
    asyncio.run(run_up(settings))


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def status(settings: Settings, as_json: bool) -> None:
    """Say what runs, what is stored, and what is wrong. Exit code 1 when something is."""
    facts = gather(settings)
    click.echo(msgspec.json.encode(facts).decode() if as_json else "\n".join(describe(facts)))
    sys.exit(0 if facts["ok"] else 1)


@main.command(name="migrate")
@click.pass_obj
def migrate_command(settings: Settings) -> None:
    """Bring the database's schema up to date."""
    with database(settings) as url, connect(url, "migrate") as store:
        applied = migrate(store, simulated=settings.simulated)
    click.echo(f"applied: {', '.join(applied)}" if applied else "the schema is up to date")


@main.command(name="collect")
@click.option(
    "--exchange", "names", multiple=True, help="Only these; default: all in the settings."
)
@click.pass_obj
def collect_command(settings: Settings, names: tuple[str, ...]) -> None:
    """Collect trades from the exchanges' WebSockets until stopped."""
    wanted = names or tuple(settings.markets) or DEFAULT

    async def together(url: str) -> None:
        async with asyncio.TaskGroup() as group:
            for name in wanted:
                group.create_task(collect(settings, url, name))

    with ready_database(settings, may_be_away=True) as url:
        run(lambda: together(url))


@main.command()
@click.pass_obj
def stream(settings: Settings) -> None:
    """Push stored trades to WebSocket clients until stopped."""
    with ready_database(settings) as url:
        run(lambda: run_streamer(settings, url))


@main.command(name="api")
@click.option("--only", type=click.Choice(["stats"]), help="The market statistics alone.")
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of ALPHAPULSE_API_PORT.")
@click.pass_obj
def api_command(settings: Settings, only: str | None, port: int | None) -> None:
    """Serve what is stored over HTTP, and the dashboard, until stopped. It writes nothing."""
    reader = getattr(settings, "reader_url", None)
    if reader is not None:
        run(lambda: run_api(settings, reader, only=only, port=port))
        return
    with ready_database(settings, may_be_away=True) as url:
        run(lambda: run_api(settings, url, only=only, port=port))


@main.command()
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


for word in (data.load, data.backfill, data.journal, data.verify, data.coverage):
    main.add_command(word)
for word in (alerts, retention, backups.backup, backups.restore, backups.drill):
    main.add_command(word)


def run(main_part: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run until done or told to stop; SIGTERM and Ctrl-C are clean ends."""

    async def until_told() -> None:
        task = asyncio.ensure_future(main_part())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, task.cancel)
        try:
            await task
        except asyncio.CancelledError:
            return

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(until_told())
    except* REFUSALS as group:
        raise first(group) from None


def utc_micros(moment: datetime) -> Micros:
    """Microseconds since the epoch; without an offset it is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1_000_000)


def first(group: BaseExceptionGroup[Any]) -> BaseException:
    found: BaseException = group
    while isinstance(found, BaseExceptionGroup):
        found = found.exceptions[0]
    return found
