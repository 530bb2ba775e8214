"""Where assets, checks, sensors and schedules find things: the resource `house`."""

from collections.abc import Callable
from pathlib import Path

from msgspec import Struct

from alphapulse.postgres import Server
from alphapulse.settings import Settings


class House(Struct, frozen=True):
    """`url` is asked for anew each time: definitions load before there is a database."""

    parquet: Path
    archive: Path
    url: Callable[[], str]
    settings: Settings = Settings()

    @property
    def candles(self) -> Path:
        """Beside the trades, as in `Settings.candles`."""
        return self.parquet.with_name("candles")


def house_of(settings: Settings) -> House:
    return House(settings.parquet, settings.archive, lambda: url_of(settings), settings)


def url_of(settings: Settings) -> str:
    """The database's address. The embedded server is started by the launcher, never here."""
    return settings.database_url or Server(settings.home, settings.postgres_port).url()
