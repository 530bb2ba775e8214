"""What Grafana reads of ours, field by field; anything else is a mistake.

Grafana itself passes over a misspelt key in silence. These models know the keys that we use and no
others, so each new one is looked up before it is used.
"""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta, Struct

Uid: TypeAlias = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,40}$")]
Text: TypeAlias = Annotated[str, Meta(min_length=1)]
Tall: TypeAlias = Annotated[int, Meta(ge=1, le=40)]
Wide: TypeAlias = Annotated[int, Meta(ge=1, le=24)]


class Strict(Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """JSON and YAML of Grafana's are in camelCase."""


class Source(Strict, frozen=True):
    type: Literal["grafana-postgresql-datasource"]
    uid: Literal["alphapulse"]


class Target(Strict, frozen=True):
    ref_id: Literal["A"]
    datasource: Source
    editor_mode: Literal["code"]
    format: Literal["time_series", "table"]
    raw_query: Literal[True]
    raw_sql: Text


class Place(Strict, frozen=True):
    h: Tall
    w: Wide
    x: int
    y: int


class Step(Strict, frozen=True):
    value: float | None
    color: str


class Thresholds(Strict, frozen=True):
    mode: Literal["absolute"]
    steps: list[Step]


class Shown(Strict, frozen=True):
    text: Text
    color: str
    index: int


class Mapping(Strict, frozen=True):
    type: Literal["value"]
    options: dict[str, Shown]


class Stacking(Strict, frozen=True):
    mode: Literal["none", "normal"]
    group: str = "A"


class Custom(Strict, frozen=True):
    line_width: int = 1
    fill_opacity: int = 0
    span_nulls: Literal[False] = False
    show_points: Literal["auto", "never"] = "auto"
    draw_style: Literal["line", "bars"] = "line"
    stacking: Stacking | None = None
    align: Literal["auto"] = "auto"
    inspect: Literal[False] = False


class Defaults(Strict, frozen=True):
    unit: Text
    no_value: str | None = None
    min: float | None = None
    thresholds: Thresholds | None = None
    mappings: list[Mapping] = []
    custom: Custom | None = None


class Field(Strict, frozen=True):
    defaults: Defaults
    overrides: list[Any]


class Panel(Strict, frozen=True):
    id: int
    type: Literal["timeseries", "stat", "table", "status-history", "candlestick"]
    title: Text
    description: Text
    datasource: Source
    grid_pos: Place
    field_config: Field
    targets: Annotated[list[Target], Meta(min_length=1, max_length=1)]
    options: dict[str, Any]  # each kind's own; the SDK's types made them
    repeat_direction: Literal["h"]
    transparent: bool
    interval: str | None = None


class Variable(Strict, frozen=True):
    name: Literal["exchange", "market"]
    label: Text
    type: Literal["query"]
    datasource: Source
    query: Text
    refresh: Literal[2]  # when the time range changes
    sort: int
    skip_url_sync: bool
    multi: bool
    include_all: bool
    allow_custom_value: bool
    auto: bool  # these three the SDK writes for every variable
    auto_min: str = msgspec.field(name="auto_min")
    auto_count: int = msgspec.field(name="auto_count")


class Templating(Strict, frozen=True):
    list: list[Variable]


class Time(Strict, frozen=True):
    from_: str = msgspec.field(name="from")
    to: Literal["now"]


class Link(Strict, frozen=True):
    title: str
    type: Literal["dashboards"]
    tags: list[str]
    icon: str
    tooltip: str
    as_dropdown: bool
    include_vars: bool
    keep_time: bool
    target_blank: bool
    placement: Literal["inControlsMenu"]


class Dashboard(Strict, frozen=True):
    uid: Uid
    title: Text
    description: Text
    tags: list[str]
    timezone: Literal["utc"]
    editable: Literal[False]
    graph_tooltip: Literal[1]
    fiscal_year_start_month: Literal[0]
    schema_version: Literal[42]
    time: Time
    refresh: Text
    templating: Templating
    annotations: dict[str, Any]
    links: list[Link]
    panels: list[Panel]
