"""The same for the YAML from which Grafana makes its data source, folders, rules and contacts."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tests.grafana.models import Source, Strict, Text, Uid


class SourceData(Strict, frozen=True):
    database: str
    sslmode: str
    postgres_version: int
    timescaledb: bool
    max_open_conns: int
    max_idle_conns: int
    conn_max_lifetime: int


class SourceSecrets(Strict, frozen=True):
    password: Literal["$READER_PASSWORD"]  # never one itself


class ProvisionedSource(Strict, frozen=True):
    name: str
    uid: Literal["alphapulse"]
    type: Literal["grafana-postgresql-datasource"]
    access: Literal["proxy"]
    url: str
    user: Literal["$READER_NAME"]
    is_default: bool
    editable: Literal[False]
    json_data: SourceData
    secure_json_data: SourceSecrets


class Sources(Strict, frozen=True):
    api_version: Literal[1]
    datasources: list[ProvisionedSource]


class ProviderOptions(Strict, frozen=True):
    path: str
    folders_from_files_structure: bool


class Provider(Strict, frozen=True):
    name: str
    org_id: int
    folder: str
    folder_uid: Uid
    type: Literal["file"]
    disable_deletion: bool
    allow_ui_updates: Literal[False]
    update_interval_seconds: int
    options: ProviderOptions


class Providers(Strict, frozen=True):
    api_version: Literal[1]
    providers: list[Provider]


class Range(Strict, frozen=True):
    from_: int = msgspec.field(name="from")
    to: int


class Evaluator(Strict, frozen=True):
    type: Literal["gt"]
    params: Annotated[list[float], Meta(min_length=1, max_length=1)]


class Condition(Strict, frozen=True):
    evaluator: Evaluator


class Expression(Strict, frozen=True):
    type: Literal["__expr__"]
    uid: Literal["__expr__"]


class Threshold(Strict, frozen=True, tag_field="refId", tag="B"):
    type: Literal["threshold"]
    datasource: Expression
    expression: Literal["A"]
    conditions: Annotated[list[Condition], Meta(min_length=1, max_length=1)]


class Query(Strict, frozen=True, tag_field="refId", tag="A"):
    datasource: Source
    editor_mode: Literal["code"]
    format: Literal["table"]
    raw_query: Literal[True]
    raw_sql: Text


class Stage(Strict, frozen=True):
    ref_id: Literal["A", "B"]
    datasource_uid: Literal["alphapulse", "__expr__"]
    relative_time_range: Range
    model: Query | Threshold


class Rule(Strict, frozen=True):
    uid: Uid
    title: Text
    condition: Literal["B"]
    data: Annotated[list[Stage], Meta(min_length=2, max_length=2)]
    for_: str = msgspec.field(name="for")
    no_data_state: Literal["OK"]
    exec_err_state: Literal["Error"]
    dashboard_uid: Uid
    panel_id: int
    annotations: dict[Literal["summary"], str]
    labels: dict[Literal["severity"], Literal["warning", "critical"]]


class Group(Strict, frozen=True):
    org_id: int
    name: str
    folder: str
    interval: str
    rules: list[Rule]


class Rules(Strict, frozen=True):
    api_version: Literal[1]
    groups: list[Group]


class Receiver(Strict, frozen=True):
    uid: Uid
    type: Literal["webhook"]
    settings: dict[Literal["url"], Literal["$ALERT_WEBHOOK"]]


class ContactPoint(Strict, frozen=True):
    org_id: int
    name: str
    receivers: list[Receiver]


class Policy(Strict, frozen=True):
    org_id: int
    receiver: str
    group_by: list[str] = msgspec.field(name="group_by")


class Contacts(Strict, frozen=True):
    api_version: Literal[1]
    contact_points: list[ContactPoint]
    policies: list[Policy]
