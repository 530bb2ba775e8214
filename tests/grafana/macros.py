"""What Grafana makes of a query before PostgreSQL sees it; an unknown macro is an error."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

MACRO = re.compile(r"\$__(\w+)\(([^)]*)\)")  # as Grafana's own: nested parentheses break it
LEFT = re.compile(r"\$\w+")


def expand(
    sql: str, since: datetime, until: datetime, interval: int, variables: Mapping[str, str]
) -> str:
    """`interval`: seconds; `variables`: already quoted, as Grafana quotes for PostgreSQL."""
    words = {"__interval_ms": str(interval * 1000), "__interval": f"{interval}s", **variables}
    for name in sorted(words, key=len, reverse=True):
        sql = re.sub(rf"\${name}\b", words[name].replace("\\", r"\\"), sql)
    bounds = stamp(since), stamp(until)

    def macro(found: re.Match[str]) -> str:
        name, words = found[1], [word.strip() for word in found[2].split(",")]
        match name:
            case "timeFilter":
                return f"{words[0]} BETWEEN '{bounds[0]}' AND '{bounds[1]}'"
            case "timeFrom" | "timeTo":
                return f"'{bounds[name == 'timeTo']}'"
            case "timeGroupAlias":
                step = seconds(words[1])
                return f'floor(extract(epoch from {words[0]})/{step})*{step} AS "time"'
        raise AssertionError(f"Grafana knows no macro ${name} that we have looked up")

    sql = MACRO.sub(macro, sql)
    assert not LEFT.search(sql), f"not expanded: {LEFT.findall(sql)}"
    return sql


def seconds(word: str) -> int:
    assert word.strip("'").endswith("s"), word
    return int(word.strip("'")[:-1])


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
