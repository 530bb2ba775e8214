"""`alphapulse api`."""

import click

from alphapulse.postgres.logins import reader_address
from alphapulse.settings import Settings
from api.server import PortTaken, run_api
from launcher.ready import ready_database
from launcher.running import run

REFUSALS = (PortTaken,)


@click.command(name="api")
@click.option("--only", type=click.Choice(["stats"]), help="The market statistics alone.")
@click.option("--port", type=click.IntRange(0, 65535), help="Instead of ALPHAPULSE_API_PORT.")
@click.pass_obj
def api(settings: Settings, only: str | None, port: int | None) -> None:
    """Serve what is stored over HTTP, and the dashboard, until stopped. It writes nothing."""
    reader = settings.reader_url
    if reader is not None:
        run(lambda: run_api(settings, reader, only=only, port=port))
        return
    with ready_database(settings, may_be_away=True) as url:
        address = reader_address(settings, url) or url
        run(lambda: run_api(settings, address, only=only, port=port))
