"""Settings: read once, from the environment and one file, then passed as arguments.

The environment wins over the file `alphapulse.toml` in ALPHAPULSE_HOME. An unknown key in either
refuses to start: a mistyped setting that is silently ignored costs a night of data.
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

PREFIX = "ALPHAPULSE_"
FILE = "alphapulse.toml"
LOOPBACK = "127.0.0.1"

Port: TypeAlias = Annotated[int, Meta(ge=0, le=65_535)]
Positive: TypeAlias = Annotated[int, Meta(ge=1)]
Natural: TypeAlias = Annotated[int, Meta(ge=0)]


class SettingsError(ValueError):
    """A setting that cannot be used; the message names it and says what would do."""


class Endpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """Where an exchange is reached instead of its public address (a proxy, or replay)."""

    ws: str
    rest: str


class Settings(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything an owner may choose. Ports are TCP on `host`; the others say their unit."""

    home: Path = Path(".alphapulse")
    database_url: str | None = None  # None: the embedded PostgreSQL below home
    simulated: bool = False  # marks every row, file and screen as not real
    # By exchange: its symbols (none: its own MARKETS), and other addresses than its public ones.
    markets: dict[str, tuple[str, ...]] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    host: str = LOOPBACK
    postgres_port: Port = 5480
    stream_port: Port = 8766
    dagster: bool = True  # whether up and demo start Dagster's web server and daemon
    dagster_port: Port = 3001
    replay_port: Port = 8770
    queue_rows: Positive = (
        50_000  # trades between socket and database; full: they wait in the journal
    )
    journal_bytes: Natural = 2_147_483_648  # kept per exchange; 0: no journal
    stream_backlog: Natural = 50  # trades of each market that a new stream client gets first
    stream_resume_rows: Natural = 200_000  # rows that a resume may cost; more: recovered false
    stream_buffer_bytes: Positive = 4_194_304  # unsent; beyond it a slow stream client is closed
    stream_clients: Positive = 1_000  # connections that the streamer accepts at once
    first_day: str = "2024-01-01"  # oldest UTC day that the archive knows as a partition
    retention_days: Natural = 30  # UTC days that stay in PostgreSQL besides today; 0: all
    dagster_events_days: Natural = 90  # of Dagster's own events and runs' output; 0: all

    def __post_init__(self) -> None:
        if str(date.fromisoformat(self.first_day)) != self.first_day:
            raise ValueError(f"first_day {self.first_day}: write it as YYYY-MM-DD")

    @property
    def parquet(self) -> Path:
        return self.home / "parquet"

    @property
    def candles(self) -> Path:
        return self.home / "candles"

    @property
    def archive(self) -> Path:
        return self.home / "market_data.duckdb"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from `environment` and the file in its ALPHAPULSE_HOME; raises SettingsError.

    A variable that is set to nothing counts as not set.
    """
    given = {
        name.removeprefix(PREFIX).lower(): read_value(name, text)
        for name, text in environment.items()
        if name.startswith(PREFIX) and text
    }
    home = Path(str(given.get("home", Settings.__struct_defaults__[0]))).absolute()
    merged = read_file(home / FILE) | given | {"home": home}
    try:
        return msgspec.convert(merged, Settings, strict=False, dec_hook=decode_path)
    except msgspec.ValidationError as failure:
        known = ", ".join(Settings.__struct_fields__)
        raise SettingsError(
            f"settings ({PREFIX}… in the environment, or {home / FILE}): {failure}; known: {known}"
        ) from failure


def read_value(name: str, text: str) -> Any:
    """A variable's text as it is; tables such as ALPHAPULSE_MARKETS are given as JSON."""
    if not text.lstrip().startswith("{"):
        return text
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError as failure:
        raise SettingsError(f"{name} is not valid JSON: {failure}") from failure


def read_file(path: Path) -> dict[str, Any]:
    try:
        found = tomllib.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except OSError as failure:
        raise SettingsError(f"{path} cannot be read: {failure.strerror}") from failure
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as failure:
        raise SettingsError(f"{path} is not valid TOML: {failure}") from failure
    if "home" in found:
        raise SettingsError(f"{path}: `home` is where this file lies; set {PREFIX}HOME instead")
    return found


def decode_path(kind: type, value: object) -> object:
    if kind is Path:
        return Path(str(value))
    raise NotImplementedError(kind)


def environment_of(settings: Settings) -> dict[str, str]:
    """The variables that give a child process these very settings (a secret stays where it was)."""
    plain = msgspec.to_builtins(settings, enc_hook=str)
    named = {name: value for name, value in plain.items() if value is not None}
    return {
        PREFIX + name.upper(): value
        if isinstance(value, str)
        else msgspec.json.encode(value).decode()
        for name, value in named.items()
    }
