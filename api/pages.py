"""The built dashboard: any address that is none of its files is its own to show."""

import mimetypes
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from api.answers import Answer, of_bytes, respond
from api.problems import Problem

PLACES = (Path(__file__).parent / "static", Path(__file__).parents[1] / "dashboard" / "dist")
FOR_EVER = "public, max-age=31536000, immutable"  # hashed names: another content, another name
OURS = ("v1", "openapi.json", "metrics", "docs")
TYPES = {".js": "text/javascript", ".mjs": "text/javascript", ".woff2": "font/woff2",
         ".webmanifest": "application/manifest+json", ".map": "application/json"}  # fmt: skip

MISSING = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>AlphaPulse API</title>
<h1>The API runs; the dashboard is not built</h1>
<p>In a checkout, with Node.js 20 or later: <code>make dashboard</code>, then load this page again.
Wheels of AlphaPulse bring it built.</p>
<p>The API itself: <a href="/openapi.json">/openapi.json</a>, <a href="/v1/markets">/v1/markets</a>,
<a href="/v1/health/ready">/v1/health/ready</a>.</p></html>"""

router = APIRouter(include_in_schema=False)


def find_build() -> Path | None:
    """The folder with the built dashboard, if there is one."""
    return next((place for place in PLACES if (place / "index.html").is_file()), None)


@router.get("/{path:path}")
async def page(request: Request, path: str) -> Response:
    if path.split("/", maxsplit=1)[0] in OURS:
        hint = "the description of what there is: /openapi.json"
        raise Problem(404, "path", f"there is nothing at /{path[:80]}", hint)
    root = find_build()
    if root is None:
        return Response(MISSING, 200, {"Cache-Control": "no-cache"}, "text/html; charset=utf-8")
    file = find_file(root, path)
    changed = file.stat().st_mtime_ns
    return respond(request, file_answer(file, changed, path.startswith("assets/")))


def find_file(root: Path, path: str) -> Path:
    """The file that is meant; what looks like a file and is none raises Problem."""
    file = (root / path).resolve() if "\0" not in path else root / "no"
    if path and file.is_file() and file.is_relative_to(root.resolve()):
        return file
    if "." in path.rpartition("/")[2]:
        raise Problem(404, "path", f"the dashboard has no file /{path[:80]}", "load the page again")
    return root / "index.html"


@lru_cache(256)
def file_answer(file: Path, changed: int, is_hashed: bool) -> Answer:
    media = (
        TYPES.get(file.suffix) or mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    )
    text = media.startswith("text/") or media.endswith(("json", "svg+xml"))
    headers = {"Cache-Control": FOR_EVER if is_hashed else "no-cache"}
    whole = f"{media}; charset=utf-8" if media.startswith("text/") else media
    return of_bytes(file.read_bytes(), whole, headers, is_packed=not text)
