"""Each claim of docs/security.md names a test, and that test is there."""

import ast
import re

from tests.conftest import ROOT

PAGE = (ROOT / "docs/security.md").read_text()
NAMED = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)


def test_every_named_test_exists() -> None:
    assert len(NAMED) > 20
    for path, name in NAMED:
        tree = ast.parse((ROOT / path).read_text())
        tests = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert name in tests if name else tests, f"{path}::{name}"


def test_every_row_of_a_table_with_proofs_has_one() -> None:
    for table in re.findall(r"\| (?:claim|threat) \|.*?\n\n", PAGE + "\n", re.DOTALL):
        for row in table.strip().splitlines()[2:]:
            assert "`tests/" in row or row.rstrip(" |").endswith("the same test"), row
