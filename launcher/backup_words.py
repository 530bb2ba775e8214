"""The words of `alphapulse` about backups: backup, restore, drill."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import msgspec

from alphapulse.settings import Settings
from launcher import backup as backups

REFUSALS = backups.REFUSALS


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def backup(settings: Settings, as_json: bool) -> None:
    """Back up the database and the archive to ALPHAPULSE_BACKUP_TO, now."""
    show(backups.made_facts(backups.back_up(settings, os.environ)), as_json=as_json)


@click.command()
@click.option("--from", "place", required=True, help="A directory or s3://bucket/prefix.")
@click.option("--backup", "stamp", help="Which one, by its name; default: the newest.")
@click.option(
    "--home", type=click.Path(file_okay=False, path_type=Path), help="Default: ALPHAPULSE_HOME."
)
@click.option("--dry-run", is_flag=True, help="Only say what it would take.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def restore(
    settings: Settings, place: str, stamp: str | None, home: Path | None, dry_run: bool,
    as_json: bool,
) -> None:  # fmt: skip
    """Bring a lost machine back: files, database, Dagster's history, into an empty home.

    What came after the backup is then fetched from the exchanges, once the collectors run.
    """
    order = backups.Order(place, stamp, home)
    with backups.reaching(place):
        if dry_run:
            show(backups.dry_run(settings, order, os.environ), as_json=as_json)
            return
        facts = backups.restore(settings, order, os.environ, say)
    show(facts, as_json=as_json)
    click.echo("restored; start it, and what came since is fetched from the exchanges", err=True)


def say(text: str) -> None:
    click.echo(text, err=True)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def drill(settings: Settings, as_json: bool) -> None:
    """Restore the newest backup into a scratch server and compare. Exit code 1 if it differs."""
    found = backups.run_drill(settings, os.environ)
    show(backups.drill_facts(found), as_json=as_json)
    sys.exit(0 if found.passed else 1)


def show(facts: Mapping[str, Any], *, as_json: bool) -> None:
    lines = backups.describe(facts)
    click.echo(msgspec.json.encode(facts).decode() if as_json else "\n".join(lines))
