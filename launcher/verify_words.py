"""The words of `alphapulse` about what is proved: verify, coverage."""

import sys
from pathlib import Path

import click

from alphapulse.settings import Settings
from launcher import verify as verifying
from launcher.ready import ready_database

REFUSALS = verifying.REFUSALS


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
def verify(paths: tuple[Path, ...], as_json: bool) -> None:
    """Recompute what Parquet files certify, from the files alone.

    Each of PATHS is a file or a directory of them. Exit code 1 when one is not what it certifies;
    an incomplete day that says so is what it certifies.
    """
    found = verifying.verify(paths)
    click.echo("\n".join(verifying.render_findings(found, as_json=as_json)))
    sys.exit(0 if all(finding.is_good for finding in found) else 1)


@click.command()
@click.option("--day", help="A UTC date; default: yesterday, today and what is not settled.")
@click.option("--market", help="Such as kraken/BTC_USD; default: all.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def coverage(settings: Settings, day: str | None, market: str | None, as_json: bool) -> None:
    """Judge market-days now: is every trade there, and if not, what is missing."""
    order = verifying.Order.read(day, market)
    with ready_database(settings) as url:
        found = verifying.judge(url, order)
    click.echo("\n".join(verifying.render_coverage(found, as_json=as_json)))
