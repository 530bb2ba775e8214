"""Who comes in, what they ask, and what they are answered."""

import asyncio
import logging
import time
from importlib.metadata import PackageNotFoundError, version

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from alphapulse.settings import Settings
from alphapulse.trade import Micros
from streamer import protocol
from streamer.backlog import Backlogs
from streamer.client import Client
from streamer.counters import Counters
from streamer.hub import Hub
from streamer.protocol import POLICY, TRY_LATER
from streamer.subscription import (
    BadRequest,
    Ping,
    Subscribe,
    Unsubscribe,
    read_query,
    read_request,
)

log = logging.getLogger(__name__)

SILENT_START = 0.5  # seconds after which a client that asked for nothing gets everything
MOST_REQUESTS = 50  # a second; beyond: flooding


def program_version() -> str:
    try:
        return version("alphapulse")
    except PackageNotFoundError:
        return "unknown"


def now() -> Micros:
    return time.time_ns() // 1000


class Reception:
    def __init__(
        self, settings: Settings, hub: Hub, backlogs: Backlogs, counters: Counters
    ) -> None:
        self.settings = settings
        self.hub = hub
        self.backlogs = backlogs
        self.counters = counters
        self.version = program_version()
        self.clients: set[Client] = set()

    async def welcome(self, connection: ServerConnection) -> None:
        settings = self.settings
        client = Client(connection, settings.stream_buffer_bytes, lambda: self.hub.sent_place)
        if len(self.clients) >= settings.stream_clients:
            client.close(TRY_LATER, f"all {settings.stream_clients} places are taken")
            return
        self.clients.add(client)
        self.counters.accepted += 1
        try:
            client.write(self.hello())
            self.read_address(client, connection)
            async for text in connection:
                self.read(client, text)
        except ConnectionClosed:
            pass  # however it ended, it ended
        finally:
            self.forget(client)

    def hello(self) -> bytes:
        hub = self.hub
        simulated = hub.simulated if hub.heard else None
        markets = hub.markets.values()
        return protocol.hello(
            self.version, markets, hub.place(), self.counters.state, simulated=simulated
        )

    def read_address(self, client: Client, connection: ServerConnection) -> None:
        """Do what the address asks; if it asks for nothing, a moment later: everything."""
        try:
            request = read_query(connection.request.path if connection.request else "/")
        except BadRequest as failure:
            client.has_asked = True
            self.refuse(client, "bad_request", str(failure))
            return
        if request:
            self.subscribe(client, request)
            return
        loop = asyncio.get_running_loop()
        loop.call_later(SILENT_START, self.subscribe_silent, client)

    def subscribe_silent(self, client: Client) -> None:
        if client.is_open and not client.has_asked:
            self.subscribe(client, Subscribe())

    def read(self, client: Client, text: str | bytes) -> None:
        client.requests += 1
        if client.requests > MOST_REQUESTS:
            self.refuse(
                client, "too_many_requests", f"more than {MOST_REQUESTS} requests in a second"
            )
            client.close(POLICY, "too many requests")
            return
        try:
            request = read_request(text)
        except BadRequest as failure:
            self.refuse(client, "bad_request", str(failure))
            return
        match request:
            case Subscribe():
                self.subscribe(client, request)
            case Unsubscribe():
                client.has_asked = True
                self.unsubscribe(client)
                client.write(protocol.frame("unsubscribed"))
            case Ping():
                client.write(protocol.frame("pong", time=protocol.instant(now())))

    def refuse(self, client: Client, code: str, message: str) -> None:
        self.counters.refused_requests += 1
        client.write(protocol.error(code, message))

    def subscribe(self, client: Client, request: Subscribe, why_fresh: str = "") -> None:
        self.unsubscribe(client)
        client.has_asked = True
        client.subscription = request
        client.joining = asyncio.create_task(self.backlogs.serve(client, request, why_fresh))
        client.joining.add_done_callback(raise_bugs)

    def unsubscribe(self, client: Client) -> None:
        if client.joining:
            client.joining.cancel()
        self.hub.leave(client)
        client.joining = client.subscription = client.own_place = client.held = None

    def forget(self, client: Client) -> None:
        self.unsubscribe(client)
        self.clients.discard(client)
        self.counters.slow_clients += client.was_slow
        self.counters.frames += client.frames
        client.frames = 0


def raise_bugs(task: asyncio.Task[None]) -> None:
    """A task that nobody awaits must not hide an error of ours."""
    if not task.cancelled() and (failure := task.exception()):
        log.error("a backlog failed", exc_info=failure)
