"""What people look at in Dagster's page: a plot of the day, its prices, its first and last rows.

Seen in the page of Dagster 1.13.27: markdown draws an SVG in a data address and strips every other
kind of it, and markdown of 1,000 characters or more hides behind "[Show Markdown]".
"""

from collections.abc import Iterator, Sequence
from urllib.parse import quote

import dagster as dg

from alphapulse.archive.previewing import STRETCHES, Bar, Edge, Preview
from alphapulse_pipelines.plots import plain

INLINE = 1000  # characters of markdown from which on the page hides it
STEP = 7  # pixels of a stretch: the picture fits into the panel beside the partitions
PRICE, VOLUME = 64, 28  # pixels of height: the price above, the volume below
PICTURE = (
    f"<svg xmlns='http://www.w3.org/2000/svg' width='{STEP * STRETCHES}' height='{PRICE + VOLUME}'>"
    "<path d='{volume}' fill='#aab'/>"
    "<path d='{price}' fill='none' stroke='#4f43dd' stroke-width='2'/></svg>"
)


def shown(preview: Preview) -> dict[str, dg.MetadataValue]:
    """For one partition; numbers are rounded to what a plot needs, the file is exact."""
    bars = preview.bars
    return {
        "price and volume": picture(bars),
        "open": dg.MetadataValue.float(float(bars[0].open)),
        "high": dg.MetadataValue.float(float(max(bar.high for bar in bars))),
        "low": dg.MetadataValue.float(float(min(bar.low for bar in bars))),
        "close": dg.MetadataValue.float(float(bars[-1].close)),
        "volume": dg.MetadataValue.float(sum(bar.volume for bar in bars)),
        "first and last trades": table(preview.edges),
    }


def picture(bars: Sequence[Bar]) -> dg.MetadataValue:
    """Half hours from midnight to midnight UTC: the close as a line, the volume as steps below."""
    drawn = PICTURE.format(price="".join(price_line(bars)), volume="".join(volume_steps(bars)))
    return dg.MetadataValue.md(f"![](data:image/svg+xml,{quote(drawn, safe=SAFE)})")


SAFE = "/:='-,"  # what may stand in markdown's address as it is


def price_line(bars: Sequence[Bar]) -> Iterator[str]:
    """An SVG path through the closes; it is broken where nothing traded."""
    low = float(min(bar.close for bar in bars))
    span = float(max(bar.close for bar in bars)) - low
    before, height = -2, 0
    for bar in bars:
        share = (float(bar.close) - low) / span if span else 0.5
        y = PRICE - 3 - round(share * (PRICE - 6))
        if bar.stretch == before + 1:
            yield f"l{STEP},{y - height}"
        else:
            yield f"M{bar.stretch * STEP},{y}h1"
        before, height = bar.stretch, y


def volume_steps(bars: Sequence[Bar]) -> Iterator[str]:
    """An SVG path around the volumes, from the left and back to the ground."""
    most = max(bar.volume for bar in bars)
    tall = {bar.stretch: round(bar.volume / most * VOLUME) if most else 0 for bar in bars}
    yield f"M0,{PRICE + VOLUME}"
    before = 0
    for stretch in range(STRETCHES):
        height = tall.get(stretch, 0)
        yield f"v{before - height}h{STEP}" if height != before else f"h{STEP}"
        before = height
    yield f"v{before}z"


def table(edges: Sequence[Edge]) -> dg.MetadataValue:
    """Narrow enough for the panel of a partition: its day and source stand elsewhere."""
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "trade_id": str(edge.trade_id),
                    "time": f"{edge.traded_at:%H:%M:%S.%f}",
                    "price": plain(edge.price),
                    "size": plain(edge.size),
                    "side": edge.side,
                }
            )
            for edge in edges
        ]
    )
