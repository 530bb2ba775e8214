"""Answers about completeness, files and backfills, and the one order that is taken."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.models.told import (
    Cursor,
    Day,
    Id,
    Key,
    Model,
    Time,
    Told,
)


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
