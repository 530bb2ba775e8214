"""The words of `alphapulse` about what is stored: load, backfill, journal."""

import sys
from pathlib import Path

import click
import msgspec

from alphapulse.settings import Settings
from collectors.exchanges import EXCHANGES
from launcher import backfill as backfilling
from launcher import journal as journals
from launcher.load import LoadError, load_files
from launcher.ready import ready_database

REFUSALS = (LoadError, journals.NoJournal, journals.BadTime, *backfilling.REFUSALS)


@click.command()
@click.option(
    "--exchange", required=True, type=click.Choice(sorted(EXCHANGES)), help="Whose frames they are."
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.pass_obj
def load(settings: Settings, exchange: str, files: tuple[Path, ...]) -> None:
    """Store recorded frames: JSON lines {"recv_ns", "raw"}, plain, .gz or .zst."""
    with ready_database(settings) as url:
        counts = load_files(url, EXCHANGES[exchange], files)
    click.echo(msgspec.json.encode(counts).decode())


@click.command()
@click.option("--market", help="Such as kraken/BTC-USD.")
@click.option("--from", "since", help="A date or RFC 3339 time, UTC; included.")
@click.option("--to", "until", help="The same, not included; default: now.")
@click.option("--gap", "gap_id", type=int, help="Fill this gap of market_gaps instead.")
@click.option("--dry-run", is_flag=True, help="Only say what it would take.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def backfill(
    settings: Settings, market: str | None, since: str | None, until: str | None,
    gap_id: int | None, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Load past trades of a market from its exchange. Goes on where the same command ended.

    Exit code 130 after Ctrl-C; what is stored by then stays, and nothing is asked for twice.
    """
    order = backfilling.Order(market, since, until, gap_id)
    with ready_database(settings) as url:
        code = backfilling.backfill(settings, url, order, dry_run=dry_run, as_json=as_json)
    sys.exit(code)


@click.group()
def journal() -> None:
    """Look through the raw frames that were received, and read them again."""


@journal.command(name="verify")
@click.argument("exchange", required=False)
@click.pass_obj
def verify_journal(settings: Settings, exchange: str | None) -> None:
    """Check every byte. Exit code 1 when something is damaged; a torn end is told, but harmless."""
    verdicts = journals.verify(settings, exchange)
    for verdict in verdicts:
        click.echo("\n".join(journals.describe_verdict(verdict)))
    sys.exit(1 if any(verdict.damages for verdict in verdicts) else 0)


@journal.command(name="stats")
@click.argument("exchange", required=False)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def stats_of_journal(settings: Settings, exchange: str | None, as_json: bool) -> None:
    """Say what is in it, and how far the store is behind."""
    found = journals.stats(settings, exchange)
    lines = (line for one in found for line in journals.describe_stats(one))
    click.echo(msgspec.json.encode(found).decode() if as_json else "\n".join(lines))


@journal.command(name="replay")
@click.argument("exchange", type=click.Choice(sorted(EXCHANGES)))
@click.option("--since", help="Only what was received from this time on (RFC 3339, UTC).")
@click.option("--dead", is_flag=True, help="Only the frames that were refused.")
@click.pass_obj
def replay_journal(settings: Settings, exchange: str, since: str | None, dead: bool) -> None:
    """Parse and store the frames again; nothing is stored twice. Not while it is collected."""
    with ready_database(settings) as url:
        counts = journals.replay(settings, url, EXCHANGES[exchange], since, dead=dead)
    click.echo(msgspec.json.encode(counts).decode())
