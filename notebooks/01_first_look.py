# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A first look
#
# **What do I hold, and what does one day of one market look like?**
#
# Everything comes through `import alphapulse`: archived days from Parquet, today from the live
# store, in one call. Times are UTC, by the exchange's clock. Prices and sizes are exact decimals,
# from the exchange's text up to here. If the data are simulated, each figure says so.

# %%
from datetime import timedelta

import choosing
import drawing
import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

import alphapulse

markets = alphapulse.load_markets()
coverage = alphapulse.load_coverage()
simulated = bool(markets["simulated"].any())
markets

# %% [markdown]
# ## What is held
#
# The platform judges each market and UTC day from the exchange's own trade ids. *Complete* is a
# proof: every id that the day ought to hold is stored. *Incomplete* says that ids are missing,
# that nobody saw the day begin, or that it is not over; *unknown* that the exchange does not count
# its trades.

# %%
VERDICTS = {
    "complete": drawing.GREEN,
    "complete with absences": drawing.SKY,
    "incomplete": drawing.ORANGE,
    "unknown": "#BBBBBB",
}
recent = coverage[coverage["date"] > coverage["date"].max() - timedelta(days=60)]
grid = recent.assign(
    market=recent["exchange"] + " " + recent["symbol"],
    colour=recent["verdict"].map({name: place for place, name in enumerate(VERDICTS)}),
).pivot_table(index="market", columns="date", values="colour")

made, axes = drawing.figure(height=1.3 + 0.3 * len(grid), simulated=simulated)
axes.pcolormesh(
    np.arange(len(grid.columns) + 1), np.arange(len(grid) + 1), grid.to_numpy(float),
    cmap=ListedColormap(list(VERDICTS.values())), vmin=-0.5, vmax=len(VERDICTS) - 0.5,
    edgecolors="white", linewidth=2,
)  # fmt: skip
every = -(-len(grid.columns) // 10)
axes.set_xticks(
    np.arange(len(grid.columns))[::every] + 0.5,
    [f"{day:%d %b %Y}" for day in grid.columns[::every]],
)
axes.set_yticks(np.arange(len(grid)) + 0.5, grid.index)
axes.tick_params(length=0)
axes.invert_yaxis()
axes.grid(visible=False)
axes.spines[:].set_visible(False)
axes.set_title("Verdict of each market and UTC day")
seen = [name for name in VERDICTS if name in set(recent["verdict"])]
drawing.legend(axes, handles=[Patch(color=VERDICTS[name], label=name) for name in seen])
drawing.show(made)

# %% [markdown]
# ## One day
#
# We take the newest day that is over in the most markets, and of its markets the busiest.

# %%
busiest = choosing.newest_day(coverage).iloc[0]
day, exchange, symbol = busiest["date"], busiest["exchange"], busiest["symbol"]
market = f"{exchange}/{symbol}"
trades = alphapulse.load_trades(market, day, day + timedelta(days=1))
name = f"{exchange} {symbol}, {day:%d %B %Y}"
print(f"{name}: {len(trades):,} trades, {busiest['verdict']} ({busiest['reason']})")
trades.head()

# %% [markdown]
# The decimals are exact, and they stay exact in sums and products. Here is the day's turnover,
# once exactly and once in floats; floats are quicker and good to about 15 digits, which is enough
# to draw.

# %%
turnover = (trades["price"] * trades["size"]).sum()
quick = alphapulse.load_trades(
    market, day, day + timedelta(days=1), decimals="float", index="traded_at"
)
print(f"exactly   {turnover}")
print(f"in floats {(quick['price'] * quick['size']).sum():.10f}")

# %% [markdown]
# ### Price and volume
#
# Above, the last price of each minute. Below, what takers bought and sold in each quarter of an
# hour: the side is the taker's on every exchange, so a tall blue bar means that buyers were in a
# hurry.

# %%
minute = quick["price"].resample("1min").last().dropna()
volume = quick.groupby([quick.index.floor("15min"), "side"])["size"].sum().unstack(fill_value=0.0)
bought, sold = (volume.get(side, 0 * volume.sum(axis=1)) for side in ("buy", "sell"))

made, (above, below) = drawing.figure(
    2, height=5.2, simulated=simulated, sharex=True, height_ratios=[3, 1.5]
)
above.plot(minute.index, minute, color=drawing.INK)
above.set_ylabel("price, quote currency")
above.yaxis.set_major_formatter("{x:,.6g}")
above.set_title(f"Price of {name}")
wide = timedelta(minutes=13)
below.bar(volume.index, bought, wide, align="edge", color=drawing.BUY, label="takers bought")
below.bar(volume.index, -sold, wide, align="edge", color=drawing.SELL, label="takers sold")
below.axhline(0, color=drawing.INK, linewidth=0.8)
below.yaxis.set_major_formatter(lambda size, _: f"{abs(size):,.6g}")
below.set_ylabel("size per 15 min,\nbase currency")
drawing.legend(below)
drawing.clock(below)
drawing.show(made)

# %% [markdown]
# ### How large is a trade?
#
# Sizes span many powers of ten, so both axes are logarithmic: the line gives the share of trades
# that are worth at least so much. The dashed line says the same of the volume: if it stays high
# far to the right, a few large trades make most of the day.

# %%
value = np.sort((quick["price"] * quick["size"]).to_numpy())[::-1]
share_of_trades = np.arange(1, len(value) + 1) / len(value)
share_of_volume = np.cumsum(value) / value.sum()
median = np.median(value)
top = share_of_volume[max(len(value) // 100, 1) - 1]

made, axes = drawing.figure(simulated=simulated)
axes.loglog(value, share_of_trades, color=drawing.BLUE, label="of trades")
axes.loglog(value, share_of_volume, color=drawing.ORANGE, linestyle="--", label="of volume")
axes.axvline(median, color=drawing.FAINT, linewidth=0.8)
axes.annotate(
    f"median {median:,.4g}", (median, share_of_trades[-1]), xytext=(5, 2),
    textcoords="offset points", color=drawing.INK, fontsize=9,
)  # fmt: skip
axes.set_xlabel("value of a trade, quote currency")
axes.set_ylabel("share at least so large")
drawing.powers(axes.xaxis, (1,))
axes.yaxis.set_major_formatter(lambda share, _: f"{share:.4%}".rstrip("0%").rstrip(".") + "%")
axes.set_title(f"Size of trades, {name}")
drawing.legend(axes)
drawing.show(made)
print(f"The largest hundredth of the trades makes {top:.0%} of the volume.")

# %% [markdown]
# ## The same with other tools
#
# Polars, Arrow and DuckDB read the same trades; all three agree to the last digit.

# %%
frame = alphapulse.load_trades(market, day, day + timedelta(days=1), as_="polars")
table = alphapulse.load_trades(market, day, day + timedelta(days=1), as_="arrow")
duck = alphapulse.open_archive()
(size,) = duck.execute(
    "SELECT sum(size) FROM trades WHERE exchange = ? AND symbol = ? AND date = ?",
    [exchange, symbol, day],
).fetchone()
duck.close()
print("pandas", trades["size"].sum())
print("Polars", frame["size"].sum())
print("Arrow ", sum(table["size"].to_pylist()))
print("DuckDB", size)

# %% [markdown]
# Next: [is the day whole?](02_data_quality_of_a_day.ipynb)
