"""The files are what the code makes, and hold nothing that Grafana would pass over in silence."""

import re
from itertools import combinations

import msgspec
import pytest
import yaml

from grafana.__main__ import DASHBOARDS, PLACE, behind
from grafana.parts import SOURCE_UID
from tests.conftest import ROOT
from tests.grafana.models import Dashboard, Place, Strict
from tests.grafana.provisioned import Contacts, Providers, Rules, Sources

BOARDS = {path.stem: msgspec.json.decode(path.read_bytes(), type=Dashboard) for path in
          sorted(PLACE.glob("*.json"))}  # fmt: skip
PROVISIONED = {
    "provisioning/datasources/alphapulse.yaml": Sources,
    "provisioning/dashboards/alphapulse.yaml": Providers,
    "provisioning/alerting/rules.yaml": Rules,
    "contact-point.example.yaml": Contacts,
}


def test_the_files_are_those_that_the_code_makes() -> None:
    assert behind() == []
    assert len(BOARDS) == len(DASHBOARDS) == 5


def test_names_stay_for_ever() -> None:
    """Links, embedded panels and alerts use them; Grafana refuses to save a file under another."""
    assert list(BOARDS) == [
        f"alphapulse-{name}" for name in ("coverage", "gaps", "ingestion", "latency", "markets")
    ]
    assert all(board.uid == name for name, board in BOARDS.items())


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_panels_do_not_overlap_and_have_a_number_each(board: Dashboard) -> None:
    assert [panel.id for panel in board.panels] == list(range(1, len(board.panels) + 1))
    for a, b in combinations([panel.grid_pos for panel in board.panels], 2):
        assert not overlap(a, b)
    assert all(panel.grid_pos.x + panel.grid_pos.w <= 24 for panel in board.panels)


def overlap(a: Place, b: Place) -> bool:
    return a.x < b.x + b.w and b.x < a.x + a.w and a.y < b.y + b.h and b.y < a.y + a.h


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_every_variable_in_a_query_is_one_of_the_dashboard(board: Dashboard) -> None:
    known = {variable.name for variable in board.templating.list}
    used = {
        name
        for panel in board.panels
        for name in re.findall(r"\$(?!__)(\w+)", panel.targets[0].raw_sql)
    }
    assert used == known


@pytest.mark.parametrize(("name", "model"), PROVISIONED.items())
def test_what_is_provisioned_has_no_unknown_word(name: str, model: type[Strict]) -> None:
    msgspec.convert(yaml.safe_load((ROOT / "grafana" / name).read_text()), model)


def test_no_file_is_left_out() -> None:
    found = {str(p.relative_to(ROOT / "grafana")) for p in (ROOT / "grafana").rglob("*.yaml")}
    assert found == set(PROVISIONED)


def test_rules_point_at_panels_that_are_there() -> None:
    text = (ROOT / "grafana/provisioning/alerting/rules.yaml").read_text()
    for rule in msgspec.convert(yaml.safe_load(text), Rules).groups[0].rules:
        assert rule.panel_id in {panel.id for panel in BOARDS[rule.dashboard_uid].panels}
        assert rule.data[0].datasource_uid == SOURCE_UID


def test_a_misspelt_key_is_found() -> None:
    text = (PLACE / "alphapulse-gaps.json").read_text()
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(text.replace('"rawSql"', '"rawSQL"'), type=Dashboard)
