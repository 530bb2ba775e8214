"""What our dashboards are made of: one data source, one kind of query, panels that look alike."""

from typing import Any, Protocol, Self

from grafana_foundation_sdk.builders import candlestick, stat, statushistory, table, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.cog.variants import Dataquery
from grafana_foundation_sdk.models import common, dashboard

SOURCE_TYPE = "grafana-postgresql-datasource"
SOURCE_UID = "alphapulse"  # as in provisioning/datasources; kept for ever
WIDTH = 24  # columns of a dashboard
REFRESH = "10s"

GREEN, YELLOW, RED, GREY = "#2b8a5f", "#c79a1e", "#c4473a", "#6e7681"


def source() -> common.DataSourceRef:
    """A reference with type and uid: bare names are refused by Grafana 13."""
    return common.DataSourceRef(type_val=SOURCE_TYPE, uid=SOURCE_UID)


class Sql(Dataquery, Builder[Dataquery]):
    """A query in SQL. The SDK has none for PostgreSQL; its JSON is the plugin's own."""

    def __init__(self, text: str, *, series: bool, ref: str = "A") -> None:
        self.text = text
        self.series = series
        self.ref = ref

    def build(self) -> Self:
        return self

    def to_json(self) -> dict[str, object]:
        return {
            "refId": self.ref,
            "datasource": source().to_json(),
            "editorMode": "code",
            "format": "time_series" if self.series else "table",
            "rawQuery": True,
            "rawSql": squeeze(self.text),
        }


def squeeze(text: str) -> str:
    """SQL without the indentation that it has in Python."""
    return "\n".join(line.strip() for line in text.strip().splitlines())


class Placed(Protocol):
    """What every panel's builder can do, and all that we ask of them in common."""

    def title(self, title: str) -> Any: ...
    def description(self, description: str) -> Any: ...
    def datasource(self, datasource: common.DataSourceRef) -> Any: ...
    def with_target(self, target: Builder[Dataquery]) -> Any: ...
    def grid_pos(self, grid_pos: dashboard.GridPos) -> Any: ...
    def unit(self, unit: str) -> Any: ...
    def build(self) -> dashboard.Panel: ...


def filled(panel: Any, title: str, meaning: str, unit: str, sql: str, *, series: bool) -> Any:
    return (
        panel.title(title)
        .description(meaning)
        .datasource(source())
        .unit(unit)
        .with_target(Sql(sql, series=series))
    )


def graph(title: str, meaning: str, unit: str, sql: str) -> timeseries.Panel:
    """Lines over time. A gap in the data stays a gap in the line."""
    panel: timeseries.Panel = filled(timeseries.Panel(), title, meaning, unit, sql, series=True)
    legend = common_builders.VizLegendOptions().display_mode(common.LegendDisplayMode.LIST)
    tooltip = common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI)
    return (
        panel.legend(legend.placement(common.LegendPlacement.BOTTOM).show_legend(True))
        .tooltip(tooltip)
        .line_width(1)
        .fill_opacity(8)
        .span_nulls(False)
        .show_points(common.VisibilityMode.AUTO)
        .min(0)
        .interval("1s")
    )


def bars(title: str, meaning: str, unit: str, sql: str) -> timeseries.Panel:
    """Counts per interval, one upon the other."""
    stacking = common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A")
    return (
        graph(title, meaning, unit, sql)
        .draw_style(common.GraphDrawStyle.BARS)
        .fill_opacity(60)
        .stacking(stacking)
    )


def figure(
    title: str, meaning: str, unit: str, sql: str, *, bad_from: float | None = None
) -> stat.Panel:
    """One number; red from `bad_from` on."""
    panel: stat.Panel = filled(stat.Panel(), title, meaning, unit, sql, series=False)
    last = common_builders.ReduceDataOptions().calcs(["lastNotNull"])
    return (
        panel.thresholds(limits(bad_from))
        .no_value("none")
        .reduce_options(last)
        .graph_mode(common.BigValueGraphMode.NONE)
    )


def rows(title: str, meaning: str, sql: str) -> table.Panel:
    panel: table.Panel = filled(table.Panel(), title, meaning, "none", sql, series=False)
    return panel


def days(
    title: str, meaning: str, sql: str, words: dict[str, tuple[str, str]]
) -> statushistory.Panel:
    """A row for each market, a cell for each day; `words`: text and colour by value."""
    panel: statushistory.Panel = filled(
        statushistory.Panel(), title, meaning, "none", sql, series=True
    )
    results = {
        value: dashboard.ValueMappingResult(text=text, color=color, index=place)
        for place, (value, (text, color)) in enumerate(words.items())
    }
    return (
        panel.mappings([dashboard.ValueMap(options=results)])
        .thresholds(limits(None))
        .show_value(common.VisibilityMode.NEVER)
        .row_height(0.9)
        .col_width(0.95)
    )


def candles(title: str, meaning: str, sql: str) -> candlestick.Panel:
    panel: candlestick.Panel = filled(
        candlestick.Panel(), title, meaning, "none", sql, series=False
    )
    return panel.interval("1m")


def limits(bad_from: float | None) -> builders.ThresholdsConfig:
    steps = [dashboard.Threshold(value=None, color=GREEN)]
    if bad_from is not None:
        steps.append(dashboard.Threshold(value=bad_from, color=RED))
    return builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(steps)


def choice(name: str, label: str, sql: str, *, several: bool = True) -> builders.QueryVariable:
    """What the owner of the screen may choose from the database."""
    variable = (
        builders.QueryVariable(name)
        .label(label)
        .datasource(source())
        .query(squeeze(sql))
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )
    return variable.multi(True).include_all(True) if several else variable


def exchanges() -> builders.QueryVariable:
    sql = "SELECT DISTINCT exchange FROM markets ORDER BY exchange"
    return choice("exchange", "Exchange", sql)


def page(
    uid: str,
    title: str,
    meaning: str,
    panels: list[list[tuple[Placed, int]]],
    variables: list[builders.QueryVariable],
    *,
    since: str = "now-1h",
    refresh: str = REFRESH,
) -> dashboard.Dashboard:
    """A dashboard; each inner list is a row of panels with their heights, as wide as one another.

    A `uid` never changes: Grafana refuses to save a file's dashboard under another one.
    """
    made = (
        builders.Dashboard(title)
        .uid(f"alphapulse-{uid}")
        .description(meaning)
        .tags(["alphapulse"])
        .timezone("utc")
        .time(since, "now")
        .refresh(refresh)
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .readonly()
    )
    for variable in variables:
        made = made.with_variable(variable)
    top, number = 0, 0
    for row in panels:
        width = WIDTH // len(row)
        for place, (panel, height) in enumerate(row):
            number += 1  # by which alerts and embedded panels name it
            where = dashboard.GridPos(h=height, w=width, x=place * width, y=top)
            made = made.with_panel(panel.grid_pos(where).id(number))
        top += max(height for _, height in row)
    links = builders.DashboardLink("AlphaPulse").type(dashboard.DashboardLinkType.DASHBOARDS)
    return made.link(links.tags(["alphapulse"]).as_dropdown(True).keep_time(True)).build()
