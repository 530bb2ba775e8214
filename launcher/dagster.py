"""`alphapulse dagster`: one of its two processes, where a server starts each by itself."""

import os

import click

from alphapulse.postgres import dagster_url
from alphapulse.settings import Settings
from launcher.part import beside_python
from launcher.parts import dagster_parts, environment_for, prepare_dagster
from launcher.ready import ready_database

PROGRAMS = {"webserver": "dagster-webserver", "daemon": "dagster-daemon"}


class NoServer(Exception):
    """The embedded PostgreSQL ends with whoever started it; the message says what to do."""


@click.command()
@click.argument("program", type=click.Choice([*PROGRAMS, "check"]))
@click.pass_obj
def dagster(settings: Settings, program: str) -> None:
    """Become Dagster's web server or its daemon; `check` exits with 0 while the daemon lives.

    For compose.yaml and systemd; `alphapulse up` starts both. Needs ALPHAPULSE_DATABASE_URL.
    """
    if not settings.database_url:
        raise NoServer("set ALPHAPULSE_DATABASE_URL, or run Dagster with everything else: up")
    with ready_database(settings) as url:
        prepared = prepare_dagster(settings, dagster_url(url))
    environment = environment_for(settings, url) | prepared
    if program == "check":
        command: tuple[str, ...] = (beside_python("dagster-daemon"), "liveness-check")
    else:
        parts = {part.name: part for part in dagster_parts(settings, environment)}
        command = parts[PROGRAMS[program]].command
    os.execve(command[0], command, environment)  # noqa: S606 - a program of ours, by its path
