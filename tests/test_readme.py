"""README is believed, so it is tested."""

import re
import shlex

from alphapulse.settings import PREFIX, Settings
from launcher.cli import main
from tests.conftest import ROOT

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
        assert shlex.split(line, comments=True)[0] in main.commands


def test_every_page_that_readme_links_is_there() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
