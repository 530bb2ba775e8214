"""What comes in, how late, from whom, and where it lies: told by the second to those who poll."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from alphapulse.pauses import Silence
from alphapulse.spelling import full_time
from alphapulse.storage import Files, Shelf
from alphapulse.store.connect import Store
from alphapulse.store.pauses import silences
from alphapulse.store.statistics_reading import (
    Columns,
    FeedFacts,
    Feeds,
    Stored,
    read_feeds,
    read_ingestion,
    read_latency,
    read_stored,
)
from alphapulse.trade import Market
from api import statistics_models as models
from api.answers import Answer, answer, shared
from api.asking import KNOWN_ONLY, OneExchange, refusals
from api.context import House, house_of

router = APIRouter(dependencies=KNOWN_ONLY, tags=["statistics"])

Window = Annotated[
    Literal["15m", "1h", "24h", "7d"],
    Query(description="Up to now. 15m is told by the second, the others by the minute"),
]
WINDOWS = {
    "15m": timedelta(minutes=15),
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
}


@router.get("/ingestion", responses={200: {"model": models.Ingestion}, **refusals()})
async def ingestion(request: Request, window: Window = "15m") -> Response:
    """Counts of each exchange's collector; null where none was alive to count."""
    house = house_of(request)

    async def compute() -> Answer:
        found = await house.ask(lambda store: read_ingestion(store, WINDOWS[window]))
        # Each connection that ended is followed by the next; the first one follows none.
        feeds = [{**feed, "reconnects": feed["disconnects"]} for feed in found.feeds]
        for feed in feeds:
            del feed["disconnects"]
        return answer({**line(found), "feeds": feeds}, found.now, found.simulated)

    return await shared(request, compute)


@router.get("/latency", responses={200: {"model": models.Latencies}, **refusals()})
async def latency(
    request: Request, window: Window = "15m", exchange: OneExchange = None
) -> Response:
    """Percentiles in milliseconds, of histograms that were added; null where nothing was counted.

    `receive`: from the exchange's time of a trade to our receiving it. `write`: a transaction of
    the store. `deliver`: from receiving a trade to handing it to the stream's clients.
    """
    house = house_of(request)

    async def compute() -> Answer:
        found = await house.ask(lambda store: read_latency(store, WINDOWS[window], exchange))
        feeds = [{**one, "exchange": one["exchange"] or None} for one in found.feeds]
        total = next((one for one in feeds if one["kind"] == "total"), nothing(found))
        facts = {
            **line(found),
            "feeds": [one for one in feeds if one["kind"] != "total"],
            "total": {**total, "kind": "receive"},
        }
        return answer(facts, found.now, found.simulated)

    return await shared(request, compute)


def line(found: Columns) -> dict[str, Any]:
    times = [full_time(at) for at in found.times]
    return {"bucket_seconds": found.bucket_seconds, "times": times}


def nothing(found: Columns) -> dict[str, Any]:
    empty = [None] * len(found.times)
    return {"exchange": None, "p50": empty, "p95": empty, "p99": empty, "max": empty}


@router.get("/feeds", responses={200: {"model": models.FeedStates}, **refusals()})
async def feeds(request: Request) -> Response:
    """Each market as it stands; `stale`: no connection serves it, so nobody knows."""
    house = house_of(request)

    async def compute() -> Answer:
        found, silent = await house.ask(read_both)
        facts = [feed_state(one, silent, found.now) for one in found.feeds]
        return answer({"feeds": facts}, found.now, found.simulated)

    return await shared(request, compute)


def read_both(store: Store) -> tuple[Feeds, dict[Market, Silence]]:
    found = read_feeds(store)
    return found, {Market(one.exchange, one.symbol): one for one in silences(store, found.now)}


def feed_state(one: FeedFacts, silent: Mapping[Market, Silence], now: datetime) -> dict[str, Any]:
    market = Market(one.exchange, one.symbol)
    silence = silent.get(market)
    age = None if one.last_trade is None else max(0.0, (now - one.last_trade).total_seconds())
    return {
        "market": market.key,
        "exchange": one.exchange,
        "symbol": one.symbol,
        "state": state_of(one, silence),
        "last_trade": None if one.last_trade is None else full_time(one.last_trade),
        "age_seconds": age,
        "silent_after_seconds": silence.limit.seconds if silence else None,
        "trades_per_second": one.trades_per_second,
        "lag_p50_ms": one.lag_p50,
        "lag_p99_ms": one.lag_p99,
        "open_gaps": one.open_gaps,
    }


def state_of(one: FeedFacts, silence: Silence | None) -> str:
    """The first that holds."""
    if one.is_refused:
        return "refused"
    if one.last_trade is None:
        return "never"
    if not one.is_served:
        return "stale"
    return "silent" if silence and silence.is_silent else "fresh"


@router.get("/storage", responses={200: {"model": models.Storage}, **refusals()})
async def storage(request: Request) -> Response:
    """Bytes of the database, of the archive's files and of the journals, and what is left."""
    house = house_of(request)
    shelf = shelf_of(request, house)

    async def compute() -> Answer:
        stored = await house.ask(read_stored)
        return answer(
            storage_facts(stored, await house.run(shelf.look)), stored.now, stored.simulated
        )

    return await shared(request, compute)


def shelf_of(request: Request, house: House) -> Shelf:
    state = request.app.state
    if not hasattr(state, "shelf"):
        state.shelf = Shelf(house.settings)
    found: Shelf = state.shelf
    return found


def storage_facts(stored: Stored, files: Files) -> dict[str, Any]:
    return {
        "database_bytes": stored.database_bytes,
        "tables": stored.tables,
        "parquet_bytes": files.parquet,
        "candles_bytes": files.candles,
        "journal_bytes": files.journal,
        "disk": {"free": files.free, "total": files.total},
        "days_left": files.days_left,
    }
