"""The running API: its port, its word to `alphapulse status`, and a clean end."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from alphapulse.settings import Settings
from alphapulse.status import remove_status, write_status
from api.app import make_app
from api.context import House
from api.metering import open_metrics
from api.walls import Walls

EVERY = 2.0  # seconds between two words to status
PATIENCE = 3  # seconds that requests in work get at the end


class PortTaken(OSError):
    """Somebody else listens there; the message says how to choose another port."""


class Quiet(uvicorn.Server):
    """Leaves signals to whoever started it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def run_api(
    settings: Settings, url: str, *, only: str | None = None, port: int | None = None
) -> None:
    """Serve until cancelled; raises PortTaken. `url`: the database."""
    house = House(settings, url)
    app = make_app(house, only)
    door = listen(settings.host, settings.api_port if port is None else port)
    server = Quiet(configured(app))
    name = "api" if only is None else f"api-{only}"
    serving = asyncio.create_task(server.serve(sockets=[door]))
    metrics = open_metrics(house, app)
    telling = asyncio.create_task(report(settings, name, app, door.getsockname()[1]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await serving
        raise
    finally:
        telling.cancel()
        await asyncio.to_thread(metrics.close)
        await house.jobs.close()
        house.close()
        door.close()
        remove_status(settings.home, name)


def configured(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,  # ours is in walls
        lifespan="off",
        server_header=False,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=PATIENCE,
        proxy_headers=True,
        forwarded_allow_ips="127.0.0.1",  # a proxy for TLS on this machine
        h11_max_incomplete_event_size=65_536,
    )


def listen(host: str, port: int) -> socket.socket:
    """Raises PortTaken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    door = socket.socket(family, socket.SOCK_STREAM)
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        door.bind((host, port))
        door.listen(1024)
    except OSError as failure:
        door.close()
        raise PortTaken(
            f"cannot listen on {host}:{port} ({failure.strerror or failure}): stop whoever has "
            "the port, or choose another with ALPHAPULSE_API_PORT"
        ) from failure
    door.setblocking(False)
    return door


async def report(settings: Settings, name: str, app: Any, port: int) -> None:
    while True:
        requests = app.requests if isinstance(app, Walls) else 0
        facts = {"state": "serving", "port": port, "requests": requests}
        with contextlib.suppress(OSError):  # a full disk must not end us
            await asyncio.to_thread(write_status, settings.home, name, facts)
        await asyncio.sleep(EVERY)
