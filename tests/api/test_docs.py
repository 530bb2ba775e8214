"""docs/api.md is believed, so its examples are run."""

import json
import re
from typing import Any

import pytest

from alphapulse.trade import Market
from tests.api.conftest import ASKED_ONCE, Site
from tests.conftest import ROOT
from tests.stored import Row, store_trades

pytestmark = ASKED_ONCE
PAGE = (ROOT / "docs" / "api.md").read_text()
EXAMPLES = re.findall(r"```http\nGET (\S+)\n(.*?)```", PAGE, re.DOTALL)
ROWS: list[Row] = [(n, f"2026-11-21 10:0{n}:00", "61000.50", "0.10000000") for n in range(1, 4)]


@pytest.fixture(scope="module")
def stocked(site: Site) -> Site:
    store_trades(site.store, Market("kraken", "BTC/USD"), ROWS)
    site.forget()
    return site


@pytest.mark.parametrize(("path", "told"), EXAMPLES)
def test_examples_are_answered_as_the_page_shows(stocked: Site, path: str, told: str) -> None:
    found = stocked.http.get(path)
    assert found.status_code == 200, found.text
    if told.strip():
        assert shape(found.json()) == shape(json.loads(told))


def shape(told: Any) -> Any:
    """Names, without values."""
    if isinstance(told, dict):
        return {name: shape(value) for name, value in told.items()}
    return [shape(told[0])] if isinstance(told, list) and told else None


def test_the_walk_in_python_finds_every_trade(stocked: Site) -> None:
    (code,) = re.findall(r"```python\n(.+?)```", PAGE, re.DOTALL)
    found: dict[str, Any] = {}
    exec(code.replace("http://localhost:5000", str(stocked.http.base_url).rstrip("/")), found)
    assert [one["id"] for one in found["found"]] == ["1", "2", "3"]


def test_the_page_names_every_path(stocked: Site) -> None:
    described = stocked.get("/openapi.json").json()["paths"]
    for path in described:
        words = path.removeprefix("/v1/").split("/")
        assert words[0] in PAGE and words[-1].strip("{}") in PAGE, path
