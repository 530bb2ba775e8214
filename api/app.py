"""The application: routers, refusals, and the walls around them."""

import logging
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from alphapulse.lake import LakeError
from alphapulse.store.connect import StoreUnavailable
from alphapulse.store.readers import TooSlow
from api import models
from api.context import House
from api.pages import router as pages
from api.problems import Problem, too_slow, unavailable
from api.routes import backfills, catalogue, datasets, dictionary, health, quality, tape
from api.walls import Walls, broken

ABOUT = """
Every public trade that this installation has captured, with proof of what is complete.

- Times are RFC 3339 in UTC with microseconds; ranges are half-open, `[start, end)`.
- Prices, sizes and ids are text: exact. `side` is the taker's.
- `next_cursor` goes on where an answer ended; each row comes once, whatever is stored meanwhile.
- `complete_until`: every trade of the range before it is there.
- Refusals are `application/problem+json` with a `hint` that says what to do.
"""
log = logging.getLogger("api")
STORIES = (StoreUnavailable, TooSlow, LakeError, FileNotFoundError)  # told in full to the log alone
ROUTERS = (
    catalogue.router, tape.router, quality.router, datasets.router, dictionary.router,
    backfills.router,
)  # fmt: skip


def make_app(house: House, only: str | None = None) -> ASGIApp:
    """`only`: "stats" serves the statistics alone, beside health."""
    app = FastAPI(
        title="AlphaPulse", version="1", description=ABOUT, docs_url=None, redoc_url=None,
        separate_input_output_schemas=False,
    )  # fmt: skip
    app.state.house = house
    statistics = statistics_router()
    routers = ROUTERS if only is None else ()
    for router in (*routers, health.router):
        app.include_router(router, prefix="/v1")
    if statistics is not None:
        app.include_router(statistics, prefix="/v1/stats")
    if only is None:
        app.include_router(pages)
    tell_refusals(app)
    app.openapi = lambda: described(app)  # type: ignore[method-assign]
    if house.settings.api_origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(house.settings.api_origins), allow_methods=["GET"]
        )
    return Walls(app, house.settings)


def statistics_router() -> APIRouter | None:
    """Of room statistics, where it is there."""
    if find_spec("api.routes.statistics") is None:
        return None
    found: APIRouter = import_module("api.routes.statistics").router
    return found


def tell_refusals(app: FastAPI) -> None:
    """Every failure leaves as a problem."""

    async def tell(request: Request, failure: Exception) -> Response:
        own = request.scope["state"]["request_id"]
        if isinstance(failure, STORIES):
            log.warning("request %s: %s", own, failure)
        return problem_of(failure).response(request.url.path, own)

    for kind in (
        Problem, HTTPException, RequestValidationError, StoreUnavailable, TooSlow, LakeError,
        FileNotFoundError, Exception,
    ):  # fmt: skip
        app.add_exception_handler(kind, tell)


def problem_of(failure: Exception) -> Problem:  # noqa: PLR0911  # a table
    match failure:
        case Problem():
            return failure
        case TooSlow():
            return too_slow(str(failure))
        case StoreUnavailable():
            return unavailable("the database does not answer")
        case LakeError() | FileNotFoundError():
            hint = "`alphapulse verify` names damaged files; the log has this one's story"
            return Problem(503, "archive", "a file of the archive cannot be read", hint)
        case RequestValidationError():
            return misunderstood(failure)
        case HTTPException(status_code=400):
            return Problem(422, "body", "the body is no JSON text", "send JSON in UTF-8")
        case HTTPException():
            return refused(failure)
        case _:
            return broken()


def misunderstood(failure: RequestValidationError) -> Problem:
    """The first thing that is wrong, in words; all of them in `errors`."""
    errors = [
        {"where": ".".join(map(str, one["loc"])), "what": one["msg"]} for one in failure.errors()
    ]
    detail = f"{errors[0]['where']}: {errors[0]['what']}" if errors else "not understood"
    hint = "/openapi.json describes every parameter"
    return Problem(422, "parameter", detail, hint, errors=errors[:10])


def refused(failure: HTTPException) -> Problem:
    hints = {404: "/openapi.json describes what there is", 405: "use a method that Allow names"}
    hint = hints.get(failure.status_code, "/openapi.json describes every request")
    headers = dict(failure.headers or {})
    return Problem(failure.status_code, "request", str(failure.detail), hint, headers)


def described(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI description, with the schema of problems."""
    if app.openapi_schema is None:
        found = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        schemas = found.setdefault("components", {}).setdefault("schemas", {})
        schemas["Problem"] = models.Problem.model_json_schema()
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        app.openapi_schema = found
    return app.openapi_schema
