"""How the notebooks draw: one look, times in UTC, and simulated data marked on every figure."""

from collections.abc import Iterable
from datetime import UTC
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator

# Okabe and Ito's colours: told apart with any kind of colour vision, and in grey.
BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW)
BUY, SELL = BLUE, ORANGE
INK, FAINT = "#222222", "#8A8A8A"

LOOK: dict[str, Any] = {
    "figure.dpi": 110,
    "savefig.dpi": 110,
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "axes.titlesize": 11.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "xtick.color": INK,
    "ytick.color": INK,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "timezone": "UTC",
}
mpl.rcParams.update(LOOK)


def figure(rows: int = 1, *, height: float = 3.6, simulated: bool, **options: Any) -> Any:
    """A figure of our look with `rows` axes below one another, marked if its data are simulated."""
    made, axes = plt.subplots(rows, figsize=(9.5, height), **options)
    if simulated:
        made.suptitle(
            "SIMULATED DATA", x=0.995, ha="right", fontsize=8.5, color=ORANGE, weight="bold"
        )
    return made, axes


def clock(axes: Axes) -> None:
    """The x axis shows instants in UTC, in as few words as will do; the title names the day."""
    locator = AutoDateLocator(tz=UTC, minticks=4, maxticks=9)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator, tz=UTC, show_offset=False))
    axes.set_xlabel("UTC")


def powers(axis: Axis, steps: tuple[int, ...] = (1, 2, 5)) -> None:
    """Labels of a logarithmic axis, at 1, 2, 5, 10, …, in plain numbers."""
    axis.set_major_locator(LogLocator(subs=steps))
    axis.set_major_formatter("{x:,.6g}")
    axis.set_minor_locator(NullLocator())


def legend(axes: Axes, *, beside: bool = False, **options: Any) -> None:
    """Above the plot at the right, in one line, or beside it, where names are many: on no data."""
    place: dict[str, Any] = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.0), "ncols": 6}
    if beside:
        place = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0), "ncols": 1}
    axes.legend(**(place | {"fontsize": 9, "borderaxespad": 0.2, "handlelength": 1.4} | options))


def colours(names: Iterable[str]) -> dict[str, str]:
    """A colour for each name, the same for the same names in every figure."""
    return {name: PALETTE[place % len(PALETTE)] for place, name in enumerate(names)}


def show(made: Figure) -> None:
    """Into the notebook, once."""
    plt.show()
    plt.close(made)
