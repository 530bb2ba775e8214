"""Small pictures and tables as Markdown, for Dagster's pages. Pure.

Dagster's Markdown shows images of `data:` addresses (it lets them through on purpose) and strips
inline SVG, so a plot is an image. Base64, because a Markdown address ends at a bracket.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from decimal import Decimal

WIDTH, HEIGHT = 240, 48  # pixels
POINTS = 80  # more cannot be told apart in so few pixels, and each event is stored for ever
INK = "#4f43dd"  # reads well on white and on black
SVG = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}">'
    f'<polyline fill="none" stroke="{INK}" stroke-width="1.5" points="{{points}}"/></svg>'
)


def sparkline(values: Sequence[float | Decimal], name: str = "price") -> str:
    """A line through `values`, from the lowest at the bottom to the highest at the top.

    Markdown of one image, below 2 kB; of many values POINTS are drawn. No values, no image.
    """
    if not values:
        return ""
    picture = b64encode(SVG.format(points=points_of(thinned(values))).encode()).decode()
    return f"![{name}](data:image/svg+xml;base64,{picture})"


def thinned(values: Sequence[float | Decimal]) -> list[float]:
    """At most POINTS of them, evenly spread, with both ends."""
    last = len(values) - 1
    count = min(len(values), POINTS)
    places = (place * last // max(1, count - 1) for place in range(count))
    return [float(values[place]) for place in places]


def points_of(values: Sequence[float]) -> str:
    low = min(values)
    span = max(values) - low
    step = WIDTH / max(1, len(values) - 1)
    drawn = (
        (place * step, (value - low) / span if span else 0.5) for place, value in enumerate(values)
    )
    return " ".join(f"{x:.0f},{HEIGHT - 2 - share * (HEIGHT - 4):.0f}" for x, share in drawn)


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Cells must not hold a `|`."""
    head = ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    return "\n".join([*head, *("| " + " | ".join(map(str, row)) + " |" for row in rows)])
