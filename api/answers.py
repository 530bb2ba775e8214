"""Answers: encoded once, compressed where that pays, told by an ETag whether they changed."""

import gzip
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

import msgspec
from fastapi import Request
from msgspec import Struct
from starlette.responses import Response

from alphapulse.spelling import full_time
from api.context import house_of

JSON = "application/json"
WORTH = 1_000  # bytes from which on an answer is compressed
LEVEL = 3  # of gzip: twice as fast as its own choice, a tenth larger

ENCODER = msgspec.json.Encoder()


class Answer(Struct):
    """A body and its tag; the tag does not change with `as_of`, nor with the compression.

    `packed` is made when somebody first takes it; `is_packed`: there is none, as for Parquet.
    """

    body: bytes
    tag: str
    media: str = JSON
    headers: Mapping[str, str] = {}
    status: int = 200
    is_packed: bool = False
    packed: bytes | None = None


def answer(facts: Mapping[str, Any], now: datetime, simulated: bool, status: int = 200) -> Answer:
    """`facts` with the instant as of which they hold."""
    rest = ENCODER.encode(facts)
    head = ENCODER.encode({"as_of": full_time(now), "simulated": simulated})
    body = head[:-1] + (b"," if len(rest) > 2 else b"") + rest[1:]  # one object of both
    return of_bytes(body, JSON, tagged=rest, status=status)


def of_bytes(
    body: bytes, media: str, headers: Mapping[str, str] | None = None,
    *, tagged: bytes | None = None, status: int = 200, is_packed: bool = False,
) -> Answer:  # fmt: skip
    """`is_packed`: it is compressed as it is, as Parquet is."""
    digest = sha256(body if tagged is None else tagged).hexdigest()[:24]  # quicker than blake2b
    is_packed = is_packed or len(body) < WORTH
    return Answer(body, f'W/"{digest}"', media, headers or {}, status, is_packed)


async def shared(
    request: Request, compute: Callable[[], Awaitable[Answer]], asker: str = ""
) -> Response:
    """The answer that whoever asked the same within this second got; `asker`: what else it
    depends on.
    """
    key = f"{request.url.path}?{request.url.query}#{asker}"
    house = house_of(request)
    found: Answer = await house.cache.get(key, compute)
    if not found.is_packed and found.packed is None and accepts_gzip(request):
        found.packed = await house.run(lambda: packed(found.body))
    return respond(request, found)


def packed(body: bytes) -> bytes:
    return gzip.compress(body, LEVEL, mtime=0)


def respond(request: Request, found: Answer) -> Response:
    headers = {"ETag": found.tag, "Vary": "Accept-Encoding", "Cache-Control": "no-cache"}
    if found.status == 200 and is_known(request.headers.get("if-none-match"), found.tag):
        return Response(status_code=304, headers=headers)
    body = found.body
    if not found.is_packed and accepts_gzip(request):
        body = found.packed = found.packed or packed(found.body)
        headers["Content-Encoding"] = "gzip"
    return Response(body, found.status, {**headers, **found.headers}, found.media)


def is_known(text: str | None, tag: str) -> bool:
    """Whether If-None-Match names the tag; a strong one with the same letters counts too."""
    if text is None:
        return False
    names = {one.strip().removeprefix("W/") for one in text.split(",")}
    return tag.removeprefix("W/") in names or "*" in names


def accepts_gzip(request: Request) -> bool:
    wanted = request.headers.get("accept-encoding", "")
    return any(
        one.strip().startswith("gzip") and "q=0" not in one.replace(" ", "").replace("q=0.", "")
        for one in wanted.split(",")
    )
