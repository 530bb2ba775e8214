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
# # Candles and the volume profile
#
# **When and at what price did the day trade, and on which exchange?**
#
# We take the asset that is held on the most exchanges, draw its day as candles, and then lay the
# volume along the two axes of that picture: along time, and along price. The second is the volume
# profile: it shows the prices at which the market found most business.

# %%
from datetime import timedelta

import choosing
import drawing
import numpy as np
import pandas as pd

import alphapulse

simulated = bool(alphapulse.load_markets()["simulated"].any())
judged = choosing.newest_day(alphapulse.load_coverage())
asset, names = choosing.most_shared(judged)
day = judged["date"].iloc[0]
until = day + timedelta(days=1)
shades = drawing.colours(names)
print(f"{asset} on {day:%d %B %Y}: {', '.join(names)}")

# %% [markdown]
# ## The day in candles
#
# Each candle is a quarter of an hour: the body from the first price to the last, the wick from the
# lowest to the highest. Blue and hollow it rose, orange and full it fell; the shape says it
# without the colour too. Bars without trades do not exist, so a hole in the row is a silence.

# %%
bars = {
    name: alphapulse.load_candles(name, day, until, "15m", decimals="float", index="opened_at")
    for name in names
}
first = bars[names[0]]
rose = first["close"] >= first["open"]

made, (above, below) = drawing.figure(
    2, height=5.4, simulated=simulated, sharex=True, height_ratios=[3, 1]
)
middle = first.index + timedelta(minutes=7.5)
above.vlines(middle, first["low"], first["high"], color=drawing.INK, linewidth=0.8, zorder=1)
for which, colour, filled in (
    (rose, drawing.BLUE, "white"),
    (~rose, drawing.ORANGE, drawing.ORANGE),
):
    body = first[which]
    for axes, bottom, height in (
        (above, body["open"].where(body["open"] < body["close"], body["close"]),
         (body["close"] - body["open"]).abs()),
        (below, 0, body["volume"]),
    ):  # fmt: skip
        axes.bar(
            middle[which], height, timedelta(minutes=11), bottom=bottom, color=filled,
            edgecolor=colour, linewidth=1,
        )  # fmt: skip
above.set_ylabel("price, quote currency")
above.yaxis.set_major_formatter("{x:,.6g}")
above.set_title(f"{names[0]}, {day:%d %B %Y}: 15-minute candles")
below.set_ylabel(f"volume, {asset}")
below.yaxis.set_major_formatter("{x:,.6g}")
drawing.clock(below)
drawing.show(made)

# %% [markdown]
# A candle is only a summary, so let us see that it is a true one: the same bars made here from the
# trades, exactly, must be the stored ones to the last digit.

# %%
trades = alphapulse.load_trades(names[0], day, until)
stored = alphapulse.load_candles(names[0], day, until, "15m", index="opened_at")
ours = trades.groupby(trades["traded_at"].dt.floor("15min")).agg(
    open=("price", "first"), high=("price", "max"), low=("price", "min"), close=("price", "last"),
    volume=("size", "sum"), trades=("trade_id", "count"),
)  # fmt: skip
same = {column: bool((ours[column] == stored[column]).all()) for column in ours}
print(f"{len(ours)} bars from {len(trades):,} trades; equal: {same}")

# %% [markdown]
# ## Volume along time
#
# Which exchange trades when? The height is the volume of each hour, in units of the asset, so that
# exchanges with different quote currencies may be compared.

# %%
hourly = pd.DataFrame({name: bars[name]["volume"].resample("1h").sum() for name in names}).fillna(
    0.0
)
share = hourly.sum() / hourly.sum().sum()

made, axes = drawing.figure(simulated=simulated)
bottom = np.zeros(len(hourly))
for name in names:
    axes.bar(
        hourly.index, hourly[name], timedelta(minutes=50), bottom=bottom, align="edge",
        color=shades[name], label=f"{name}  {share[name]:.0%}",
    )  # fmt: skip
    bottom += hourly[name].to_numpy()
axes.set_ylabel(f"{asset} per hour")
axes.yaxis.set_major_formatter("{x:,.6g}")
axes.set_title(f"Volume of {asset} by hour, {day:%d %B %Y}")
drawing.legend(axes, beside=True)
drawing.clock(axes)
drawing.show(made)

# %% [markdown]
# ## Volume along price
#
# The profile cuts the day's range of prices into steps and adds up what was traded in each. The
# longest bar is the *point of control*; around it lies the *value area*, the narrowest band of
# steps that holds 70 % of the volume. The line is the day's average price, weighted by volume
# (VWAP): far from the point of control means that the day moved away from where it had settled.

# %%
each = {name: alphapulse.load_trades(name, day, until, decimals="float") for name in names}
every = pd.concat(each.values())
vwap = (every["price"] * every["size"]).sum() / every["size"].sum()
edges = np.linspace(every["price"].min(), every["price"].max(), 49)
profile = {
    name: np.histogram(one["price"], edges, weights=one["size"])[0] for name, one in each.items()
}
total = np.sum(list(profile.values()), axis=0)
control = int(total.argmax())
low = high = control
while total[low : high + 1].sum() < 0.7 * total.sum():
    under = total[low - 1] if low > 0 else -1.0
    over_it = total[high + 1] if high + 1 < len(total) else -1.0
    low, high = (low - 1, high) if under >= over_it else (low, high + 1)

made, axes = drawing.figure(height=5.0, simulated=simulated)
axes.axhspan(edges[low], edges[high + 1], color="#F1F1F1", zorder=0)
start = np.zeros(len(total))
for name in names:
    axes.barh(
        edges[:-1], profile[name], np.diff(edges) * 0.88, left=start, align="edge",
        color=shades[name], label=name,
    )  # fmt: skip
    start += profile[name]
axes.axhline(vwap, color=drawing.INK, linewidth=1)
right = total.max() * 1.4
busiest = (edges[control] + edges[control + 1]) / 2
axes.plot(total[control] * 1.02, busiest, marker="<", color=drawing.INK, clip_on=False)
for price, words, is_upper in (
    (vwap, f"VWAP {vwap:,.6g}", vwap >= busiest),
    (busiest, f"point of control {busiest:,.6g}", vwap < busiest),
):
    axes.annotate(
        words, (right, price), xytext=(-4, 3 if is_upper else -3), textcoords="offset points",
        ha="right", va="bottom" if is_upper else "top", fontsize=9, color=drawing.INK,
    )  # fmt: skip
axes.set_xlim(0, right)
axes.set_xlabel(f"volume, {asset}")
axes.set_ylabel("price, quote currency")
axes.yaxis.set_major_formatter("{x:,.6g}")
axes.set_title(f"Volume profile of {asset}, {day:%d %B %Y}; shaded: 70 % of the volume")
axes.grid(visible=False, axis="y")
drawing.legend(axes, beside=True)
drawing.show(made)
print(f"70 % of {total.sum():,.6g} {asset} traded from {edges[low]:,.6g} to {edges[high + 1]:,.6g}")

# %% [markdown]
# ## Who was in a hurry?
#
# Of each bar we know what takers bought. Bought less sold, summed from midnight, is the
# *cumulative volume delta*: where it falls while the price rises, the rise was made by patient
# buyers.

# %%
made, axes = drawing.figure(simulated=simulated)
for name in names:
    delta = (2 * bars[name]["buy_volume"] - bars[name]["volume"]).cumsum()
    axes.plot(delta.index + timedelta(minutes=15), delta, color=shades[name], label=name)
axes.axhline(0, color=drawing.INK, linewidth=0.8)
axes.set_ylabel(f"bought less sold, {asset}")
axes.yaxis.set_major_formatter("{x:,.6g}")
axes.set_title(f"Cumulative volume delta of {asset}, {day:%d %B %Y}")
drawing.legend(axes, beside=True)
drawing.clock(axes)
drawing.show(made)
