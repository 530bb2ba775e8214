"""Who is answered by what: the paths of the one port.

ws://127.0.0.1:PORT/coinbase   /coinbase-advanced   /kraken   /binance/stream   /binance/ws
http://127.0.0.1:PORT/coinbase/products/…   /kraken/0/public/…   /binance/api/v3/…
http://127.0.0.1:PORT/         /control/…
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec.json import encode
from websockets.asyncio.server import ServerConnection
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from replay.control import control, is_local
from replay.dialect import JSON, Answer
from replay.faults import Fault
from replay.venue import Venue


class Doors:
    """`about` is what GET / says; `inject` what the control door calls."""

    def __init__(
        self,
        venues: Mapping[str, Venue],
        about: Mapping[str, object],
        inject: Callable[[Fault], None],
    ) -> None:
        self.venues = venues
        self.about = about
        self.inject = inject

    async def open(self, connection: ServerConnection, request: Request) -> Response | None:
        """None: let the WebSocket in."""
        room, path, params = parts(request.path)
        if request.headers.get("Upgrade", "").lower() != "websocket":
            peer = str(connection.remote_address[0])
            return response(await self.answer(room, path, params, peer, request.headers))
        return None if room in self.venues else response(self.unknown(room))

    async def attend(self, connection: ServerConnection) -> None:
        assert connection.request
        room, path, params = parts(connection.request.path)
        await self.venues[room].attend(connection, path, params)

    async def answer(
        self, room: str, path: str, params: Mapping[str, str], peer: str, headers: Mapping[str, str]
    ) -> Answer:
        if room in self.venues:
            return await self.venues[room].respond(path, params)
        if room == "control":
            if not is_local(peer, headers):
                words = {"error": "control is for programs of this machine only"}
                return Answer(403, encode(words), {"Content-Type": JSON})
            return control(path, params, self.venues, self.inject)
        if not room:
            return Answer(200, encode(self.about), {"Content-Type": JSON})
        return self.unknown(room)

    def unknown(self, room: str) -> Answer:
        known = ", ".join(self.venues)
        words = {"error": f"replay serves no {room!r}; it serves {known}"}
        return Answer(404, encode(words), {"Content-Type": JSON})


def parts(target: str) -> tuple[str, str, dict[str, str]]:
    """/kraken/0/public/Trades?pair=XBTUSD is ("kraken", "0/public/Trades", {"pair": "XBTUSD"})."""
    address = urlsplit(target)
    room, _, path = unquote(address.path).lstrip("/").partition("/")
    return room, path, dict(parse_qsl(address.query))


def response(answer: Answer) -> Response:
    """As HTTP; the connection closes behind it."""
    usual = {"Connection": "close", "Content-Length": str(len(answer.body))}
    headers = Headers(answer.headers | usual)
    return Response(answer.status, HTTPStatus(answer.status).phrase, headers, answer.body)
