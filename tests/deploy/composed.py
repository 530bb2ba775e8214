"""What compose.yaml may say, field by field; a word that is not here was not looked up."""

from typing import Annotated, Literal

import msgspec
import yaml
from msgspec import Meta, Struct

from tests.conftest import ROOT

TEXT = (ROOT / "compose.yaml").read_text()


class Strict(Struct, frozen=True, forbid_unknown_fields=True):
    """Names are written as in the file."""


class Health(Strict, frozen=True):
    test: Annotated[list[str], Meta(min_length=2)]
    interval: str
    timeout: str
    retries: int
    start_period: str


class Waits(Strict, frozen=True):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"]


class Service(Strict, frozen=True):
    image: str
    restart: Literal["unless-stopped", "on-failure"]
    security_opt: list[Literal["no-new-privileges:true"]]
    build: Literal["."] | None = None
    command: list[str] = []
    entrypoint: list[str] = []
    network_mode: Literal["service:pod"] | None = None
    init: bool = False
    read_only: bool = False
    tmpfs: list[str] = []
    cap_drop: list[Literal["ALL"]] = []
    volumes: list[str] = []
    ports: list[str] = []
    environment: dict[str, str] = {}
    depends_on: dict[str, Waits] = {}
    stop_grace_period: str | None = None
    shm_size: str | None = None
    profiles: list[str] = []
    healthcheck: Health | None = None

    @property
    def is_ours(self) -> bool:
        return self.image.startswith("alphapulse:")


class Compose(msgspec.Struct, frozen=True):
    """Beside these only `x-` fragments."""

    name: str
    services: dict[str, Service]
    volumes: dict[str, None]


def read() -> Compose:
    plain = yaml.safe_load(TEXT)
    strays = {key for key in plain if not key.startswith("x-")} - {"name", "services", "volumes"}
    assert not strays
    return msgspec.convert(plain, Compose)
