"""The dashboard believes what the API's own description says, and nothing else."""

from collections.abc import Iterator
from typing import Any

import pytest

from dashboard.tools.described import (
    HEAD,
    PLACE,
    NotUnderstood,
    description,
    field,
    main,
    spelled,
    written,
)
from tests.conftest import ROOT

NAMES = ROOT / "dashboard" / "src" / "api"


def test_the_types_of_the_dashboard_are_those_of_the_description() -> None:
    """If not: python -m dashboard.tools.described"""
    assert main(["--check"]) == 0


def test_a_change_of_the_description_is_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = description()
    changed["components"]["schemas"]["Gap"]["properties"]["note"] = {"type": "string"}
    monkeypatch.setattr("dashboard.tools.described.description", lambda: changed)
    assert main(["--check"]) == 1
    assert "described.ts is behind the API" in capsys.readouterr().out


def test_every_answer_and_every_question_has_its_type() -> None:
    found = description()
    text = PLACE.read_text()
    for name in found["components"]["schemas"]:
        assert f"export interface {name} {{" in text
    for path, word in words_asked(found):
        assert f"    {word}?: " in text.split(f'  "{path}": {{')[1].split("};")[0]


def words_asked(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for path, operations in found["paths"].items():
        for one in operations.get("get", {}).get("parameters", ()):
            if one["in"] == "query":
                yield path, one["name"]


def test_what_pages_call_an_answer_says_nothing_of_its_own() -> None:
    for name in ("answers.ts", "statistics.ts"):
        text = (NAMES / name).read_text()
        assert "interface" not in text
        assert "Answers[" in text


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer"}, "number"),
        ({"const": "live", "type": "string"}, '"live"'),
        ({"enum": [1, 60], "type": "integer"}, "1 | 60"),
        ({"$ref": "#/components/schemas/Gap"}, "Gap"),
        ({"anyOf": [{"type": "integer"}, {"type": "number"}, {"type": "null"}]}, "number | null"),
        ({"type": "array", "items": {"$ref": "#/x/Gap"}}, "Gap[]"),
        (
            {"type": "array", "items": {"anyOf": [{"type": "number"}, {"type": "null"}]}},
            "(number | null)[]",
        ),
        ({"type": "array", "items": {"type": "array", "items": {"type": "string"}}}, "string[][]"),
        ({"type": "object", "additionalProperties": True}, "Record<string, unknown>"),
    ],
)
def test_types_are_spelled_as_typescript_has_them(schema: dict[str, Any], expected: str) -> None:
    assert " | ".join(spelled("x", schema)) == expected


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "array"},
        {"type": ["string", "null"]},
        {"allOf": [{"type": "string"}]},
        {"type": "object", "additionalProperties": {"type": "string"}},
        {"type": "array", "prefixItems": [{"type": "string"}]},
    ],
)
def test_what_it_does_not_know_is_refused_never_guessed(schema: dict[str, Any]) -> None:
    with pytest.raises(NotUnderstood, match=r"Gap\.note.*teach"):
        spelled("Gap.note", schema)


def test_what_may_be_missing_is_marked() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
              "required": ["a"]}  # fmt: skip
    assert written({"components": {"schemas": {"X": schema}}, "paths": {}}).startswith(
        HEAD + "export interface X {\n  a: string;\n  b?: string;\n}\n"
    )


def test_long_lines_are_broken_as_the_formatter_breaks_them() -> None:
    choices = [f'"{letter * 20}"' for letter in "abcde"]
    assert list(field("  ", "state", choices[:2])) == [f"  state: {choices[0]} | {choices[1]};"]
    assert list(field("  ", "state", choices)) == [
        "  state:", *(f"    | {one}" for one in choices[:-1]), f"    | {choices[-1]};",
    ]  # fmt: skip
