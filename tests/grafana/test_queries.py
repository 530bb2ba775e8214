"""Every query of ours runs as the reader, and its numbers are the stored ones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest
import yaml

from alphapulse.store.connect import Store
from grafana.__main__ import PLACE
from tests.conftest import ROOT
from tests.grafana.macros import expand
from tests.grafana.models import Dashboard, Panel
from tests.grafana.provisioned import Query, Rules

EXCHANGES = "'binance','kraken'"
VARIABLES = {"exchange": EXCHANGES, "market": "1"}
DASHBOARDS = [msgspec.json.decode(p.read_bytes(), type=Dashboard) for p in PLACE.glob("*.json")]
PANELS = {
    f"{board.uid.removeprefix('alphapulse-')}: {panel.title}": panel
    for board in DASHBOARDS
    for panel in board.panels
}
HOURS = {"now-1h": 1, "now-24h": 24, "now-30d": 720}
OPENS = {board.uid.removeprefix("alphapulse-"): HOURS[board.time.from_] for board in DASHBOARDS}
RULES = msgspec.convert(
    yaml.safe_load((ROOT / "grafana/provisioning/alerting/rules.yaml").read_text()), Rules
)

Answer = tuple[list[str], list[tuple[Any, ...]]]


def ask(reader: Store, panel: Panel, hours: float, interval: int) -> Answer:
    """What a panel gets for the last `hours`, its column names first."""
    until = datetime.now(UTC) + timedelta(seconds=5)
    since = until - timedelta(hours=hours)
    sql = expand(panel.targets[0].raw_sql, since, until, interval, VARIABLES)
    cursor = reader.execute(sql.encode())
    return [column.name for column in cursor.description or ()], cursor.fetchall()


def one(reader: Store, name: str, hours: float = 1, interval: int = 15) -> float:
    _, ((value,),) = ask(reader, PANELS[name], hours, interval)
    return float(value)


def series(reader: Store, name: str, hours: float = 1, interval: int = 15) -> dict[str, list[Any]]:
    """Columns by name; of long answers only the values of kraken's metric."""
    names, rows = ask(reader, PANELS[name], hours, interval)
    if "metric" in names:
        rows = [row for row in rows if str(row[names.index("metric")]).startswith("kraken")]
    return {column: [row[place] for row in rows] for place, column in enumerate(names)}


@pytest.mark.parametrize("span", ["as it opens", "a month"])
def test_every_panel_gets_sane_rows(reader: Store, span: str) -> None:
    """In order of time, no time twice for the same line, numbers where numbers are drawn."""
    for name, panel in PANELS.items():
        opens = OPENS[name.partition(":")[0]]
        hours, interval = (opens, max(15, opens * 4)) if span == "as it opens" else (720, 3600)
        columns, rows = ask(reader, panel, hours, interval)
        assert rows, f"{name} is empty"
        if panel.targets[0].format == "time_series" or panel.type == "candlestick":
            assert columns[0] == "time", name
            times = [row[0] for row in rows]
            assert times == sorted(times), name
            place = columns.index("metric") if "metric" in columns else None
            keys = [(row[0], row[place] if place is not None else "") for row in rows]
            assert len(keys) == len(set(keys)), name
            numbers = [v for row in rows for c, v in zip(columns, row, strict=True)
                       if c not in {"time", "metric"}]  # fmt: skip
            assert all(isinstance(value, float | int | None) for value in numbers), name
        if panel.type == "stat":
            assert (columns, len(rows)) == (["value"], 1), name


def test_rates_are_per_second_at_either_grain(reader: Store) -> None:
    """Two trades and 700 bytes were counted in each second, by seconds and by minutes."""
    for hours, interval in ((1, 15), (24, 60), (24 * 30, 3600)):
        received = series(reader, "ingestion: Trades received", hours, interval)
        assert set(received["value"]) == {2.0}
        assert set(series(reader, "ingestion: Bytes received", hours, interval)["value"]) == {700.0}
    assert one(reader, "ingestion: Collectors alive") == 2
    assert 3.5 < one(reader, "ingestion: Trades a second") <= 4
    stored = series(reader, "ingestion: Stored and repeated")
    assert (sum(stored["stored"]), sum(stored["repeats"])) == (2400, 1200)


def test_percentiles_are_those_of_the_merged_histogram(reader: Store) -> None:
    """Half of the trades came after 1 ms, half after 1 s: no average of anything is near."""
    for interval in (15, 60):
        found = series(reader, "latency: Exchange to us", 1, interval)
        assert all(0.9 < value < 1.1 for value in found["p50"])
        assert all(900 < value < 1100 for value in found["p99"])
        assert set(found["max"]) == {1000.0}
    names, rows = ask(reader, PANELS["latency: Slowest markets"], 1, 15)
    assert names[-3:] == ["p50 ms", "p99 ms", "max ms"]
    assert [row[:2] for row in rows] == [("binance", "BTCUSDT"), ("kraken", "BTC/USD")]


def test_coverage_and_gaps_tell_what_stands_in_the_tables(reader: Store) -> None:
    assert one(reader, "coverage: Whole days", 24 * 30) == 75.0  # three of four that are over
    assert one(reader, "coverage: Incomplete", 24 * 30) == 1
    assert one(reader, "coverage: Trades missing", 24 * 30) == 1
    assert series(reader, "coverage: Markets by day", 24 * 30)["value"] == [3, 3, 0, 3, 3]
    assert one(reader, "gaps: Open") == 1
    assert 2990 < one(reader, "gaps: Oldest open") < 3200
    assert one(reader, "gaps: Trades filled in") == 9


def test_candles_are_those_of_the_trades(reader: Store) -> None:
    bars = series(reader, "markets: Price and volume", 1, 60)
    assert sum(bars["volume"]) == 300.0  # 1200 trades of 0.25
    assert max(bars["high"]) == 60006
    assert min(bars["low"]) == 60000


def test_every_choice_offers_what_is_there(reader: Store) -> None:
    for board in DASHBOARDS:
        for variable in board.templating.list:
            found = reader.execute(variable.query.encode()).fetchall()
            expected = [("binance",), ("kraken",)]
            assert variable.name == "market" or found == expected
            assert variable.name == "exchange" or ("kraken/BTC/USD", 1) in found


def firing(reader: Store) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """What each rule fires for; a rule's answer is labels, and one number."""
    for rule in RULES.groups[0].rules:
        query, limit = rule.data[0].model, rule.data[1].model
        assert isinstance(query, Query) and not isinstance(limit, Query)
        (bound,) = limit.conditions[0].evaluator.params
        for *labels, value in reader.execute(query.raw_sql.encode()).fetchall():
            assert all(isinstance(label, str) for label in labels), rule.uid
            assert isinstance(value, float | int), rule.uid
            if value > bound:
                yield rule.uid.removeprefix("alphapulse-"), tuple(labels)


def test_rules_fire_for_what_is_wrong_and_for_nothing_else(reader: Store) -> None:
    assert sorted(firing(reader)) == [
        ("disk", ("the disk of / is low: 3 GB free",)),
        ("feed-silent", ("binance", "IDLE")),
        ("gap-open", ("kraken", "BTC/USD")),
    ]


def test_a_viewer_who_writes_sql_of_his_own_changes_nothing(reader: Store) -> None:
    """Grafana passes on whatever its users send to /api/ds/query."""
    for sql in ("SET TRANSACTION READ WRITE; DELETE FROM trades",
                "SELECT pg_read_file('/etc/passwd')"):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            reader.execute(sql.encode())
