"""What answers about statistics look like, for the OpenAPI description."""

from typing import Annotated, Literal

from pydantic import Field

from api.models.told import Key, Model, Time, Told

Counts = Annotated[
    list[int | None], Field(description="One for each of `times`; null: nobody was alive to count")
]
Milliseconds = Annotated[
    list[float | None], Field(description="One for each of `times`; null: nothing was counted")
]


class Line(Told):
    bucket_seconds: Literal[1, 60]
    times: list[Time]


class Ingested(Model):
    exchange: str
    trades: Counts
    stored: Counts
    repeats: Counts
    bytes: Counts
    reconnects: Counts
    queue_rows: Counts


class Ingestion(Line):
    feeds: list[Ingested]


class Latency(Model):
    exchange: Annotated[str | None, Field(description="null: of all, or of the stream")]
    kind: Literal["receive", "write", "deliver"]
    p50: Milliseconds
    p95: Milliseconds
    p99: Milliseconds
    max: Milliseconds


class Latencies(Line):
    feeds: list[Latency]
    total: Latency


class FeedState(Model):
    market: Key
    exchange: str
    symbol: str
    state: Literal["fresh", "stale", "silent", "refused", "never"]
    last_trade: Time | None
    age_seconds: float | None
    silent_after_seconds: float | None
    trades_per_second: float
    lag_p50_ms: float | None
    lag_p99_ms: float | None
    open_gaps: int


class FeedStates(Told):
    feeds: list[FeedState]


class TableSize(Model):
    name: str
    bytes: int


class Disk(Model):
    free: int
    total: int


class Storage(Told):
    database_bytes: int
    tables: list[TableSize]
    parquet_bytes: int
    candles_bytes: int
    journal_bytes: int
    disk: Disk
    days_left: Annotated[
        float | None, Field(description="If it goes on as in the last hours; null: not known yet")
    ]
