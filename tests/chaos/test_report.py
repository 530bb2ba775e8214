"""The report: good only without problems, and every difference is a problem with ids."""

from typing import Any

import msgspec
import numpy as np
import pytest

from chaos.judge import compare
from chaos.markdown import BEGIN, END, NoSection, with_report
from chaos.report import Healing, Place, Report, by_kind, healing, lines, problems_of
from chaos.rows import rows_of
from chaos.strike import Struck
from tests.chaos.tapes import FIRST, tape_of

SERVED = rows_of(tape_of(10))
WHOLE = Place("database", "kraken/BTC_USD", compare(SERVED, SERVED))
TORN = Place("database", "kraken/ETH_USD", compare(SERVED, SERVED[1:]))


def report(**words: Any) -> Report:
    usual: dict[str, Any] = {
        "command": "python -m chaos --seed 1", "seconds": 60.0, "served": 10, "faults": {"cut": 2},
        "not_struck": {}, "left_out": {"disk full": "needs root"}, "places": [WHOLE], "absent": 3,
        "unexplained": 0, "gaps": {"repaired": 2}, "gap_healing": healing([1, 3]),
        "fault_healing": {"cut": healing([2.0])}, "clients": [], "restarts": {},
        "rivals_refused": 1,
        "problems": [],
    }  # fmt: skip
    return Report(**usual | words)


def test_every_kind_of_difference_is_a_problem_that_names_ids() -> None:
    rows = np.concatenate([SERVED[1:], SERVED[5:6]])
    rows["price"][0] += 1
    rows["id"][1] = 7
    found = list(problems_of([WHOLE, Place("log", "x", compare(SERVED, rows))]))
    assert found == [
        f"log: x: 2 missing, such as {FIRST}, {FIRST + 2}",
        f"log: x: 1 repeated, such as {FIRST + 5}",
        f"log: x: 1 changed, such as {FIRST + 1}",
        "log: x: 1 unserved, such as 7",
    ]


def test_places_without_a_difference_are_no_problem() -> None:
    assert list(problems_of([WHOLE])) == []


def test_a_report_is_good_only_without_problems() -> None:
    assert report().is_good
    assert not report(problems=["one"]).is_good


def test_the_tables_name_faults_places_and_the_command_that_repeats_the_run() -> None:
    text = "\n".join(lines(report(places=[WHOLE, TORN], problems=["a", "b"])))
    for words in ("cut ", "left out: needs root", "PROBLEM: b", "FAILED", "--seed 1", "absent: 3"):
        assert words in text
    assert "NOTHING WAS LOST" in "\n".join(lines(report()))


def test_a_place_adds_up_its_markets() -> None:
    row = next(line for line in lines(report(places=[WHOLE, TORN])) if line.startswith("database"))
    assert row.split() == ["database", "20", "19", "1", "0", "0", "0"]


def test_only_faults_that_struck_are_counted() -> None:
    def struck(kind: str, *, is_done: bool) -> Struck:
        return Struck(kind, 1.0, 2.0, (), is_done)

    found = [struck("cut", is_done=True), struck("cut", is_done=True), struck("x", is_done=False)]
    assert by_kind(found) == {"cut": 2}


def test_a_report_is_readable_by_programs() -> None:
    assert msgspec.json.decode(msgspec.json.encode(report()))["faults"] == {"cut": 2}


@pytest.mark.parametrize(
    ("seconds", "found"), [([], (0, 0.0, 0.0)), ([5.0, 1.0, 2.0], (3, 2.0, 5.0))]
)
def test_healing_is_the_middle_and_the_longest(
    seconds: list[float], found: tuple[int, float, float]
) -> None:
    assert healing(seconds) == Healing(*found)


def test_a_page_gets_its_section_and_keeps_the_rest() -> None:
    page = f"before\n{BEGIN}\nformer run\n{END}\nafter\n"
    written = with_report(page, report())
    assert written.startswith("before\n")
    assert written.endswith("after\n")
    assert "former run" not in written
    assert "| database | 10 | 10 | 0 | 0 | 0 | 0 |" in written
    assert with_report(written, report()) == written


def test_a_page_without_the_marks_is_refused() -> None:
    with pytest.raises(NoSection, match="needs one section"):
        with_report("nothing", report())
