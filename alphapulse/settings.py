"""Settings: read once, from the environment and one file, then passed as arguments.

The environment wins over the file `alphapulse.toml` in ALPHAPULSE_HOME. An unknown key in either
refuses to start: a mistyped setting that is silently ignored costs a night of data.
"""

import tomllib
from collections.abc import Mapping
from datetime import date
from ipaddress import ip_network
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import msgspec
from msgspec import Meta, Struct, field

PREFIX = "ALPHAPULSE_"
FILE = "alphapulse.toml"
LOOPBACK = "127.0.0.1"
SHORTEST_SECRET = 16  # characters
SHORTEST_TOKEN = 16  # characters

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
    compact_after_days: Natural = 35  # a month over for longer becomes one file per market
    compact_below_bytes: Natural = 1_048_576  # where its days' files are smaller; 0: never
    alert_webhook: str | None = None  # where alerts are sent as JSON (Slack's form); a secret
    alert_smtp: str | None = None  # smtp://user:password@host:587, or smtps://; a secret
    alert_mail_from: str = "alphapulse@localhost"
    alert_mail_to: tuple[str, ...] = ()  # none: no mail
    alert_gap_minutes: Positive = 15  # that a gap may be open before somebody is told
    alert_disk_free_percent: Natural = 10  # of a disk; less is told, a quarter of it is critical
    alert_disk_free_bytes: Natural = 5_368_709_120  # the same in bytes; either may be crossed
    alert_messages_per_hour: Positive = 20  # of each channel; what waits is told in the next one
    alert_remind_hours: Natural = 0  # after which what still stands is told again; 0: never
    alert_link: str | None = None  # Dagster's address in alerts; None: host and dagster_port
    # A directory by its absolute path, or s3://bucket/prefix (its keys: AWS_…); None: no backups.
    backup_to: str | None = None
    backup_keep: Positive = 7  # backups of the database that are kept
    retention_days: Natural = 30  # UTC days that stay in PostgreSQL besides today; 0: all
    dagster_events_days: Natural = 90  # of Dagster's own events and runs' output; 0: all
    # Whoever only reads enters by it; None: the embedded server's own reader, else database_url.
    reader_url: str | None = None
    writer_password: str | None = None  # what `alphapulse roles` gives them; secrets, as is every
    streamer_password: str | None = None  # address with a password
    reader_password: str | None = None
    # Browser pages that may connect to the stream: "https://host", "https://host:port", "*".
    # None given: pages of this machine, and of the name by which the streamer was reached.
    stream_origins: tuple[str, ...] = ()
    stream_token: str | None = None  # what stream clients must know; a secret; None: nothing
    stream_clients_per_address: Positive = 100  # of stream_clients; this machine's own: all
    stream_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For is believed, besides ours
    statistics_seconds_days: Natural = 3  # of statistics by the second; 0: all
    statistics_minutes_days: Natural = 400  # of those by the minute; 0: all
    metrics_port: Port = 0  # loopback; streamer here, api + 1, collectors + 2…; 0: none
    api_port: Port = 5000  # the HTTP API and the dashboard
    api_token: str | None = None  # for POST /v1/backfills; a secret; None: refused
    api_hosts: tuple[str, ...] = ()  # names by which browsers may reach the API besides localhost
    api_origins: tuple[str, ...] = ()  # other sites whose pages may read the API; none: only ours
    api_requests_per_second: Natural = 200  # from one address; 0: any number
    # What the dashboard links and connects to; None: this machine at the ports above.
    public_stream_url: str | None = None
    public_grafana_url: str | None = None
    public_dagster_url: str | None = None

    def __post_init__(self) -> None:
        if str(date.fromisoformat(self.first_day)) != self.first_day:
            raise ValueError(f"first_day {self.first_day}: write it as YYYY-MM-DD")
        check_address("alert_webhook", self.alert_webhook, "https://", "http://")
        check_address("alert_smtp", self.alert_smtp, "smtp://", "smtps://")
        check_address("public_stream_url", self.public_stream_url, "wss://", "ws://")
        check_address("public_grafana_url", self.public_grafana_url, "https://", "http://")
        check_address("public_dagster_url", self.public_dagster_url, "https://", "http://")
        if self.api_token is not None and len(self.api_token) < SHORTEST_TOKEN:
            raise ValueError(f"api_token: use at least {SHORTEST_TOKEN} characters")
        if self.backup_to is not None:
            refuse_place(self.backup_to, self.home)
        check_address("reader_url", self.reader_url, "postgresql://", "postgres://")
        check_secret("stream_token", self.stream_token)
        for network in self.stream_proxies:
            ip_network(network)

    @property
    def parquet(self) -> Path:
        return self.home / "parquet"

    @property
    def candles(self) -> Path:
        return self.home / "candles"

    @property
    def archive(self) -> Path:
        return self.home / "market_data.duckdb"


def check_address(name: str, value: str | None, *begins: str) -> None:
    """Raises ValueError, which does not show the address: it may hold a password."""
    if value is not None and not value.startswith(begins):
        raise ValueError(f"{name}: it must begin with {' or '.join(begins)}")


def check_secret(name: str, value: str | None) -> None:
    """Raises ValueError, which does not show it."""
    if value is not None and len(value) < SHORTEST_SECRET:
        raise ValueError(
            f"{name}: at least {SHORTEST_SECRET} characters, such as `openssl rand -hex 24` gives"
        )


def refuse_place(place: str, home: Path) -> None:
    """A place for backups is far from what it backs up, and holds no secret in its name."""
    if place.startswith("s3://"):
        if not place.removeprefix("s3://").strip("/") or "@" in place:
            raise ValueError(
                "backup_to: write s3://bucket/prefix; keys belong in AWS_ACCESS_KEY_ID…"
            )
    elif not place.startswith("/"):
        raise ValueError(f"backup_to {place}: write an absolute path or s3://bucket/prefix")
    elif Path(place).is_relative_to(home.absolute()):
        raise ValueError(f"backup_to {place} lies below {home}, and would be lost with it")


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
    """A variable's text as it is; tables and lists (ALPHAPULSE_MARKETS) are given as JSON."""
    if not text.lstrip().startswith(("{", '["', "[]")):
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
    """The variables that give a child process these very settings (a secret stays where it was).

    None becomes nothing, so that a variable of ours that says otherwise does not reach it.
    """
    plain = msgspec.to_builtins(settings, enc_hook=str)
    named = {name: "" if value is None else value for name, value in plain.items()}
    return {
        PREFIX + name.upper(): value
        if isinstance(value, str)
        else msgspec.json.encode(value).decode()
        for name, value in named.items()
    }
