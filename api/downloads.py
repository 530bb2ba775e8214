"""Whole files, streamed: one open file is told and sent, whatever replaces it meanwhile."""

import asyncio
import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import BinaryIO

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from api.answers import is_known
from api.problems import Problem

CHUNK = 262_144  # bytes read at a time
RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})")


def send_file(request: Request, path: Path, media: str, headers: Mapping[str, str]) -> Response:
    """The file, or the one range of it that is asked for; raises FileNotFoundError, Problem.

    A file that was written for this answer alone is removed first: it lives while it is open.
    """
    file = path.open("rb")
    try:
        found = os.fstat(file.fileno())
        tag = headers.get("ETag") or f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
        whole = {**headers, "ETag": tag, "Accept-Ranges": "bytes", "Cache-Control": "no-cache"}
        if is_known(request.headers.get("if-none-match"), tag):
            file.close()
            return Response(status_code=304, headers=whole)
        first, beyond = part_of(request, tag, found.st_size)
    except BaseException:
        file.close()
        raise
    whole["Content-Length"] = str(beyond - first)
    is_part = (first, beyond) != (0, found.st_size)
    if is_part:
        whole["Content-Range"] = f"bytes {first}-{beyond - 1}/{found.st_size}"
    if getattr(request.state, "is_head", False):
        file.close()
        return Response(None, 206 if is_part else 200, whole, media)
    return StreamingResponse(
        pieces(file, first, beyond), 206 if is_part else 200, whole, media_type=media
    )


def part_of(request: Request, tag: str, size: int) -> tuple[int, int]:
    """First byte, and the one behind the last; a header that is not understood asks for all."""
    wanted = RANGE.fullmatch(request.headers.get("range", ""))
    if wanted is None or wanted[0] == "bytes=-":
        return 0, size
    if request.headers.get("if-range", tag) != tag:
        return 0, size
    if not wanted[1]:
        return max(0, size - int(wanted[2])), size
    first = int(wanted[1])
    beyond = min(size, int(wanted[2]) + 1) if wanted[2] else size
    if first >= beyond:
        raise Problem(
            416, "bytes", f"the file has {size:,} bytes", "ask for bytes within it",
            {"Content-Range": f"bytes */{size}"},
        )  # fmt: skip
    return first, beyond


async def pieces(file: BinaryIO, first: int, beyond: int) -> AsyncIterator[bytes]:
    with file:
        file.seek(first)
        left = beyond - first
        while left > 0:
            piece = await asyncio.to_thread(file.read, min(CHUNK, left))
            if not piece:
                return
            left -= len(piece)
            yield piece
