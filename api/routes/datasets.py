"""Whole days as the Parquet files of the archive, each with its certificate."""

import tempfile
from collections.abc import Callable
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from alphapulse import lake
from alphapulse.day import MarketDay
from alphapulse.lake.months import group_bytes, month_of, month_pairs
from alphapulse.store.catalogue import read_instance
from alphapulse.store.connect import Store
from alphapulse.store.quality import filed_days
from alphapulse.trade import Market
from api import models
from api.answers import Answer, answer, shared
from api.asking import KNOWN_ONLY, LARGEST, Exchange, OneExchange, OneSymbol, Symbol, refusals
from api.context import House, house_of
from api.downloads import send_file
from api.problems import Problem
from api.routes.quality import FirstDay, LastDay, OneDay, market_ids, read_day, read_days
from api.spans import read_market

router = APIRouter(prefix="/datasets", tags=["datasets"], dependencies=KNOWN_ONLY)

MEDIA = "application/vnd.apache.parquet"
PARQUET: dict[str, Any] = {"content": {MEDIA: {}}, "description": "The day's Parquet file"}
PARTS: dict[int | str, dict[str, Any]] = {
    206: {**PARQUET, "description": "The range that was asked for"}
}


@router.get("", responses={200: {"model": models.Datasets}, **refusals(404)})
async def datasets(
    request: Request, exchange: OneExchange = None, symbol: OneSymbol = None,
    start: FirstDay = None, end: LastDay = None,
) -> Response:  # fmt: skip
    """Every day that has a file."""
    house = house_of(request)

    def read(store: Store) -> Answer:
        found = read_instance(store)
        ids = market_ids(house, store, exchange, symbol)
        first, last = read_days(start, end, found.now)
        rows = filed_days(store, ids, first, last, LARGEST + 1)
        if len(rows) > LARGEST:
            hint = "ask for fewer days, or for one exchange"
            raise Problem(422, "range", f"more than {LARGEST:,} files", hint)
        bytes_of = sizes(house.settings.parquet)
        facts = [
            dataset_facts(house, day, row["rows"], length)
            for row in rows
            if (length := bytes_of(day := day_of(row))) is not None
        ]
        return answer({"datasets": facts}, found.now, found.simulated)

    return await shared(request, lambda: house.ask(read))


def day_of(row: dict[str, Any]) -> MarketDay:
    return MarketDay(row["day"], Market(row["exchange"], row["symbol"]))


def sizes(parquet: Path) -> Callable[[MarketDay], int | None]:
    """How many bytes a day takes; each month's file is opened once."""

    @cache
    def month(path: Path) -> dict[date, int]:
        return dict(zip(month_pairs(path), group_bytes(path), strict=True)) if path.exists() else {}

    def bytes_of(day: MarketDay) -> int | None:
        path = lake.path_of(parquet, day)
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return month(month_of(path)).get(day.date)

    return bytes_of


def dataset_facts(house: House, day: MarketDay, rows: int, length: int) -> dict[str, Any]:
    url = f"/v1/datasets/{day.market.key.replace('%', '%25')}/{day.date}"
    return {
        "market": day.market.key,
        "day": str(day.date),
        "rows": rows,
        "bytes": length,
        "sha256": house.digests.get(str(lake.path_of(house.settings.parquet, day)), length),
        "url": url,
        "certificate": f"{url}/certificate",
    }


@router.get(
    "/{exchange}/{symbol:path}/{day}/certificate",
    responses={200: {"model": models.Certificate}, **refusals(404)},
)
async def certificate(
    request: Request, exchange: Exchange, symbol: Symbol, day: OneDay
) -> Response:
    """What the file certifies of itself, and the SHA-256 of a file of its own."""
    house = house_of(request)

    def read(store: Store) -> Answer:
        found = read_instance(store)
        at = find_day(house, store, exchange, symbol, day)
        words = lake.find_certificate(house.settings.parquet, at)
        if words is None:
            raise no_file(at)
        path = lake.path_of(house.settings.parquet, at)
        facts = {
            "certificate": msgspec.to_builtins(words),
            "sha256": house.digests.of(path) if path.exists() else None,
        }
        return answer(facts, found.now, found.simulated)

    return await shared(request, lambda: house.ask(read))


@router.get(
    "/{exchange}/{symbol:path}/{day}",
    responses={200: PARQUET, **PARTS, **refusals(404, 416)},
    response_class=Response,
)
async def dataset(request: Request, exchange: Exchange, symbol: Symbol, day: OneDay) -> Response:
    """The day's file, byte for byte; of a day in its month's file, a file of its own is made."""
    house = house_of(request)
    at = await house.ask(lambda store: find_day(house, store, exchange, symbol, day))
    name = f"{at.market.key.replace('/', '_').replace('%', '')}_{at.date}.parquet"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return await house.run(lambda: day_file(request, house.settings.parquet, at, headers))


def day_file(request: Request, parquet: Path, day: MarketDay, headers: dict[str, str]) -> Response:
    place = lake.place_of(parquet, day)
    if place is None:
        raise no_file(day)
    if place.group is None:
        return send_file(request, place.path, MEDIA, headers)
    changed = place.path.stat()
    tag = f'"{changed.st_mtime_ns:x}-{place.group}"'
    with tempfile.TemporaryDirectory(prefix="alphapulse-day-") as folder:
        own = Path(folder) / "day.parquet"
        lake.extract(place, own)
        return send_file(request, own, MEDIA, headers | {"ETag": tag})


def find_day(house: House, store: Store, exchange: str, symbol: str, day: str) -> MarketDay:
    market = read_market(f"{exchange}/{symbol}", house.names(store))
    return MarketDay(read_day("day", day), market)


def no_file(day: MarketDay) -> Problem:
    hint = "days are exported after midnight UTC; GET /v1/datasets lists them"
    return Problem(404, "dataset", f"{day.key} has no file", hint)
