"""Answers about configuration, markets, trades and candles."""

from typing import Annotated, Literal

from pydantic import Field

from api.models.told import (
    Complete,
    Cursor,
    Day,
    Id,
    Key,
    Model,
    Number,
    Time,
    Told,
)


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
