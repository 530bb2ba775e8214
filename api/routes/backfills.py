"""History on demand: a plan for whoever has the token, and then a child process that does it."""

from hmac import compare_digest
from typing import Any

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from alphapulse.spelling import full_time
from alphapulse.store.catalogue import read_instance
from alphapulse.store.connect import Store
from alphapulse.store.quality import Row, newest_backfills
from api import models
from api.answers import Answer, answer, respond, shared
from api.asking import KNOWN_ONLY, Limit, refusals
from api.context import house_of
from api.problems import Problem
from api.routes.catalogue import told
from api.routes.quality import key_of
from api.spans import check_range, read_market, read_moment

router = APIRouter(prefix="/backfills", tags=["backfills"])


@router.get("", responses={200: {"model": models.Backfills}, **refusals()}, dependencies=KNOWN_ONLY)
async def backfills(request: Request, limit: Limit = 50) -> Response:
    """The newest backfills with how far each is, and those that this API has begun."""
    house = house_of(request)

    def read(store: Store) -> Answer:
        found = read_instance(store)
        rows = [backfill_facts(row) for row in newest_backfills(store, limit)]
        facts = {"backfills": rows, "asked": house.jobs.facts()}
        return answer(facts, found.now, found.simulated)

    return await shared(request, lambda: house.ask(read))


def backfill_facts(row: Row) -> dict[str, Any]:
    names = ("state", "requests", "trades", "new_trades", "absent", "note")
    return {
        "backfill_id": row["backfill_id"],
        "market": key_of(row),
        "gap_id": row["gap_id"],
        "start": told(row["from_at"]),
        "end": told(row["to_at"]),
        **{name: row[name] for name in names},
        "reached": told(row["reached_at"]),
        "started": told(row["started_at"]),
        "touched": told(row["touched_at"]),
        "ended": told(row["ended_at"]),
    }


async def need_token(request: Request) -> None:
    """Compared in constant time; raises Problem."""
    token = house_of(request).settings.api_token
    if token is None:
        hint = "its owner sets ALPHAPULSE_API_TOKEN, at least 16 characters, and starts it again"
        raise Problem(403, "closed", "this API takes no orders", hint)
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not compare_digest(given.strip().encode(), token.encode()):
        raise Problem(
            401, "token", "no token, or a wrong one", "send Authorization: Bearer TOKEN",
            {"WWW-Authenticate": 'Bearer realm="alphapulse"'},
        )  # fmt: skip


@router.post(
    "",
    responses={
        200: {"model": models.BackfillPlan, "description": "The plan; nothing was begun"},
        202: {"model": models.BackfillBegun, "description": "It was begun"},
        **refusals(401, 403, 404, 409),
    },
    dependencies=[Depends(need_token), *KNOWN_ONLY],
    openapi_extra={"security": [{"token": []}]},
)
async def order(request: Request, wish: models.BackfillOrder) -> Response:
    """Plan a backfill of one market, or (`dry_run: false`) begin it; one at a time per market."""
    house = house_of(request)
    start, end = read_moment("start", wish.start), read_moment("end", wish.end)
    check_range(start, end)
    if start == end:
        raise Problem(422, "range", "start and end are the same", "end is not part of the range")
    names = await house.ask(house.names)
    market = read_market(wish.market, names)
    found = await house.ask(read_instance)
    words = full_time(start), full_time(end)
    if wish.dry_run:
        plan = await house.jobs.plan(market, *words)
        return respond(request, answer({"plan": plan}, found.now, found.simulated))
    begun = await house.jobs.begin(market, *words)
    return respond(request, answer({"backfill": begun.facts()}, found.now, found.simulated, 202))
