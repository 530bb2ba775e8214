"""Whether it is all there: coverage, gaps and incidents."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from alphapulse.candles import BarSize
from alphapulse.day import MarketDay
from alphapulse.spelling import full_time
from alphapulse.store.bars import archived_days
from alphapulse.store.catalogue import read_instance
from alphapulse.store.connect import Store
from alphapulse.store.quality import (
    Row,
    alerts_page,
    coverage_cells,
    gaps_page,
    served_times,
    trades_by_minute,
)
from alphapulse.trade import Market
from api import models
from api.answers import Answer, answer, shared
from api.asking import (
    KNOWN_ONLY,
    CursorText,
    Exchange,
    Limit,
    OneExchange,
    OneSymbol,
    Symbol,
    refusals,
)
from api.bars import Shelf
from api.context import House, house_of
from api.problems import Problem, bad_time
from api.routes.catalogue import told
from api.spans import Row as NumberedRow
from api.spans import fingerprint, read_cursor, read_market, read_moment, write_cursor

router = APIRouter(dependencies=KNOWN_ONLY, tags=["quality"])

USUAL_DAYS = 30
MOST_DAYS = 3_660
MOST_CELLS = 50_000
State = Literal["suspected", "repairing", "repaired", "absent", "unrecoverable"]
FirstDay = Annotated[str | None, Query(max_length=40, description="Included; default: 30 days ago")]
LastDay = Annotated[str | None, Query(max_length=40, description="Not included; default: tomorrow")]
OneDay = Annotated[str, Path(max_length=10, examples=["2026-11-21"])]


@router.get("/coverage", responses={200: {"model": models.Coverage}, **refusals(404)})
async def coverage(
    request: Request, exchange: OneExchange = None, symbol: OneSymbol = None,
    start: FirstDay = None, end: LastDay = None,
) -> Response:  # fmt: skip
    """The verdict of every judged market and day."""
    house = house_of(request)

    def read(store: Store) -> Answer:
        found = read_instance(store)
        ids = market_ids(house, store, exchange, symbol)
        first, last = read_days(start, end, found.now)
        cells = coverage_cells(store, ids, first, last, MOST_CELLS + 1)
        if len(cells) > MOST_CELLS:
            hint = "ask for fewer days, or for one exchange"
            raise Problem(422, "range", f"more than {MOST_CELLS:,} cells", hint)
        facts = [cell_facts(cell) for cell in cells]
        keys = dict.fromkeys(cell["market"] for cell in facts)
        days = sorted({cell["day"] for cell in facts})
        return answer(
            {"markets": list(keys), "days": days, "cells": facts}, found.now, found.simulated
        )

    return await shared(request, lambda: house.ask(read))


@router.get(
    "/coverage/{exchange}/{symbol:path}/{day}",
    responses={200: {"model": models.CoverageDay}, **refusals(404)},
)
async def coverage_day(
    request: Request, exchange: Exchange, symbol: Symbol, day: OneDay
) -> Response:
    """One market's day, minute by minute, with when it was served and its gaps."""
    house = house_of(request)

    def read(store: Store) -> Answer:
        found = read_instance(store)
        names = house.names(store)
        market = read_market(f"{exchange}/{symbol}", names)
        id, at = names[market], MarketDay(read_day("day", day), market)
        cells = coverage_cells(store, [id], at.date, at.date, 1)
        gaps = gaps_page(store, 10_000, market_ids=[id], start=at.starts_at, end=at.ends_at)
        served = served_times(store, id, at)
        facts = {
            "cell": cell_facts(cells[0]) if cells else None,
            "minutes": minutes(house, store, id, at),
            "served": [[full_time(since), full_time(until)] for since, until in served],
            "gaps": [gap_facts(gap) for gap in gaps],
        }
        return answer(facts, found.now, found.simulated)

    return await shared(request, lambda: house.ask(read))


def minutes(house: House, store: Store, market_id: int, day: MarketDay) -> list[int]:
    """From the file of candles where the day is archived, else counted in the store."""
    if not archived_days(store, market_id, day.date, day.date):
        return trades_by_minute(store, market_id, day)
    shelf = Shelf(
        store, house.kept(), house.settings.home, day.market, market_id, BarSize.ONE_MINUTE
    )
    bars = shelf.read(day.starts_at, day.ends_at, 1440)
    counts = [0] * 1440
    for opened, trades in zip(bars["opened_at"], bars["trades"], strict=True):
        counts[int(opened[11:13]) * 60 + int(opened[14:16])] = trades
    return counts


@router.get("/gaps", responses={200: {"model": models.Gaps}, **refusals(404)})
async def gaps(
    request: Request, state: State | None = None,
    open: Annotated[bool | None, Query(description="Only those that are (not) open")] = None,
    exchange: OneExchange = None, symbol: OneSymbol = None, limit: Limit = 100,
    cursor: CursorText = None,
) -> Response:  # fmt: skip
    """Holes in the ids, newest first."""
    house = house_of(request)

    def read(store: Store) -> Answer:
        found = read_instance(store)
        ids = market_ids(house, store, exchange, symbol)
        asked = fingerprint("gaps", state, open, exchange, symbol)
        rows = gaps_page(
            store, limit + 1, market_ids=ids, state=state, is_open=open, below=below(cursor, asked)
        )
        facts = {
            "gaps": [gap_facts(row) for row in rows[:limit]],
            "next_cursor": following(rows, limit, asked, "gap_id"),
        }
        return answer(facts, found.now, found.simulated)

    return await shared(request, lambda: house.ask(read))


@router.get("/incidents", responses={200: {"model": models.Incidents}, **refusals()})
async def incidents(
    request: Request,
    open: Annotated[bool | None, Query(description="Only those that stand (or are over)")] = None,
    limit: Limit = 100, cursor: CursorText = None,
) -> Response:  # fmt: skip
    """What was found wrong, newest first."""
    house = house_of(request)

    def read(store: Store) -> Answer:
        found = read_instance(store)
        asked = fingerprint("incidents", open)
        rows = alerts_page(store, limit + 1, open, below(cursor, asked))
        facts = {
            "incidents": [incident_facts(row) for row in rows[:limit]],
            "next_cursor": following(rows, limit, asked, "alert_id"),
        }
        return answer(facts, found.now, found.simulated)

    return await shared(request, lambda: house.ask(read))


def below(cursor: str | None, asked: str) -> int | None:
    return None if cursor is None else read_cursor(cursor, NumberedRow, asked).id


def following(rows: Sequence[Row], limit: int, asked: str, key: str) -> str | None:
    return write_cursor(NumberedRow(asked, rows[limit - 1][key])) if len(rows) > limit else None


def market_ids(
    house: House, store: Store, exchange: str | None, symbol: str | None
) -> list[int] | None:
    """Of the one market, of the exchange's, or None: of all. Raises Problem."""
    names = house.names(store)
    if exchange is None:
        if symbol is not None:
            raise Problem(422, "parameter", "symbol without exchange", "give exchange as well")
        return None
    if symbol is not None:
        return [names[read_market(f"{exchange}/{symbol}", names)]]
    found = [id for market, id in names.items() if market.exchange == exchange.lower()]
    if not found:
        known = ", ".join(sorted({market.exchange for market in names})) or "none yet"
        raise Problem(404, "exchange", f"no exchange {exchange!r} here", f"there are: {known}")
    return found


def read_days(start: str | None, end: str | None, now: datetime) -> tuple[date, date]:
    """The first and the last day, both included; raises Problem."""
    today = now.astimezone(UTC).date()
    until = today if end is None else read_day("end", end) - timedelta(days=1)
    first = until - timedelta(days=USUAL_DAYS - 1) if start is None else read_day("start", start)
    if first > until + timedelta(days=1):
        raise Problem(422, "range", f"end {end} is before start {start}", "swap them")
    if (until - first).days > MOST_DAYS:
        raise Problem(422, "range", f"more than {MOST_DAYS:,} days", "ask for it in pieces")
    return first, until


def read_day(name: str, text: str) -> date:
    """A date, or the UTC day of an instant; raises Problem."""
    found = read_moment(name, text)
    if name == "day" and len(text) != len("2026-11-21"):
        raise bad_time(f"{name}: {text!r} is no date")
    return found.date()


def cell_facts(row: Row) -> dict[str, Any]:
    facts = {
        name: value
        for name, value in row.items()
        if name not in {"exchange", "symbol", "market_id"}
    }
    return {"market": key_of(row), **facts, "day": str(row["day"])}


def gap_facts(row: Row) -> dict[str, Any]:
    return {
        "gap_id": row["gap_id"],
        "market": key_of(row),
        "state": row["state"],
        "cause": row["cause"],
        "after_id": str(row["after_id"]),
        "before_id": None if row["before_id"] is None else str(row["before_id"]),
        "after": told(row["after_at"]),
        "before": told(row["before_at"]),
        "found": told(row["found_at"]),
        "closed": told(row["closed_at"]),
        "attempts": row["attempts"],
        "filled": row["filled"],
        "absent": row["absent"],
        "note": row["note"],
    }


def incident_facts(row: Row) -> dict[str, Any]:
    facts = {name: value for name, value in row.items() if name not in {"since", "resolved_at"}}
    return facts | {"since": told(row["since"]), "resolved": told(row["resolved_at"])}


def key_of(row: Row) -> str:
    return Market(row["exchange"], row["symbol"]).key
