"""`python -m dashboard.tools.described`: write src/api/described.ts, the API's answers and
questions as TypeScript, from its own OpenAPI description; `--check`: say whether it is behind.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from alphapulse.settings import Settings
from api.app import make_app
from api.context import House

PLACE = Path(__file__).parents[1] / "src" / "api" / "described.ts"
WIDTH = 100  # as biome.json has it: what is written here is formatted already
HEAD = "/** By `python -m dashboard.tools.described` from the API: not to be edited. */\n"
PLAIN = {
    "string": "string", "integer": "number", "number": "number", "boolean": "boolean",
    "null": "null",
}  # fmt: skip

Schema = dict[str, Any]


class NotUnderstood(ValueError):
    """A part of the description that this file has no TypeScript for."""

    def __init__(self, where: str, schema: Schema) -> None:
        super().__init__(f"{where}: {json.dumps(schema)}: teach dashboard/tools/described.py")


def description() -> Schema:
    """What GET /openapi.json answers; no database is asked for it."""
    house = House(Settings(), "postgresql://nobody.invalid/")
    try:
        app: Any = make_app(house)
        while not hasattr(app, "openapi"):
            app = app.app
        found: Schema = app.openapi()
    finally:
        house.close()
    return found


def spelled(where: str, schema: Schema) -> list[str]:  # noqa: PLR0911  # a table
    """The alternatives of a type, in the description's order; raises NotUnderstood."""
    match schema:
        case {"$ref": str(target)}:
            return [target.rsplit("/", 1)[-1]]
        case {"anyOf": list(choices)}:
            each = [name for choice in choices for name in spelled(where, choice)]
            return list(dict.fromkeys(each))
        case {"const": value}:
            return [json.dumps(value)]
        case {"enum": list(values)}:
            return [json.dumps(value) for value in values]
        case {"type": "array", "items": dict(items)}:
            inner = spelled(f"{where}[]", items)
            return [f"{inner[0]}[]" if len(inner) == 1 else f"({' | '.join(inner)})[]"]
        case {"type": "object", "additionalProperties": True} if "properties" not in schema:
            return ["Record<string, unknown>"]
        case {"type": str(plain)} if plain in PLAIN:
            return [PLAIN[plain]]
        case _:
            raise NotUnderstood(where, schema)


def field(indent: str, name: str, choices: list[str]) -> Iterator[str]:
    """One line, or one for each alternative where that would be too long."""
    line = f"{indent}{name}: {' | '.join(choices)};"
    if len(line) <= WIDTH:
        yield line
        return
    yield f"{indent}{name}:"
    *others, last = choices
    yield from (f"{indent}  | {one}" for one in others)
    yield f"{indent}  | {last};"


def interface(name: str, schema: Schema) -> Iterator[str]:
    if schema.get("type") != "object" or "properties" not in schema:
        raise NotUnderstood(name, schema)
    required = schema.get("required", ())
    yield ""
    yield f"export interface {name} {{"
    for key, value in schema["properties"].items():
        mark = "" if key in required else "?"
        yield from field("  ", key + mark, spelled(f"{name}.{key}", value))
    yield "}"


def queries(paths: Schema) -> Iterator[str]:
    """The words behind `?` that each address takes."""
    yield ""
    yield "export interface Queries {"
    for path, operations in paths.items():
        asked = [one for one in operations.get("get", {}).get("parameters", ())
                 if one["in"] == "query"]  # fmt: skip
        if not asked:
            continue
        yield f"  {json.dumps(path)}: {{"
        for one in asked:
            mark = "" if one["required"] else "?"
            yield from field(
                "    ", one["name"] + mark, spelled(f"{path}?{one['name']}", one["schema"])
            )
        yield "  };"
    yield "}"


def answers(paths: Schema) -> Iterator[str]:
    """What each address gives as JSON."""
    yield ""
    yield "export interface Answers {"
    for path, operations in paths.items():
        content = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        if schema := content.get("application/json", {}).get("schema"):
            yield from field("  ", json.dumps(path), spelled(path, schema))
    yield "}"


def written(found: Schema) -> str:
    """The whole file."""
    schemas = sorted(found["components"]["schemas"].items())
    lines = [line for name, schema in schemas for line in interface(name, schema)]
    lines += queries(found["paths"])
    lines += answers(found["paths"])
    return HEAD + "\n".join(lines).lstrip("\n") + "\n"


def main(words: list[str]) -> int:
    wanted = written(description())
    if "--check" not in words:
        PLACE.write_text(wanted)
        return 0
    if PLACE.exists() and PLACE.read_text() == wanted:
        return 0
    print(f"{PLACE.name} is behind the API: run python -m dashboard.tools.described")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
