"""What there is: configuration, exchanges, markets, and how each market stands now."""

from datetime import datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from itertools import groupby
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from alphapulse.columns import rows_of
from alphapulse.spelling import full_time
from alphapulse.store.catalogue import Instance, Known, Past, read_instance, read_known, read_past
from alphapulse.store.connect import Store
from alphapulse.store.pages import Stretch
from alphapulse.store.pauses import silences
from alphapulse.trade import Market
from api import models
from api.answers import Answer, answer, shared
from api.asking import KNOWN_ONLY, Exchange, Symbol, refusals
from api.context import House, house_of
from api.history import trades_page
from api.links import dagster_url, stream_url
from api.spans import read_market

router = APIRouter(dependencies=KNOWN_ONLY)
ONE_DAY = timedelta(days=1)


@router.get("/config", responses={200: {"model": models.Config}, **refusals()}, tags=["catalogue"])
async def config(request: Request) -> Response:
    """What a client must know to begin: addresses of the other servers, and what this is."""
    house = house_of(request)
    host, scheme = request.headers.get("host", ""), request.url.scheme

    async def compute() -> Answer:
        found = await house.ask(read_instance)
        settings = house.settings
        facts = {
            "version": version("alphapulse"),
            "layout": found.layout,
            "stream_url": stream_url(settings, scheme, host),
            "dagster_url": dagster_url(settings, host),
            "grafana_url": settings.public_grafana_url,
            "writable": settings.api_token is not None,
        }
        return answer(facts, found.now, found.simulated)

    return await shared(request, compute, f"{scheme}://{host}")


@router.get(
    "/exchanges", responses={200: {"model": models.Exchanges}, **refusals()}, tags=["catalogue"]
)
async def exchanges(request: Request) -> Response:
    """Every exchange, whether it is collected now, and its newest trade."""
    house = house_of(request)

    async def compute() -> Answer:
        found, known, _ = await house.ask(read_markets)
        groups = groupby(known, key=lambda one: one.market.exchange)
        facts = [exchange_facts(name, list(markets)) for name, markets in groups]
        return answer({"exchanges": facts}, found.now, found.simulated)

    return await shared(request, compute)


def exchange_facts(name: str, markets: list[Known]) -> dict[str, Any]:
    newest = max((one.last_at for one in markets if one.last_at), default=None)
    return {
        "exchange": name,
        "markets": len(markets),
        "collecting": any(one.is_served for one in markets),
        "last_trade": told(newest),
    }


@router.get(
    "/markets", responses={200: {"model": models.Markets}, **refusals()}, tags=["catalogue"]
)
async def markets(request: Request) -> Response:
    """Every market that was ever stored, with its newest trade."""
    house = house_of(request)

    def read(store: Store) -> Answer:
        found, known, limits = read_markets(store)
        facts = [market_facts(house, store, one, limits.get(one.market)) for one in known]
        return answer({"markets": facts}, found.now, found.simulated)

    return await shared(request, lambda: house.ask(read))


def read_markets(store: Store) -> tuple[Instance, list[Known], dict[Market, float]]:
    """With the seconds after which each counts as silent."""
    found = read_instance(store)
    known = silences(store, found.now)
    limits = {Market(one.exchange, one.symbol): one.limit.seconds for one in known}
    return found, read_known(store), limits


def market_facts(house: House, store: Store, one: Known, limit: float | None) -> dict[str, Any]:
    return {
        **named(one.market),
        "first_seen": told(one.first_seen),
        "refused_at": told(one.refused_at),
        "refusal": one.refusal,
        "counts_trades": one.counts_trades,
        "first_day": one.first_day,
        "last_day": one.last_day,
        "last_trade": last_trade(house, store, one),
        "silent_after_seconds": limit,
    }


def last_trade(house: House, store: Store, one: Known) -> dict[str, Any] | None:
    """The newest, which may be in the file of a day that left the store."""
    if one.gone_at is None or (one.newest_at is not None and one.newest_at >= one.gone_at):
        return one.newest
    end = one.gone_at + timedelta(microseconds=1)
    stretch = Stretch(one.market_id, one.gone_at - ONE_DAY, end, is_descending=True)
    rows = rows_of(trades_page(store, house.settings.parquet, one.market, stretch, 1).columns)
    return rows[0] if rows else one.newest


@router.get(
    "/markets/{exchange}/{symbol:path}/ticker",
    responses={200: {"model": models.Ticker}, **refusals(404)},
    tags=["market data"],
)
async def ticker(request: Request, exchange: Exchange, symbol: Symbol) -> Response:
    """The newest trade, its age, and the last 24 hours."""
    house = house_of(request)

    def read(store: Store) -> Answer:
        names = house.names(store)
        market = read_market(f"{exchange}/{symbol}", names)
        (known,) = read_known(store, names[market])
        found = read_instance(store)
        limits = {Market(s.exchange, s.symbol): s.limit.seconds for s in silences(store, found.now)}
        last = last_trade(house, store, known)
        past = read_past(store, known.market_id, found.now - ONE_DAY)
        facts = {
            "market": named(market),
            "last": last,
            "age_seconds": age(last, found.now),
            "silent_after_seconds": limits.get(market),
            "day": day_facts(past, last),
        }
        return answer(facts, found.now, found.simulated)

    return await shared(request, lambda: house.ask(read))


def age(last: dict[str, Any] | None, now: datetime) -> float | None:
    if last is None:
        return None
    return round((now - datetime.fromisoformat(last["time"])).total_seconds(), 3)


def day_facts(past: Past, last: dict[str, Any] | None) -> dict[str, Any] | None:
    if past.open is None or last is None:
        return None
    change = Decimal(last["price"]) - Decimal(past.open)
    return {
        "open": past.open,
        "high": past.high,
        "low": past.low,
        "volume": past.volume,
        "quote_volume": past.quote_volume,
        "trades": past.trades,
        "change": f"{change:f}",
    }


def named(market: Market) -> dict[str, str]:
    return {"key": market.key, "exchange": market.exchange, "symbol": market.symbol}


def told(at: datetime | None) -> str | None:
    return None if at is None else full_time(at)
