"""The parameters of queries, and what every route refuses alike."""

from collections import Counter
from typing import Annotated, Any

from fastapi import Depends, Path, Query, Request

from api.problems import MEDIA, Problem

LARGEST = 10_000  # rows of one answer

Exchange = Annotated[str, Path(max_length=40, examples=["kraken"])]
Symbol = Annotated[
    str,
    Path(max_length=80, examples=["BTC_USD"], description="BTC_USD, BTC-USD, BTCUSD or BTC%2FUSD"),
]
Start = Annotated[
    str | None,
    Query(
        max_length=40, examples=["2026-11-21T10:00:00Z"],
        description="Included. RFC 3339 with an offset, a date (its midnight UTC), or Unix seconds",
    ),
]  # fmt: skip
End = Annotated[str | None, Query(max_length=40, description="Not included; default: now")]
Limit = Annotated[int, Query(ge=1, le=LARGEST, description="Rows of the answer")]
CursorText = Annotated[
    str | None, Query(max_length=200, description="next_cursor of the answer before")
]
OneExchange = Annotated[str | None, Query(max_length=40, description="Only this exchange")]
OneSymbol = Annotated[
    str | None, Query(max_length=80, description="With exchange: only this market")
]


async def refuse_unknown(request: Request) -> None:
    """A mistyped parameter that is silently ignored costs somebody a night; raises Problem."""
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    given = Counter(name for name, _ in request.query_params.multi_items())
    for name, times in given.items():
        if name not in known:
            says = f"it knows {', '.join(sorted(known))}" if known else "it takes none"
            raise Problem(422, "parameter", f"no parameter {name[:40]!r} here", says)
        if times > 1:
            raise Problem(422, "parameter", f"{name} is given {times} times", "give it once")


KNOWN_ONLY = [Depends(refuse_unknown)]

WHY = {
    401: "No token, or a wrong one", 403: "Nobody may", 404: "No such thing",
    409: "Already under way", 416: "No such bytes", 421: "Reached by an unknown name",
    422: "Not understood",
    429: "Too many requests", 503: "Not ready", 504: "Too slow",
}  # fmt: skip


def refusals(*more: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer, for its description."""
    schema = {"schema": {"$ref": "#/components/schemas/Problem"}}
    found = sorted({421, 422, 429, 503, 504, *more})
    return {status: {"description": WHY[status], "content": {MEDIA: schema}} for status in found}
