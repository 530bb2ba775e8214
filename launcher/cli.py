"""`alphapulse`: one word for each thing an owner does.

Errors that the user can mend are one line, not a traceback.
"""

import asyncio
import logging
import os
import sys

import click
import msgspec

from alphapulse.migrate import migrate
from alphapulse.postgres import database
from alphapulse.postgres.logins import own_logins
from alphapulse.settings import Settings, read_settings
from alphapulse.store.connect import connect
from collectors.collector import collect
from collectors.exchanges import DEFAULT
from launcher import data
from launcher.alerts import alerts
from launcher.dagster import dagster
from launcher.demo import run_demo
from launcher.ready import ready_database
from launcher.roles import roles
from launcher.running import run
from launcher.status import describe, gather
from launcher.up import run_up
from launcher.words import Words
from streamer.server import run_streamer


@click.group(cls=Words)
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
        entry = url if settings.database_url else own_logins(settings, url).streamer
        run(lambda: run_streamer(settings, entry))


for word in (data.load, data.backfill, data.journal, roles, dagster, alerts):
    main.add_command(word)
