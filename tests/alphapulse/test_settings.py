"""Settings are read once, and nothing mistyped is passed over in silence."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.settings import (
    FILE,
    Endpoint,
    Settings,
    SettingsError,
    environment_of,
    read_settings,
)

NAMES = st.text(st.characters(codec="ascii", categories=["Ll", "Lu", "Nd"]), min_size=1, max_size=8)
PORTS = st.integers(0, 65_535)
VALID = st.builds(
    Settings,
    home=NAMES.map(lambda name: Path("/nowhere") / name),
    database_url=st.none() | NAMES.map(lambda name: f"postgresql:///{name}"),
    simulated=st.booleans(),
    markets=st.dictionaries(NAMES, st.lists(NAMES, max_size=3).map(tuple), max_size=3),
    endpoints=st.dictionaries(NAMES, st.builds(Endpoint, ws=NAMES, rest=NAMES), max_size=3),
    host=NAMES.map(lambda name: "h" + name),
    postgres_port=PORTS,
    stream_port=PORTS,
    dagster=st.booleans(),
    queue_rows=st.integers(1, 10**9),
    journal_bytes=st.integers(0, 10**12),
    stream_backlog=st.integers(0, 10**6),
    first_day=st.dates().map(str),
)


def read(home: Path, **given: str) -> Settings:
    own = {f"ALPHAPULSE_{name.upper()}": text for name, text in given.items()}
    return read_settings({"PATH": "/bin", "ALPHAPULSE_HOME": str(home)} | own)


def test_nothing_given_means_the_defaults_below_this_directory() -> None:
    found = read_settings({})
    assert found.home == Path(".alphapulse").absolute()
    assert (found.database_url, found.simulated, found.markets) == (None, False, {})
    assert found.parquet == found.home / "parquet"
    assert found.archive.parent == found.home


@given(VALID)
def test_a_child_process_gets_these_very_settings(settings: Settings) -> None:
    assert read_settings(environment_of(settings)) == settings


def test_a_child_is_not_told_otherwise_by_what_its_parent_inherited() -> None:
    ours = {"ALPHAPULSE_BACKUP_TO": "/mnt/backup"}
    assert read_settings(ours | environment_of(Settings(home=Path("/nowhere")))).backup_to is None


def test_tables_are_json_in_the_environment(tmp_path: Path) -> None:
    found = read(tmp_path, markets=' {"kraken": ["BTC/USD"]}', simulated="true", queue_rows="7")
    assert found.markets == {"kraken": ("BTC/USD",)}
    assert (found.simulated, found.queue_rows) == (True, 7)


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    text = 'stream_port = 1\nhost = "::1"\n[markets]\nkraken = ["BTC/USD"]\n'
    (tmp_path / FILE).write_text(text)
    found = read(tmp_path, stream_port="2")
    assert (found.stream_port, found.host) == (2, "::1")
    assert found.markets == {"kraken": ("BTC/USD",)}


def test_a_variable_set_to_nothing_counts_as_not_set(tmp_path: Path) -> None:
    """As compose files write it: ALPHAPULSE_DATABASE_URL=${DATABASE_URL:-}."""
    assert read(tmp_path, database_url="", queue_rows="") == read(tmp_path)
    assert read_settings({"ALPHAPULSE_HOME": ""}).home == Path(".alphapulse").absolute()


WRONG: dict[str, dict[str, str]] = {
    "stream_prot": {"stream_prot": "8766"},
    "stream_port": {"stream_port": "many"},
    "postgres_port": {"postgres_port": "65536"},
    "queue_rows": {"queue_rows": "0"},
    "journal_bytes": {"journal_bytes": "-1"},
    "stream_backlog": {"stream_backlog": "-1"},
    "stream_clients": {"stream_clients": "0"},
    "simulated": {"simulated": "perhaps"},
    "isoformat": {"first_day": "yesterday"},
    "write it as YYYY-MM-DD": {"first_day": "20240101"},
    "endpoints": {"endpoints": '{"kraken": {"ws": "ws://here"}}'},
    "ALPHAPULSE_MARKETS is not valid JSON": {"markets": '{"kraken": '},
    "markets": {"markets": "kraken"},
    "alert_webhook: it must begin with https": {"alert_webhook": "hooks.example.org"},
    "alert_smtp: it must begin with smtp": {"alert_smtp": "http://mail.example.org"},
    "ALPHAPULSE_ALERT_MAIL_TO is not valid JSON": {"alert_mail_to": '["a@b"'},
    "backup_to backups: write an absolute path": {"backup_to": "backups"},
    "keys belong in AWS_ACCESS_KEY_ID": {"backup_to": "s3://key:secret@bucket/x"},
    "write s3://bucket/prefix": {"backup_to": "s3://"},
    "backup_keep": {"backup_keep": "0"},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_refuses_to_start_and_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read(tmp_path, **WRONG[name])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("stream_port = ", "is not valid TOML"),
        ("colour = 'red'", "colour"),
        ("home = '/elsewhere'", "set ALPHAPULSE_HOME instead"),
        ("queue_rows = 0", "queue_rows"),
    ],
)
def test_a_wrong_file_refuses_to_start_and_is_named(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / FILE).write_text(text)
    with pytest.raises(SettingsError, match=words) as refusal:
        read(tmp_path)
    assert str(tmp_path / FILE) in str(refusal.value)


def test_a_file_that_is_no_text_or_no_file_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsError, match="not valid TOML"):
        read(tmp_path)
    (tmp_path / FILE).unlink()
    (tmp_path / FILE).mkdir()
    with pytest.raises(SettingsError, match="cannot be read"):
        read(tmp_path)


def test_backups_do_not_lie_in_what_they_back_up(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="would be lost with it"):
        read(tmp_path, backup_to=str(tmp_path / "backups"))
    beside = str(tmp_path.with_name("backups"))
    assert read(tmp_path, backup_to=beside).backup_to == beside


def test_a_secret_in_the_name_of_a_place_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refusal:
        read(tmp_path, backup_to="s3://key:secret@bucket/x")
    assert "secret@" not in str(refusal.value)


def test_settings_cannot_be_changed_once_read() -> None:
    found: Any = read_settings({})
    with pytest.raises(AttributeError):
        found.simulated = True


def test_a_list_in_the_environment_is_json_and_reaches_a_child(tmp_path: Path) -> None:
    settings = read(tmp_path, alert_mail_to='["a@example.org", "b@example.org"]')
    assert settings.alert_mail_to == ("a@example.org", "b@example.org")
    assert read_settings(environment_of(settings)) == settings


def test_an_address_in_brackets_is_no_list(tmp_path: Path) -> None:
    assert read(tmp_path, host="[::1]").host == "[::1]"


def test_an_address_with_a_secret_is_not_shown_when_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refusal:
        read(tmp_path, alert_smtp="mail://user:s3cret@host")
    assert "s3cret" not in str(refusal.value)
