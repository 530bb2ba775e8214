"""README is believed, so it is tested."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest

from alphapulse.settings import PREFIX, Settings
from alphapulse.store.connect import Store
from alphapulse.trade import Market
from launcher.cli import main
from tests.conftest import ROOT
from tests.stored import store_trades

README = (ROOT / "README.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()


def test_every_setting_stands_in_readme_and_readme_names_no_other() -> None:
    named = {name.lower() for name in re.findall(rf"\| `{PREFIX}(\w+)` \|", README)}
    assert named == set(Settings.__struct_fields__)


def test_every_make_word_in_readme_is_a_target() -> None:
    words = set(re.findall(r"make (\w+)", README)) - {"it"}
    assert words <= set(re.findall(r"^(\w+):", MAKEFILE, re.MULTILINE))


def test_every_alphapulse_command_in_readme_exists() -> None:
    lines = re.findall(r"\.venv/bin/alphapulse (.+)", README)
    assert lines
    for line in lines:
        assert main.get_command(click.Context(main), shlex.split(line, comments=True)[0])


def test_the_lines_for_jupyter_run(
    store: Store, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As they stand, on a store with two trades of that market."""
    rows = [(n, f"2026-11-21 10:0{n}:00", "61000.5", "0.1") for n in (1, 2)]
    store_trades(store, Market("kraken", "BTC/USD"), rows)
    monkeypatch.setenv("ALPHAPULSE_HOME", str(tmp_path))
    monkeypatch.setenv("ALPHAPULSE_DATABASE_URL", database_url)
    (code,) = re.findall(r"```python\n(import alphapulse\n.+?)```", README, re.DOTALL)
    found: dict[str, Any] = {}
    exec(code, found)
    assert list(found["trades"]["trade_id"]) == [1, 2]
    assert found["bars"]["trades"].to_list() == [2]


def test_every_page_that_readme_links_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
