"""Which processes the platform consists of, and the environment each gets."""

import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

import msgspec

from alphapulse.settings import Settings, environment_of
from collectors.exchanges import DEFAULT
from launcher.part import Part, beside_python, inherited, own_command

# Seconds that Dagster waits for its own code server. With its 60 a run that was to begin on a busy
# machine is dropped from the queue as failed.
CROWDED = "300"
SIMULATED_RATE = 5.0  # trades per second and market in the demo


def exchanges_of(settings: Settings) -> tuple[str, ...]:
    return tuple(settings.markets) or DEFAULT


def make_parts(
    settings: Settings, url: str, dagster: Mapping[str, str], start: str | None
) -> Iterator[Part]:
    """Every process; `start`, the simulated markets' first instant, adds replay."""
    given = environment_for(settings, url)
    if start is not None:
        words = ("replay", "--start", start, "--rate", str(SIMULATED_RATE))
        yield Part("replay", own_command(*words), given)
    for name in exchanges_of(settings):
        yield Part(
            f"collector-{name}", own_command("collect", "--exchange", name), given, patience=8.0
        )
    yield Part("streamer", own_command("stream"), given)
    yield Part("api", own_command("api"), given)
    if settings.dagster:
        yield from dagster_parts(settings, given | dict(dagster))


def dagster_parts(settings: Settings, environment: Mapping[str, str]) -> Iterator[Part]:
    workspace = str(Path(environment["DAGSTER_HOME"]) / "workspace.yaml")
    address = ("-h", settings.host, "-p", str(settings.dagster_port))
    yield Part(
        "dagster-webserver",
        (beside_python("dagster-webserver"), *address, "-w", workspace),
        environment,
    )
    # It tells the instance its pools first, and becomes the daemon then.
    prepared = (sys.executable, "-m", "alphapulse_pipelines.pools")
    daemon = (beside_python("dagster-daemon"), "run", "-w", workspace)
    yield Part("dagster-daemon", (*prepared, *daemon), environment)


def export_part(settings: Settings, url: str, dagster: Mapping[str, str]) -> Part:
    """One export of everything that traded, in its own process, recorded by Dagster."""
    command = (sys.executable, "-m", "alphapulse_pipelines.export")
    return Part("export", command, environment_for(settings, url) | dict(dagster))


def environment_for(settings: Settings, url: str) -> dict[str, str]:
    """These settings for a child, with the address: only we start and stop the server."""
    return inherited(environment_of(msgspec.structs.replace(settings, database_url=url)))


def prepare_dagster(settings: Settings, url: str) -> dict[str, str]:
    """Lay out DAGSTER_HOME; gives the variables that dagster.yaml reads (`url`: its database)."""
    home = settings.home / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(shipped("dagster.yaml"), home / "dagster.yaml")
    workspace = shipped("workspace.yaml").read_text()
    if settings.simulated:  # the name that Dagster's UI shows beside everything
        workspace = workspace.replace(
            "location_name: alphapulse", "location_name: alphapulse-SIMULATED"
        )
    (home / "workspace.yaml").write_text(workspace)
    parts = urlsplit(url)
    return {
        "DAGSTER_HOME": str(home),
        "DAGSTER_GRPC_TIMEOUT_SECONDS": CROWDED,
        "DAGSTER_PG_HOST": parts.hostname or "",
        "DAGSTER_PG_PORT": str(parts.port or 5432),
        "DAGSTER_PG_USER": unquote(parts.username or ""),
        "DAGSTER_PG_PASSWORD": unquote(parts.password or ""),
        "DAGSTER_PG_DB": parts.path.lstrip("/"),
    }


def shipped(name: str) -> Path:
    """A file that lies beside the packages in a checkout, inside this package in a wheel."""
    packaged = Path(__file__).parent / name
    return packaged if packaged.exists() else Path(__file__).parents[1] / name
