"""compose.yaml and the Dockerfile: pinned, closed, each process with what it needs and no more."""

import re

import msgspec
import pytest
import yaml

from alphapulse.settings import PREFIX
from collectors.exchanges import DEFAULT, EXCHANGES
from launcher.cli import main
from tests.conftest import ROOT
from tests.deploy.composed import TEXT, Compose, read
from tests.deploy.test_env_example import KNOWN, example

COMPOSE = read()
OURS = {name: service for name, service in COMPOSE.services.items() if service.is_ours}
DOCKERFILE = (ROOT / "Dockerfile").read_text()

# Whose password is whose: a container that is broken into gives away no more than these.
PASSWORDS = {
    "OWNER_PASSWORD": {"database", "prepare", "dagster-webserver", "dagster-daemon"},
    "WRITER_PASSWORD": {"prepare", "api", *(f"collector-{name}" for name in DEFAULT)},
    "STREAMER_PASSWORD": {"prepare", "streamer"},
    "READER_PASSWORD": {"prepare", "api", "grafana"},
    "GRAFANA_PASSWORD": {"grafana"},
    "ALPHAPULSE_API_TOKEN": {"api"},
    "ALPHAPULSE_STREAM_TOKEN": {"streamer"},
    "ALPHAPULSE_ALERT_WEBHOOK": {"dagster-webserver", "dagster-daemon"},
    "ALPHAPULSE_ALERT_SMTP": {"dagster-webserver", "dagster-daemon"},
    "AWS_SECRET_ACCESS_KEY": {"dagster-webserver", "dagster-daemon"},
}


def test_every_image_is_one_exact_release() -> None:
    for name, service in COMPOSE.services.items():
        if not service.is_ours:
            assert re.search(r":v?\d+\.\d+\.\d+(-[a-z0-9]+)?$", service.image), name
    froms = re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE)
    assert all(re.search(r":\d+\.\d+\.\d+-(bookworm-slim|slim-bookworm)$", one) for one in froms)


def test_ports_are_published_to_this_machine_unless_the_owner_says_otherwise() -> None:
    published = [port for service in COMPOSE.services.values() for port in service.ports]
    assert published
    assert all(port.startswith(("127.0.0.1:", "${PUBLISH:-127.0.0.1}:")) for port in published)
    open_to_others = {port.rsplit(":", 1)[1] for port in published if "PUBLISH" in port}
    assert open_to_others == {"5000", "8766"}  # neither Dagster nor the database, ever


def test_our_processes_can_write_their_state_and_nothing_else() -> None:
    for name, service in OURS.items():
        assert service.read_only and service.cap_drop == ["ALL"], name
        assert set(service.volumes) <= {"home:/var/lib/alphapulse"}, name
    assert re.search(r"^USER 10001:10001$", DOCKERFILE, re.MULTILINE)


@pytest.mark.parametrize(("secret", "holders"), PASSWORDS.items())
def test_a_secret_is_given_to_whom_it_is_for(secret: str, holders: set[str]) -> None:
    """As a whole variable, or within an address."""
    found = {
        name
        for name, service in COMPOSE.services.items()
        if any(f"${{{secret}" in value for value in service.environment.values())
    }
    assert found == holders


def test_every_process_enters_the_database_as_the_role_that_suffices() -> None:
    roles = {
        name: found[1]
        for name, service in OURS.items()
        if (found := re.match(r"postgresql://(\w+):",
                              service.environment.get("ALPHAPULSE_DATABASE_URL", "")))
    }  # fmt: skip
    owner = dict.fromkeys(("prepare", "dagster-webserver", "dagster-daemon"), "alphapulse")
    writer = {f"collector-{name}": "alphapulse_writer" for name in DEFAULT}
    assert roles == owner | writer | {"streamer": "alphapulse_streamer", "api": "alphapulse_writer"}
    reader = OURS["api"].environment["ALPHAPULSE_READER_URL"]
    assert reader.startswith("postgresql://alphapulse_reader:")


def test_every_command_is_a_word_of_ours() -> None:
    words = {service.command[0] for service in OURS.values() if service.command}
    assert words <= {*main.commands, "api"}
    for name in DEFAULT:
        assert OURS[f"collector-{name}"].command == ["collect", "--exchange", name]


def test_health_is_asked_where_each_process_answers() -> None:
    base = int(OURS["streamer"].environment["ALPHAPULSE_METRICS_PORT"])
    ports = {f"collector-{name}": base + 2 + list(EXCHANGES).index(name) for name in DEFAULT}
    for name, port in {**ports, "streamer": base}.items():
        health = OURS[name].healthcheck
        assert health and health.test[-1] == f"http://127.0.0.1:{port}/metrics"
    unwatched = {name for name, service in COMPOSE.services.items() if not service.healthcheck}
    assert unwatched == {"pod", "prepare"}


def test_every_variable_stands_in_the_example_and_every_setting_exists() -> None:
    asked = set(re.findall(r"\$\{(\w+)", TEXT))
    assert asked <= set(example())
    named = {key for one in COMPOSE.services.values() for key in one.environment}
    ours = {key for key in named if key.startswith(PREFIX)}
    assert {key.removeprefix(PREFIX).lower() for key in ours} <= KNOWN


def test_mounted_folders_and_volumes_are_there() -> None:
    for service in COMPOSE.services.values():
        for volume in service.volumes:
            source = volume.partition(":")[0]
            if source.startswith("."):
                assert (ROOT / source).is_dir() and volume.endswith(":ro")
            else:
                assert source in COMPOSE.volumes


def test_a_misspelt_word_is_found() -> None:
    plain = yaml.safe_load(TEXT.replace("cap_drop", "cap_drops"))
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert(plain, Compose)


def test_the_image_is_made_of_code_and_of_no_secret() -> None:
    """Everything is kept out of the build but what is named."""
    kept = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in kept
    let_in = {line[1:] for line in kept if line.startswith("!")}
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE))
    sources = {word.split("/")[0] for line in copied for word in line.split()}
    assert sources == let_in
    assert not re.search(r"(?i)(password|token|secret)\w*=", DOCKERFILE)
