"""What answers look like, for the OpenAPI description. Answers are not made from these: row
objects cost more than the rest of a request together (bench/api.py); a test compares both.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(examples=["2026-11-21T10:00:00.000000Z"], description="RFC 3339, UTC")]
Number = Annotated[str, Field(examples=["61000.5"], description="An exact decimal, as text")]
Id = Annotated[str, Field(examples=["1004723"], description="A whole number, as text")]
Day = Annotated[str, Field(examples=["2026-11-21"], description="A UTC day")]
Key = Annotated[str, Field(examples=["kraken/BTC_USD"], description="exchange/symbol, as in paths")]
Cursor = Annotated[str | None, Field(description="Give it back to go on; null: nothing follows")]
Complete = Annotated[
    str | None,
    Field(description="Every trade of the range before this is there; null: that is not proved"),
]


class Model(BaseModel):
    """No answer has fields that its description does not name."""

    model_config = ConfigDict(extra="forbid")


class Told(Model):
    """Every answer says as of when it holds, and whether the data is simulated."""

    as_of: Time
    simulated: bool


class Problem(BaseModel):
    """RFC 9457; `hint` says what to do."""

    type: str
    title: str
    status: int
    detail: str
    hint: str
    instance: str
    request_id: str


class Config(Told):
    version: str
    layout: Literal["hypertable", "partitions"]
    stream_url: str
    dagster_url: str | None
    grafana_url: str | None
    writable: Annotated[bool, Field(description="Whether POST /v1/backfills is open to a token")]


class Exchange(Model):
    exchange: str
    markets: int
    collecting: bool
    last_trade: Time | None


class Exchanges(Told):
    exchanges: list[Exchange]


class Trade(Model):
    id: Id
    price: Number
    size: Number
    side: Annotated[Literal["buy", "sell"], Field(description="The taker's")]
    time: Time
    received: Time
    source: Literal["live", "snapshot", "backfill"]


class TradeColumns(Model):
    id: list[Id]
    price: list[Number]
    size: list[Number]
    side: list[str]
    time: list[Time]
    received: list[Time]
    source: list[str]


class Named(Model):
    key: Key
    exchange: str
    symbol: str


class Market(Named):
    first_seen: Time
    refused_at: Time | None
    refusal: str | None
    counts_trades: Annotated[bool, Field(description="Its ids are consecutive: a jump is a gap")]
    first_day: Day | None
    last_day: Day | None
    last_trade: Trade | None
    silent_after_seconds: float | None


class Markets(Told):
    markets: list[Market]


class Trades(Told):
    market: Named
    start: Time | None
    end: Time
    complete_until: Complete
    trades: list[Trade] | TradeColumns
    next_cursor: Cursor


class Candle(Model):
    opened_at: Time
    open: Number
    high: Number
    low: Number
    close: Number
    volume: Number
    buy_volume: Number
    quote_volume: Number
    trades: int
    first_id: Id
    last_id: Id


class CandleColumns(Model):
    opened_at: list[Time]
    open: list[Number]
    high: list[Number]
    low: list[Number]
    close: list[Number]
    volume: list[Number]
    buy_volume: list[Number]
    quote_volume: list[Number]
    trades: list[int]
    first_id: list[Id]
    last_id: list[Id]


class Candles(Told):
    market: Named
    size: str
    start: Time
    end: Time
    complete_until: Complete
    candles: CandleColumns | list[Candle]
    open_bar: Annotated[Time | None, Field(description="The last bar, while its time is not over")]
    next_cursor: Cursor


class TickerDay(Model):
    open: Number
    high: Number
    low: Number
    volume: Number
    quote_volume: Number
    trades: int
    change: Number


class Ticker(Told):
    market: Named
    last: Trade | None
    age_seconds: float | None
    silent_after_seconds: float | None
    day: Annotated[TickerDay | None, Field(description="The last 24 hours; null: no trades")]


class Cell(Model):
    market: Key
    day: Day
    verdict: Literal["complete", "complete with absences", "incomplete", "unknown"]
    reason: str
    is_provisional: bool
    expected: int | None
    stored: int | None
    repaired: int | None
    absent: int | None
    missing: int | None
    observed: float | None
    exported: bool
    reopened: bool


class Coverage(Told):
    markets: list[Key]
    days: list[Day]
    cells: list[Cell]


class Gap(Model):
    gap_id: int
    market: Key
    state: Literal["suspected", "repairing", "repaired", "absent", "unrecoverable"]
    cause: str
    after_id: Id
    before_id: Id | None
    after: Time
    before: Time | None
    found: Time
    closed: Time | None
    attempts: int
    filled: int
    absent: int
    note: str | None


class CoverageDay(Told):
    cell: Cell | None
    minutes: Annotated[list[int], Field(description="Trades in each minute of the day")]
    served: Annotated[list[list[Time]], Field(description="When a connection served the market")]
    gaps: list[Gap]


class Gaps(Told):
    gaps: list[Gap]
    next_cursor: Cursor


class Incident(Model):
    alert_id: int
    watch: str
    severity: Literal["warning", "critical"]
    state: Literal["standing", "clearing", "resolved"]
    title: str
    text: str
    link: str | None
    since: Time
    resolved: Time | None
    resolution: str | None


class Incidents(Told):
    incidents: list[Incident]
    next_cursor: Cursor


class Dataset(Model):
    market: Key
    day: Day
    rows: int
    bytes: int
    sha256: Annotated[str | None, Field(description="Of the file, once it was asked for")]
    url: str
    certificate: str


class Datasets(Told):
    datasets: list[Dataset]


class Certificate(Told):
    certificate: dict[str, Any]
    sha256: Annotated[str | None, Field(description="Null: the day lies in its month's file")]


class Column(Model):
    column: str
    type: str
    nullable: bool
    meaning: str | None


class Table(Model):
    table: str
    kind: Literal["table", "view", "file"]
    meaning: str | None
    columns: list[Column]


class Dictionary(Told):
    tables: list[Table]


class Backfill(Model):
    backfill_id: int
    market: Key
    gap_id: int | None
    start: Time
    end: Time
    state: Literal["running", "done", "interrupted", "failed"]
    requests: int
    trades: int
    new_trades: int
    absent: int
    reached: Time | None
    note: str | None
    started: Time
    touched: Time
    ended: Time | None


class Backfills(Told):
    backfills: list[Backfill]
    asked: Annotated[list[dict[str, Any]], Field(description="Those that this API has started")]


class BackfillPlan(Told):
    plan: dict[str, Any]


class BackfillBegun(Told):
    backfill: dict[str, Any]


class Live(Model):
    status: Literal["live"]


class Ready(Told):
    ready: bool
    dashboard: bool


class BackfillOrder(BaseModel):
    """What POST /v1/backfills takes."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [
        {"market": "kraken/BTC_USD", "start": "2026-11-01", "end": "2026-11-02", "dry_run": True}
    ]})  # fmt: skip

    market: Annotated[str, Field(min_length=3, max_length=80)]
    start: Annotated[str, Field(min_length=8, max_length=40)]
    end: Annotated[str, Field(min_length=8, max_length=40)]
    dry_run: Annotated[bool, Field(strict=True)] = True
