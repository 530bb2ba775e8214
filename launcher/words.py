"""The words of `alphapulse`; those that need much are loaded when they are said.

Arrow, DuckDB and the web server are a second and 100 MB of every process that imports them.
"""

import sys
from importlib import import_module
from typing import Any

import click

from alphapulse.migrate import MigrationError
from alphapulse.postgres import PostgresError
from alphapulse.settings import SettingsError
from alphapulse.store.claims import AlreadyCollected
from alphapulse.store.connect import StoreUnavailable
from alphapulse.store.databases import DatabaseRefused
from alphapulse.store.roles import RolesRefused
from collectors.collector import SinkDied, UnknownExchange
from collectors.journal import JournalUnfit
from collectors.journal_folder import JournalTaken
from launcher import data
from launcher.dagster import NoServer
from launcher.ports import PortTaken
from launcher.supervisor import AlreadyRunning, HomeUnfinished
from streamer.server import PortTaken as StreamPortTaken

# Each module has its words by their names, and a tuple REFUSALS.
LATER = {
    "api": "launcher.api_words",
    "backup": "launcher.backup_words",
    "coverage": "launcher.verify_words",
    "drill": "launcher.backup_words",
    "replay": "launcher.replay_words",
    "restore": "launcher.backup_words",
    "retention": "launcher.retention",
    "verify": "launcher.verify_words",
}
REFUSALS = (
    SettingsError, PostgresError, StoreUnavailable, DatabaseRefused, MigrationError, RolesRefused,
    AlreadyCollected, UnknownExchange, SinkDied, PortTaken, AlreadyRunning,
    StreamPortTaken, JournalTaken, JournalUnfit, HomeUnfinished, NoServer,
    *data.REFUSALS,
)  # fmt: skip


def refusals() -> tuple[type[Exception], ...]:
    """What a user can mend. A module that was not loaded has raised nothing."""
    loaded = [sys.modules[name] for name in set(LATER.values()) if name in sys.modules]
    return (*REFUSALS, *(refusal for module in loaded for refusal in module.REFUSALS))


class Words(click.Group):
    """Turns the errors that a user can mend into one clear line and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *LATER})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in LATER:
            found: click.Command = getattr(import_module(LATER[cmd_name]), cmd_name)
            return found
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except refusals() as failure:
            raise click.ClickException(str(failure)) from failure
