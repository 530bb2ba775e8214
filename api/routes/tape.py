"""Trades and candles of one market, page by page, in four formats."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

import msgspec
from fastapi import APIRouter, Query, Request
from msgspec import Struct
from starlette.responses import Response

from alphapulse.candles import BarSize
from alphapulse.columns import (
    BAR_COLUMNS,
    TRADE_COLUMNS,
    Columns,
    cut,
    json_of_trades,
    length,
    rows_of,
)
from alphapulse.lake import LakeError
from alphapulse.lake.columns import (
    FORMATS,
    candles_table,
    csv_of_columns,
    encoded,
    trades_table,
)
from alphapulse.spelling import full_time
from alphapulse.store.catalogue import Instance
from alphapulse.store.completeness import complete_until
from alphapulse.store.connect import Store
from alphapulse.store.pages import Stretch
from alphapulse.store.spelled import Spelled, read_spelled
from alphapulse.trade import Market
from api import models
from api.answers import Answer, answer, of_bytes, shared
from api.asking import KNOWN_ONLY, CursorText, End, Exchange, Limit, Start, Symbol, refusals
from api.bars import Shelf
from api.context import house_of
from api.history import Page, trades_page
from api.problems import Problem
from api.routes.catalogue import named, told
from api.spans import (
    LONGEST_RANGE,
    Place,
    check_range,
    fingerprint,
    micros,
    moment,
    read_cursor,
    read_market,
    read_moment,
    write_cursor,
)

router = APIRouter(
    prefix="/markets/{exchange}/{symbol:path}", tags=["market data"], dependencies=KNOWN_ONLY
)

BEGINNING = datetime(2009, 1, 1, tzinfo=UTC)  # before any trade
LONGEST = timedelta(days=366 * 90)  # of a walk through trades, which reads no more than its pages

Format = Annotated[
    Literal["json", "csv", "parquet", "arrow"],
    Query(description="csv, parquet and arrow tell the cursor in the header X-Next-Cursor"),
]
Shape = Literal["rows", "columns"]
Size = Literal["1m", "5m", "15m", "1h", "1d"]
OTHER: dict[str, Any] = {media.partition(";")[0]: {} for media in FORMATS.values()}


class Asked(Struct, frozen=True):
    """A question about one market, as it was understood."""

    market: Market
    market_id: int
    found: Instance
    start: datetime | None
    end: datetime
    place: Place | None
    asked: str

    def facts(self, complete: datetime | None) -> dict[str, Any]:
        return {
            "market": named(self.market),
            "start": told(self.start),
            "end": full_time(self.end),
            "complete_until": told(complete),
        }

    def cursor(self, at: datetime, id: int = 0) -> str:
        return write_cursor(Place(self.asked, micros(self.end), micros(at), id))


def understand(
    found: Instance, names: dict[Market, int], text: str, start: str | None, end: str | None,
    cursor: str | None, *more: str,
) -> Asked:  # fmt: skip
    """Raises Problem. Without an end a walk ends where now was when it began."""
    market = read_market(text, names)
    asked = fingerprint(market.key, start, end, *more)
    place = None if cursor is None else read_cursor(cursor, Place, asked)
    begin = None if start is None else read_moment("start", start)
    until = found.now if end is None else read_moment("end", end)
    until = until if place is None else moment(place.end)
    check_range(begin or min(BEGINNING, until), until, LONGEST)
    return Asked(market, names[market], found, begin, until, place, asked)


@router.get("/trades", responses={200: {"model": models.Trades, "content": OTHER}, **refusals(404)})
async def trades(
    request: Request, exchange: Exchange, symbol: Symbol, start: Start = None, end: End = None,
    limit: Limit = 1_000, cursor: CursorText = None, order: Literal["asc", "desc"] = "asc",
    format: Format = "json", shape: Shape = "rows",
) -> Response:  # fmt: skip
    """Trades of [start, end) in order of (time, id): each exactly once, whatever is stored
    meanwhile. Without a start from the first one on.
    """
    house = house_of(request)

    def read(store: Store) -> Answer:
        names = house.names(store)
        asked = understand(
            house.instance(store),
            names,
            f"{exchange}/{symbol}",
            start,
            end,
            cursor,
            "trades",
            order,
        )
        place = None if asked.place is None else (moment(asked.place.at), asked.place.id)
        begin = asked.start or BEGINNING
        stretch = Stretch(asked.market_id, begin, asked.end, place, order == "desc")
        complete = complete_until(
            store, house.kept().edges, asked.market_id, asked.start, asked.end
        )
        found: Spelled | Page | None = None
        if format == "json":
            found = read_spelled(store, stretch, limit, shape)
        if found is None:
            found = trades_page(store, house.settings.parquet, asked.market, stretch, limit)
        following = None if found.place is None else asked.cursor(*found.place)
        if format != "json" and isinstance(found, Page):
            make = file_of_trades(asked.market, found.columns)
            return as_file(request, asked, "trades", format, make, complete, following)
        facts = asked.facts(complete) | {"trades": json_of(found, shape), "next_cursor": following}
        return answer(facts, asked.found.now, asked.found.simulated)

    return await shared(request, lambda: house.ask(read))


@router.get(
    "/candles", responses={200: {"model": models.Candles, "content": OTHER}, **refusals(404)}
)
async def candles(
    request: Request, exchange: Exchange, symbol: Symbol, size: Size = "1m", start: Start = None,
    end: End = None, limit: Limit = 1_000, cursor: CursorText = None, format: Format = "json",
    shape: Shape = "columns",
) -> Response:  # fmt: skip
    """Bars that open in [start, end), each whole; none where nobody traded. Without a start: the
    last `limit` bars' time before the end.
    """
    house = house_of(request)

    def read(store: Store) -> Answer:
        instance, names = house.instance(store), house.names(store)
        bar = BarSize(size)
        more = (size, str(limit) if start is None else "")
        text = f"{exchange}/{symbol}"
        asked = understand(instance, names, text, start, end, cursor, "candles", *more)
        length_of_bar = timedelta(microseconds=bar.micros)
        begin = asked.start or asked.end - min(length_of_bar * limit, LONGEST_RANGE)
        check_range(begin, asked.end)
        at = begin if asked.place is None else moment(asked.place.at)
        shelf = Shelf(store, house.kept(), house.settings.home, asked.market, asked.market_id, bar)
        found = shelf.read(at, asked.end, limit + 1)
        columns = cut(found, limit)
        following = None
        if length(found) > limit:
            following = asked.cursor(datetime.fromisoformat(found["opened_at"][-1]))
        complete = complete_until(store, house.kept().edges, asked.market_id, begin, asked.end)
        if format != "json":
            make = file_of_candles(asked.market, columns)
            return as_file(request, asked, f"candles_{size}", format, make, complete, following)
        facts = asked.facts(complete) | {
            "size": size,
            "start": full_time(begin),
            "candles": columns if shape == "columns" else rows_of(columns),
            "open_bar": open_bar(columns, length_of_bar, asked.found.now),
            "next_cursor": following,
        }
        return answer(facts, asked.found.now, asked.found.simulated)

    return await shared(request, lambda: house.ask(read))


def open_bar(columns: Columns, length_of_bar: timedelta, now: datetime) -> str | None:
    """The last bar's opening, while its time is not over."""
    if not columns["opened_at"]:
        return None
    opened: str = columns["opened_at"][-1]
    return opened if datetime.fromisoformat(opened) + length_of_bar > now else None


def json_of(found: Spelled | Page, shape: str) -> Any:
    """A page's trades as the answer holds them."""
    if isinstance(found, Spelled):
        return msgspec.Raw(found.json)
    return msgspec.Raw(json_of_trades(found.columns)) if shape == "rows" else found.columns


Maker = Callable[[str], bytes]


def file_of_trades(market: Market, columns: Columns) -> Maker:
    def make(format: str) -> bytes:
        if format == "csv":
            return csv_of_columns(market, columns, TRADE_COLUMNS)
        return encoded(trades_table(market, columns), format)

    return make


def file_of_candles(market: Market, columns: Columns) -> Maker:
    def make(format: str) -> bytes:
        if format == "csv":
            return csv_of_columns(market, columns, {name: name for name in BAR_COLUMNS})
        return encoded(candles_table(market, columns), format)

    return make


def as_file(
    request: Request, asked: Asked, what: str, format: str, make: Maker,
    complete: datetime | None, following: str | None,
) -> Answer:  # fmt: skip
    """What JSON says around the rows stands in headers."""
    name = f"{asked.market.key.replace('/', '_').replace('%', '')}_{what}.{format}"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "X-As-Of": full_time(asked.found.now),
        "X-Simulated": "true" if asked.found.simulated else "false",
        "X-Complete-Until": told(complete) or "",
    }
    if following is not None:
        headers["X-Next-Cursor"] = following
        query = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
        link = urlencode([*query, ("cursor", following)])
        headers["Link"] = f'<?{link}>; rel="next"'
    try:
        body = make(format)
    except LakeError as failure:
        hint = "ask for json or csv, which tell every digit as text"
        raise Problem(422, "format", f"{format} holds 18 decimals: {failure}", hint) from failure
    return of_bytes(body, FORMATS[format], headers, is_packed=format != "csv")
