"""The archive of one home, open for a question, with the live store behind it where it answers."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct

from alphapulse.archive import reading
from alphapulse.postgres import PostgresError, Server
from alphapulse.settings import PREFIX, Settings, read_settings
from alphapulse.store.connect import StoreUnavailable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Home: TypeAlias = Path | str | None


class NothingHere(FileNotFoundError):
    """Neither an archive nor a store that answers; the message says where was looked."""


class ArchivedOnly(UserWarning):
    """What is newer than the archive could not be read; the message says until when it goes."""


class Session(Struct, frozen=True):
    """`why_not_live` is None where the live store answers too."""

    duck: "DuckDBPyConnection"
    why_not_live: str | None

    def warn_of_end(self, complete_until: datetime | None, end: datetime) -> None:
        """Say that data up to `end` was wanted, and that it may lack what is not archived."""
        if self.why_not_live is None or (complete_until and complete_until >= end):
            return
        until = f"{complete_until:%Y-%m-%d %H:%M} UTC" if complete_until else "nothing is archived"
        warnings.warn(
            f"{self.why_not_live}: only what is archived was read, complete until: {until}",
            ArchivedOnly,
            stacklevel=3,  # the line that called load_…
        )


def open_archive(*, home: Home = None) -> "DuckDBPyConnection":
    """An open DuckDB with the views trades, candles, coverage, gaps and markets; close it.

    `home`: the platform's directory; None: ALPHAPULSE_HOME's, or `.alphapulse`. Raises NothingHere
    and SettingsError; warns ArchivedOnly where the live store does not answer.
    """
    session = begin(home)
    if session.why_not_live:
        warnings.warn(f"{session.why_not_live}: only archived days", ArchivedOnly, stacklevel=2)
    return session.duck


@contextmanager
def opened(home: Home) -> Iterator[Session]:
    session = begin(home)
    try:
        yield session
    finally:
        session.duck.close()


def begin(home: Home) -> Session:
    given = {} if home is None else {f"{PREFIX}HOME": str(Path(home).expanduser())}
    settings = read_settings(os.environ | given)
    url, why_not = find_store(settings)
    if url is not None:
        try:
            return Session(reading.open_archive(settings.archive, store_url=url), None)
        except StoreUnavailable:
            why_not = "the live store does not answer"
    if not settings.archive.exists():
        raise NothingHere(
            f"{settings.home} has no archive ({settings.archive.name}), and {why_not}: name the "
            f"platform's directory by home=… or {PREFIX}HOME, or start it with `alphapulse up`"
        )
    return Session(reading.open_archive(settings.archive), why_not)


def find_store(settings: Settings) -> tuple[str | None, str]:
    """The store's address; or None, and why there is none. An address is a secret."""
    if settings.database_url:
        return settings.database_url, ""
    server = Server(settings.home, settings.postgres_port)
    try:
        if server.is_running():
            return server.url(), ""
    except PostgresError:
        return None, "the embedded PostgreSQL's password is not ours to read"
    return None, "the embedded PostgreSQL does not run"
