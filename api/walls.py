"""What stands before every route: request ids, hosts, limits, headers, the access log."""

import ipaddress
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Iterable
from uuid import uuid4

import msgspec
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from alphapulse.settings import Settings
from api.links import stream_url
from api.problems import Problem

log = logging.getLogger("api.access")

AT_ONCE = 128  # requests in work; more are told to come again
LARGEST_BODY = 65_536  # bytes of a request
LONGEST_QUERY = 8_192  # characters
ADDRESSES = 4_096  # whose buckets are remembered
OWN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Buckets:
    """Requests that each address may still make: so many a second, twice as many at once."""

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, now: float) -> float:
        """0 where one more is allowed, else the seconds to wait."""
        if self.rate == 0:
            return 0.0
        tokens, since = self.left.pop(address, (2.0 * self.rate, now))
        tokens = min(2.0 * self.rate, tokens + (now - since) * self.rate)
        allowed = tokens >= 1
        self.left[address] = (tokens - 1 if allowed else tokens), now
        if len(self.left) > ADDRESSES:
            self.left.popitem(last=False)
        return 0.0 if allowed else (1 - tokens) / self.rate


class Walls:
    """The outermost application: whatever happens inside, an answer leaves and is logged."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self.buckets = Buckets(settings.api_requests_per_second)
        self.hosts = {"localhost", settings.host.lower(), *map(str.lower, settings.api_hosts)}
        self.at_once = 0
        self.requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        own = given if OWN_ID.fullmatch(given) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = own
        visit = Visit(self, scope, send, own)
        self.at_once += 1
        try:
            self.admit(scope)
            await self.app(asked_as_get(scope), visit.limited(receive), visit.send)
        except Problem as problem:
            await visit.refuse(problem)
        except Exception:
            log.exception("request %s failed", own)
            await visit.refuse(broken())
        finally:
            self.at_once -= 1
            self.requests += 1
            visit.tell()

    def admit(self, scope: Scope) -> None:
        """Raises Problem."""
        headers = Headers(scope=scope)
        check_host(headers.get("host", ""), self.hosts)
        if len(scope["query_string"]) > LONGEST_QUERY:
            raise Problem(422, "query", "the query is too long", "use fewer parameters")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > LARGEST_BODY:
            raise too_large()
        if scope["path"].startswith("/v1/health"):
            return
        if self.at_once > AT_ONCE:
            hint = "wait a moment and ask again"
            raise Problem(
                503, "busy", f"{AT_ONCE} requests are in work", hint, {"Retry-After": "1"}
            )
        address = (scope.get("client") or ("unknown",))[0]
        wait = self.buckets.take(address, time.monotonic())
        if wait > 0:
            raise Problem(
                429, "rate", f"more than {self.buckets.rate} requests a second from {address}",
                "wait as Retry-After says; ask for more rows at a time, or follow the stream",
                {"Retry-After": str(max(1, round(wait)))},
            )  # fmt: skip


class Visit:
    """One request on its way out."""

    def __init__(self, walls: Walls, scope: Scope, send: Send, request_id: str) -> None:
        self.walls = walls
        self.scope = scope
        self.sender = send
        self.request_id = request_id
        self.status = 0
        self.bytes = 0
        self.began = time.monotonic()
        self.is_too_large = False
        self.is_refused = False

    def limited(self, receive: Receive) -> Receive:
        """The body's pieces, up to LARGEST_BODY in all; then it ends, and is refused."""
        seen = 0

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            self.is_too_large = seen > LARGEST_BODY
            return {"type": "http.disconnect"} if self.is_too_large else message

        return bounded

    async def send(self, message: Message) -> None:
        """What the application says, unless the body was too large."""
        if self.is_too_large and not self.status:
            await self.refuse(too_large())
        if not self.is_refused:
            await self.pass_on(message)

    async def pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            for name, value in security(self.walls.settings, self.scope).items():
                headers.setdefault(name, value)
        elif message["type"] == "http.response.body":
            self.bytes += len(message.get("body", b""))
        await self.sender(message)

    async def refuse(self, problem: Problem) -> None:
        if self.status:
            return  # the head has left: the connection is cut short
        response = problem.response(self.scope["path"], self.request_id)
        await response(self.scope, no_more, self.pass_on)
        self.is_refused = True

    def tell(self) -> None:
        """One line of JSON; a query may hold a cursor, never a secret. Headers are not told."""
        words = {
            "request_id": self.request_id,
            "address": (self.scope.get("client") or ("unknown",))[0],
            "method": self.scope["method"],
            "path": self.scope["path"],
            "query": self.scope["query_string"].decode("latin-1")[:500],
            "status": self.status,
            "bytes": self.bytes,
            "ms": round((time.monotonic() - self.began) * 1000, 1),
        }
        log.info("%s", msgspec.json.encode(words).decode())


def asked_as_get(scope: Scope) -> Scope:
    """HEAD is answered as GET is, of which the server sends the head alone."""
    if scope["method"] != "HEAD":
        return scope
    return {**scope, "method": "GET", "state": {**scope["state"], "is_head": True}}


async def no_more() -> Message:
    return {"type": "http.disconnect"}


def too_large() -> Problem:
    return Problem(413, "body", f"the body is larger than {LARGEST_BODY:,} bytes", "send less")


def broken() -> Problem:
    hint = "tell us the request_id: the log has its story"
    return Problem(500, "fault", "this request met a fault of ours", hint)


def check_host(host: str, names: Iterable[str]) -> None:
    """Addresses and known names only: a page of another site cannot borrow our name (rebinding)."""
    name = host_name(host)
    if name in names or name.endswith(".localhost") or is_address(name):
        return
    raise Problem(
        421, "host", f"this API is not reached as {name[:80]!r}",
        'use localhost or its address, or name it in ALPHAPULSE_API_HOSTS: ["data.example.org"]',
    )  # fmt: skip


def host_name(host: str) -> str:
    """Without the port and the brackets."""
    bare = host.lower()
    if bare.startswith("["):
        return bare[1:].partition("]")[0]
    return bare.partition(":")[0]


def is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def security(settings: Settings, scope: Scope) -> dict[str, str]:
    """Nothing from other hosts, but for the stream and the frames that the owner named."""
    stream = stream_url(settings, scope.get("scheme", "http"), Headers(scope=scope).get("host", ""))
    grafana = origin(settings.public_grafana_url)
    objects = grafana or "'none'"  # by an object the page finds out whether Grafana is there
    frames = f"frame-src 'self' {grafana}".strip()
    policy = (
        f"default-src 'self'; connect-src 'self' {origin(stream)}; img-src 'self' data: blob:; "
        f"style-src 'self' 'unsafe-inline'; {frames}; object-src {objects}; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }


def origin(url: str | None) -> str:
    """Scheme, host and port of an address: what a policy names."""
    found = re.match(r"[a-z]+://[A-Za-z0-9.:\[\]_-]+", url or "")
    return found[0] if found else ""
