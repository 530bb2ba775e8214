"""What a run found: tables for people, one value for programs. Pure."""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct

from chaos.judge import Difference
from chaos.strike import Struck

NAMED = 5  # ids of a difference that a line shows
DIFFERENCES = ("missing", "repeated", "changed", "unserved")
COLUMNS = {"expected": 12, "found": 12, **dict.fromkeys(DIFFERENCES, 9)}  # their widths


class Place(Struct, frozen=True):
    """One market in one place: the database, the Parquet files, a client's log."""

    place: str
    market: str
    difference: Difference


class Healing(Struct, frozen=True):
    """Seconds: how long the middle one and the longest took."""

    count: int
    p50: float
    longest: float


class Report(Struct, frozen=True):
    """The whole run. `problems` empty: nothing was lost and everything is explained."""

    command: str
    seconds: float
    served: int
    faults: dict[str, int]
    not_struck: dict[str, str]
    left_out: dict[str, str]
    places: list[Place]
    absent: int  # ids that the exchanges withheld, all told as absent
    unexplained: int
    gaps: dict[str, int]  # by state
    gap_healing: Healing  # from a gap's found_at to its closed_at
    fault_healing: dict[str, Healing]  # from a fault's end until its time was stored
    clients: list[dict[str, Any]]
    restarts: dict[str, int]
    rivals_refused: int  # second collectors, with the named error
    problems: list[str]

    @property
    def is_good(self) -> bool:
        return not self.problems


def healing(seconds: Sequence[float]) -> Healing:
    if not seconds:
        return Healing(0, 0.0, 0.0)
    return Healing(len(seconds), round(statistics.median(seconds), 2), round(max(seconds), 2))


def by_kind(struck: Iterable[Struck]) -> dict[str, int]:
    return dict(sorted(Counter(each.kind for each in struck if each.is_done).items()))


def problems_of(places: Iterable[Place]) -> Iterator[str]:
    for each in places:
        found = each.difference
        for name in DIFFERENCES:
            if count := getattr(found, name):
                ids = ", ".join(str(id) for id in found.ids[name][:NAMED])
                yield f"{each.place}: {each.market}: {count:,} {name}, such as {ids}"


def lines(report: Report) -> Iterator[str]:
    """The tables."""
    yield ""
    yield f"{'fault':24}{'injected':>9}{'healed p50 s':>14}{'max s':>8}"
    for kind, count in report.faults.items():
        found = report.fault_healing.get(kind)
        times = f"{found.p50:>14.1f}{found.longest:>8.1f}" if found else ""
        yield f"{kind:24}{count:>9}{times}"
    yield f"{'all':24}{sum(report.faults.values()):>9}"
    for kind, why in report.left_out.items():
        yield f"{kind:24}{'-':>9}  left out: {why}"
    yield ""
    yield f"{'place':24}" + "".join(f"{name:>{width}}" for name, width in COLUMNS.items())
    for place, sums in sums_of(report.places).items():
        cells = (f"{sums[name]:>{width},}" for name, width in COLUMNS.items())
        yield f"{place:24}" + "".join(cells)
    yield ""
    gaps = ", ".join(f"{count} {state}" for state, count in report.gaps.items()) or "none"
    found = report.gap_healing
    yield f"gaps: {gaps}; found to repaired: p50 {found.p50:.1f} s, max {found.longest:.1f} s"
    yield f"ids withheld and told as absent: {report.absent}; unexplained ids: {report.unexplained}"
    yield f"second collectors refused: {report.rivals_refused}"
    yield from (f"PROBLEM: {problem}" for problem in report.problems)
    yield f"{'NOTHING WAS LOST' if report.is_good else 'FAILED'}; again: {report.command}"


def sums_of(places: Sequence[Place]) -> dict[str, dict[str, int]]:
    """Place -> what its markets add up to."""
    return {
        place: {
            name: sum(getattr(each.difference, name) for each in places if each.place == place)
            for name in COLUMNS
        }
        for place in dict.fromkeys(each.place for each in places)
    }
