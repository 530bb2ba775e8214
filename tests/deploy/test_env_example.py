""".env.example is complete, and what stands in it is the default."""

import re

from alphapulse.settings import PREFIX, Settings, environment_of, read_settings
from tests.conftest import ROOT

KNOWN = set(Settings.__struct_fields__)
TEXT = (ROOT / ".env.example").read_text()
SECRET = re.compile(r"PASSWORD|TOKEN|SECRET|WEBHOOK|SMTP|_URL$|KEY")


def example() -> dict[str, str]:
    """Variables by name, those that are commented out included."""
    return dict(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", TEXT, re.MULTILINE))


def test_every_setting_stands_in_it_and_no_other() -> None:
    names = {name.removeprefix(PREFIX).lower() for name in example() if name.startswith(PREFIX)}
    assert names == KNOWN


def test_what_stands_there_is_the_default() -> None:
    defaults = environment_of(Settings())
    for name, value in example().items():
        if name in defaults:
            assert value == defaults[name], name
    given = {name: value for name, value in example().items() if name in defaults}
    assert environment_of(read_settings(given)) | {f"{PREFIX}HOME": ""} == {
        **defaults, f"{PREFIX}HOME": ""
    }  # fmt: skip


def test_no_secret_has_a_value() -> None:
    for name, value in example().items():
        if SECRET.search(name):
            assert value == "", name


def test_each_has_its_meaning_above_it() -> None:
    lines = TEXT.splitlines()
    for place, line in enumerate(lines):
        if line.startswith(f"# {PREFIX}"):
            assert re.match(r"# .{8,}", lines[place - 1]), line
            assert not lines[place - 1].startswith(f"# {PREFIX}"), line
