"""Who comes in, what they ask, and what they are answered."""

import asyncio
import logging
import socket
import time
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version

from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from alphapulse.settings import Settings
from alphapulse.trade import Micros
from streamer import protocol
from streamer.backlog import Backlogs
from streamer.client import Client
from streamer.counters import Counters
from streamer.door import Door
from streamer.hub import Hub
from streamer.protocol import POLICY, TRY_LATER
from streamer.subscription import (
    BadRequest,
    Ping,
    Subscribe,
    Token,
    Unsubscribe,
    read_query,
    read_request,
    read_token,
)

log = logging.getLogger(__name__)

SILENT_START = 0.5  # seconds after which a client that asked for nothing gets everything
MOST_REQUESTS = 50  # a second; beyond: flooding
INTRODUCTION = 5.0  # seconds in which a client has to say the token

FORBIDDEN = (
    "pages of this origin may not open the stream: its owner can name it in "
    "ALPHAPULSE_STREAM_ORIGINS\n"
)
UNAUTHORIZED = (
    "this stream asks for a token: send `Authorization: Bearer …` on connecting, or "
    '{"type":"token","token":"…"} as the first frame, within five seconds'
)


def program_version() -> str:
    try:
        return version("alphapulse")
    except PackageNotFoundError:
        return "unknown"


def own_names(host: str) -> tuple[str, ...]:
    """By which names pages of this machine may reach it."""
    name = socket.gethostname()
    return (name, f"{name}.local", host)


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
        self.strangers = 0  # connections that are still to say their token
        self.door = Door(
            settings.stream_origins,
            settings.stream_token,
            settings.stream_clients_per_address,
            settings.stream_proxies,
            own_names(settings.host),
        )

    def look(self, connection: ServerConnection, request: Request) -> Response | None:
        """At a request to connect, before it is answered: the answer, where that is no."""
        headers = request.headers
        host = headers.get_all("Host")
        if not self.door.lets_in_page(headers.get_all("Origin"), host[0] if host else ""):
            self.counters.refused_pages += 1
            return connection.respond(HTTPStatus.FORBIDDEN, FORBIDDEN)
        token = self.door.bearer(headers.get_all("Authorization"))
        if token is not None and not self.door.knows(token):
            self.counters.refused_tokens += 1
            answer = connection.respond(HTTPStatus.UNAUTHORIZED, "that is not the token\n")
            answer.headers["WWW-Authenticate"] = 'Bearer realm="alphapulse stream"'
            return answer
        return None

    async def welcome(self, connection: ServerConnection) -> None:
        settings = self.settings
        client = Client(connection, settings.stream_buffer_bytes, lambda: self.hub.sent_place)
        if len(self.clients) + self.strangers >= settings.stream_clients:
            client.close(TRY_LATER, f"all {settings.stream_clients} places are taken")
            return
        headers = connection.request.headers if connection.request else Headers()
        peer = str((connection.remote_address or ("",))[0])
        visitor = self.door.visitor(peer, headers.get_all("X-Forwarded-For"))
        if not self.door.enter(visitor):
            client.close(TRY_LATER, f"all {self.door.per_address} places of your address are taken")
            return
        try:
            bearer = self.door.bearer(headers.get_all("Authorization"))  # `look` found it right
            known = self.door.token is None or bearer is not None
            if known or await self.is_introduced(client):
                await self.serve(client)
        finally:
            self.door.leave(visitor)

    async def is_introduced(self, client: Client) -> bool:
        """Whether a client's first frame is the token; before it, it is told nothing."""
        self.strangers += 1
        try:
            async with asyncio.timeout(INTRODUCTION):
                token = read_token(await client.connection.recv())
        except (TimeoutError, ConnectionClosed):
            token = None
        finally:
            self.strangers -= 1
        if token is not None and self.door.knows(token):
            return True
        self.counters.refused_tokens += 1
        client.write(protocol.error("unauthorized", UNAUTHORIZED))
        client.close(POLICY, "unauthorized")
        return False

    async def serve(self, client: Client) -> None:
        connection = client.connection
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
            case Token():
                pass  # it was let in already
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
