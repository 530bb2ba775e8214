import re
from datetime import datetime
from decimal import Decimal
from urllib.parse import unquote
from xml.etree import ElementTree as ET

import dagster as dg
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.archive.previewing import STRETCHES, Bar, Edge, Preview
from alphapulse_pipelines.previews import INLINE, picture, shown

PRICES = st.decimals("0.00000001", "99999999", places=8)
VOLUMES = st.floats(0, 1e12)


@st.composite
def days_of_bars(draw: st.DrawFn) -> list[Bar]:
    places = sorted(draw(st.sets(st.integers(0, STRETCHES - 1), min_size=1)))
    return [
        Bar(place, draw(PRICES), draw(PRICES), draw(PRICES), draw(PRICES), draw(VOLUMES))
        for place in places
    ]


def flat(stretch: int, price: Decimal, volume: float) -> Bar:
    return Bar(stretch, price, price, price, price, volume)


def svg_of(value: dg.MetadataValue) -> ET.Element:
    found = re.fullmatch(r"!\[\]\(data:image/svg\+xml,([^() \"<>#]+)\)", str(value.value))
    assert found, value.value
    return ET.fromstring(unquote(found[1]))


@given(days_of_bars())
def test_the_plot_is_a_picture_that_the_page_shows_at_once(bars: list[Bar]) -> None:
    drawn = picture(bars)
    assert len(str(drawn.value)) < INLINE
    assert [path.tag.rpartition("}")[2] for path in svg_of(drawn)] == ["path", "path"]


def test_the_line_is_broken_where_nothing_traded() -> None:
    bars = [flat(place, Decimal(1 + place), 1.0) for place in (0, 1, 5)]
    _, price = svg_of(picture(bars))
    assert price.get("d") == "M0,61h1l7,-12M35,3h1"


def test_a_price_that_does_not_move_is_a_line_in_the_middle() -> None:
    _, price = svg_of(picture([flat(n, Decimal(7), 0.0) for n in (0, 1)]))
    assert price.get("d") == "M0,32h1l7,0"


def test_numbers_are_those_of_the_day() -> None:
    bars = (
        Bar(3, Decimal(5), Decimal(9), Decimal(4), Decimal(6), 1.5),
        Bar(4, Decimal(6), Decimal(7), Decimal(2), Decimal(3), 2.0),
    )
    edge = Edge(7, datetime(2024, 8, 8, 1, 30), Decimal("5.10"), Decimal("0.50"), "buy")  # noqa: DTZ001
    found = shown(Preview(bars, (edge,)))
    numbers = [found[name].value for name in ("open", "high", "low", "close", "volume")]
    assert numbers == [5.0, 9.0, 2.0, 3.0, 3.5]
    table = found["first and last trades"]
    assert isinstance(table, dg.TableMetadataValue)
    assert table.records[0].data == {
        "trade_id": "7", "time": "01:30:00.000000", "price": "5.1", "size": "0.5", "side": "buy"
    }  # fmt: skip
