"""Whether this process lives, and whether it can answer."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from alphapulse.store.catalogue import read_instance
from alphapulse.store.connect import StoreUnavailable
from alphapulse.store.readers import TooSlow
from api import models
from api.answers import ENCODER, JSON, answer, respond
from api.asking import KNOWN_ONLY, refusals
from api.context import house_of
from api.pages import find_build
from api.problems import Problem

router = APIRouter(prefix="/health", tags=["health"], dependencies=KNOWN_ONLY)


@router.get("/live", responses={200: {"model": models.Live}, **refusals()})
async def live(request: Request) -> Response:
    """Whether this process answers."""
    return Response(ENCODER.encode({"status": "live"}), 200, {"Cache-Control": "no-store"}, JSON)


@router.get("/ready", responses={200: {"model": models.Ready}, **refusals()})
async def ready(request: Request) -> Response:
    """Data can be answered; otherwise 503, and `missing` names what is not there."""
    house = house_of(request)
    try:
        found = await house.ask(read_instance)
    except (StoreUnavailable, TooSlow) as failure:
        raise Problem(
            503, "unready", "the database does not answer as it should",
            "start PostgreSQL, or let `alphapulse up` do it; `alphapulse status` says more",
            {"Retry-After": "2"}, missing=[f"database: {short(failure)}"],
        ) from failure  # fmt: skip
    facts = {"ready": True, "dashboard": find_build() is not None}
    return respond(request, answer(facts, found.now, found.simulated))


def short(failure: Exception) -> str:
    """The kind of failure alone: PostgreSQL's own words may name addresses and logins."""
    return str(failure).partition(":")[0]
