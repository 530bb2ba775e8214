from base64 import b64decode
from decimal import Decimal
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse_pipelines.plots import HEIGHT, POINTS, WIDTH, markdown_table, sparkline

START, END = "![price](data:image/svg+xml;base64,", ")"


def points(text: str) -> list[tuple[float, float]]:
    assert text.startswith(START) and text.endswith(END)
    picture = ET.fromstring(b64decode(text.removeprefix(START).removesuffix(END)))  # our own
    (line,) = picture
    pairs = [pair.split(",") for pair in line.attrib["points"].split(" ")]
    return [(float(x), float(y)) for x, y in pairs]


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=1500))
def test_any_values_are_a_line_inside_a_small_picture(values: list[float]) -> None:
    text = sparkline(values)
    drawn = points(text)
    assert len(drawn) == min(len(values), POINTS)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in drawn)
    assert len(text) < 2048


def test_the_highest_value_is_at_the_top_and_the_last_one_at_the_right() -> None:
    drawn = points(sparkline([Decimal(1), Decimal(3), Decimal(2)]))
    assert [x for x, _ in drawn] == [0, WIDTH / 2, WIDTH]
    assert drawn[1][1] < drawn[2][1] < drawn[0][1]


@pytest.mark.parametrize("values", [[5.0], [5.0, 5.0]])
def test_equal_values_are_a_line_in_the_middle(values: list[float]) -> None:
    assert {y for _, y in points(sparkline(values))} == {HEIGHT / 2}


def test_no_values_are_no_picture() -> None:
    assert sparkline([]) == ""


def test_a_table_is_markdown() -> None:
    assert markdown_table(["a", "b"], [(1, "x")]) == "| a | b |\n|---|---|\n| 1 | x |"
