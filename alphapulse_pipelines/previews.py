"""What people look at in Dagster's page: a plot of the day, its prices, its first and last rows.

The page draws an SVG in a data address inside markdown (seen in Dagster 1.13.27; plain SVG and HTML
are stripped).
"""

from base64 import b64encode
from collections.abc import Sequence

import dagster as dg

from alphapulse.archive.previewing import STRETCHES, Bar, Edge, Preview

WIDTH, HEIGHT = 480, 120
PRICE_HEIGHT = 84  # the volume has the rest
STEP = WIDTH // STRETCHES
INK, SHADE, TEXT = "#4f43dd", "#a8b1c2", "#707a8a"  # read well on white and on black

PICTURE = (
    f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
    'font-family="monospace" font-size="10">'
    f'<path d="{{volume}}" stroke="{SHADE}" stroke-width="{STEP - 2}"/>'
    f'<path d="{{ranges}}" stroke="{INK}" stroke-opacity=".35" stroke-width="{STEP - 6}"/>'
    f'<path d="{{closes}}" stroke="{INK}" stroke-width="1.5" fill="none"/>'
    f'<g fill="{TEXT}"><text x="2" y="9">{{high}}</text>'
    f'<text x="2" y="{PRICE_HEIGHT}">{{low}}</text></g></svg>'
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
    drawn = b64encode(draw(bars).encode()).decode()
    return dg.MetadataValue.md(
        f"![price and volume by the half hour](data:image/svg+xml;base64,{drawn})"
    )


def draw(bars: Sequence[Bar]) -> str:
    """The close as a line, high to low as a shade behind it, volume as bars below it."""
    high, low = max(bar.high for bar in bars), min(bar.low for bar in bars)
    most = max(bar.volume for bar in bars)

    def y(price: object) -> int:
        share = (float(str(price)) - float(low)) / (float(high - low) or 1.0)
        return round(PRICE_HEIGHT - 2 - share * (PRICE_HEIGHT - 4))

    def x(bar: Bar) -> int:
        return bar.stretch * STEP + STEP // 2

    room = HEIGHT - PRICE_HEIGHT - 4
    return PICTURE.format(
        volume="".join(
            f"M{x(bar)} {HEIGHT}v-{max(1, round(bar.volume / (most or 1.0) * room))}"
            for bar in bars
        ),
        ranges="".join(f"M{x(bar)} {y(bar.high)}V{y(bar.low) + 1}" for bar in bars),
        closes="M" + "L".join(f"{x(bar)} {y(bar.close)}" for bar in bars),
        high=plain(high),
        low=plain(low),
    )


def table(edges: Sequence[Edge]) -> dg.MetadataValue:
    return dg.MetadataValue.table(
        [
            dg.TableRecord(
                {
                    "trade_id": str(edge.trade_id),
                    "traded_at": f"{edge.traded_at}",
                    "price": plain(edge.price),
                    "size": plain(edge.size),
                    "side": edge.side,
                    "source": edge.source,
                }
            )
            for edge in edges
        ]
    )


def plain(number: object) -> str:
    """A decimal with 18 places as people write it."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
