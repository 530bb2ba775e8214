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
# # Price differences between exchanges
#
# **Is the same asset dearer elsewhere, for how long, and who moves first?**
#
# A difference between two exchanges is only worth something if it is larger than the costs of
# using it and lasts longer than it takes to act. This notebook measures both for one day, and then
# asks which exchange's price the others follow.
#
# Two cautions. A trade's price is a past event, not an offer: on a quiet exchange the last one may
# be minutes old. And BTC in USDT is not BTC in USD: a steady difference there is the price of the
# dollar.

# %%
from datetime import timedelta
from itertools import combinations

import choosing
import drawing
import numpy as np
import pandas as pd

import alphapulse

simulated = bool(alphapulse.load_markets()["simulated"].any())
judged = choosing.newest_day(alphapulse.load_coverage())
asset, names = choosing.most_shared(judged)
names = names[:4]
assert len(names) > 1, "to compare prices, capture one asset on two exchanges"
day = judged["date"].iloc[0]
until = day + timedelta(days=1)
shades = drawing.colours(names)
print(f"{asset} on {day:%d %B %Y}: {', '.join(names)}")
assert len(names) > 1, "to compare prices, capture one asset on two exchanges"

# %% [markdown]
# ## One clock for all
#
# Trades come when they come, so we first ask each exchange at the same instants: what was your
# last price? The step is chosen so that even the quietest exchange usually traded within it. What
# it did not trade for ten steps is left out rather than carried on: a stale price is no price.

# %%
trades = {
    name: alphapulse.load_trades(name, day, until, decimals="float", index="traded_at")
    for name in names
}
usual = max(pd.Series(one.index).diff().dt.total_seconds().median() for one in trades.values())
step = next(second for second in (1, 2, 5, 10, 15, 30, 60) if second >= usual or second == 60)
grid = pd.date_range(pd.Timestamp(day, tz="UTC"), pd.Timestamp(until, tz="UTC"), freq=f"{step}s")
prices = pd.DataFrame(
    {
        name: one["price"].groupby(one.index.ceil(f"{step}s")).last().reindex(grid).ffill(limit=10)
        for name, one in trades.items()
    }
)
print(
    f"every {step} s; known at " + ", ".join(f"{prices[n].notna().mean():.0%} ({n})" for n in names)
)

# %% [markdown]
# ## Seen from afar, one price
#
# Over a day the exchanges draw one line. The hour with the largest move, below, shows what hides
# in it.

# %%
middle = prices.median(axis=1)
hour = (middle.resample("1h").max() / middle.resample("1h").min() - 1).idxmax()
near = prices[hour : hour + timedelta(hours=1)]

made, (above, below) = drawing.figure(2, height=6.2, simulated=simulated, height_ratios=[1, 1.3])
for name in names:
    above.plot(prices.index, prices[name], color=shades[name], linewidth=0.9, label=name)
    below.plot(near.index, near[name], color=shades[name], drawstyle="steps-post")
above.axvspan(hour, hour + timedelta(hours=1), color="#EEEEEE", zorder=0)
above.set_title(f"{asset}, {day:%d %B %Y}")
below.set_title(f"The hour from {hour:%H:%M}")
for axes in (above, below):
    axes.set_ylabel("price, USD or USDT")
    axes.yaxis.set_major_formatter("{x:,.6g}")
    drawing.clock(axes)
drawing.legend(above, beside=True)
drawing.show(made)

# %% [markdown]
# ## How far apart?
#
# The difference of each exchange from the average of all, in basis points (a hundredth of a
# percent): as a line, smoothed over five minutes, and as a band that holds nine in ten of the
# unsmoothed ones in each half hour.

# %%
apart = prices.div(prices.mean(axis=1, skipna=False), axis=0).sub(1).mul(10_000)
smooth = apart.rolling("5min", min_periods=max(150 // step, 1)).mean()
low, high = (apart.resample("30min").quantile(share) for share in (0.05, 0.95))

made, axes = drawing.figure(height=4.0, simulated=simulated)
for name in names:
    axes.fill_between(
        low.index + timedelta(minutes=15), low[name], high[name], color=shades[name], alpha=0.13,
        linewidth=0,
    )  # fmt: skip
    axes.plot(smooth.index, smooth[name], color=shades[name], linewidth=1, label=name)
axes.axhline(0, color=drawing.INK, linewidth=0.8)
axes.set_ylabel("from the average, basis points")
axes.set_title(f"Price of {asset} relative to the average, {day:%d %B %Y}")
drawing.legend(axes, beside=True)
drawing.clock(axes)
drawing.show(made)

# %% [markdown]
# ## What is left after costs?
#
# Buying on one exchange and selling on the other costs two takers' fees; ten basis points in all
# is little. For each pair: the usual difference (its median, which a steady premium shifts), how
# often the difference leaves that usual one by more than ten basis points, and the longest time
# that it stayed away. What is away for two steps only is likely a stale price and not a chance.

# %%
COSTS = 10.0  # basis points


def longest(away: pd.Series) -> float:
    """Seconds of the longest stretch in which it is so."""
    runs = away.groupby((~away).cumsum()).sum()
    return float(runs.max() * step)


rows = []
for one, other in combinations(names, 2):
    pair = prices[[one, other]].dropna()
    difference = (pair[one] / pair[other] - 1) * 10_000
    beyond = (difference - difference.median()).abs() > COSTS
    rows.append(
        {
            "pair": f"{one} - {other}",
            "median, bp": difference.median(),
            "5 %": difference.quantile(0.05),
            "95 %": difference.quantile(0.95),
            "beyond costs": f"{beyond.mean():.2%}",
            "longest, s": longest(beyond),
        }
    )
pd.DataFrame(rows).set_index("pair").round(2)

# %%
made, axes = drawing.figure(simulated=simulated)
pairs = list(combinations(names, 2))
bins = None
for (one, other), shade in zip(pairs, drawing.PALETTE, strict=False):
    difference = ((prices[one] / prices[other] - 1) * 10_000).dropna()
    span = difference.quantile([0.001, 0.999])
    bins = np.linspace(span.iloc[0], span.iloc[1], 80)
    axes.hist(
        difference, bins, density=True, histtype="step", color=shade, linewidth=1.4,
        label=f"{one} less {other}",
    )  # fmt: skip
    axes.axvline(difference.median(), color=shade, linewidth=0.8, linestyle=":")
axes.set_xlabel("difference, basis points; dotted: the median")
axes.set_ylabel("density")
axes.set_title(f"Differences between exchanges, {day:%d %B %Y}")
drawing.legend(axes, beside=True)
drawing.show(made)

# %% [markdown]
# ## Who moves first?
#
# If one exchange leads, its returns of now resemble the other's returns of later. We correlate the
# returns of two exchanges while shifting one against the other: a peak to the right of zero says
# that the first of the pair leads, and by how long. A quiet exchange looks late merely because its
# last price is old, so read a lead of less than its usual pause with care.

# %%
returns = np.log(prices).diff()
shifts = np.arange(-12, 13)
made, axes = drawing.figure(height=4.0, simulated=simulated)
leads = {}
for (one, other), shade in zip(pairs, drawing.PALETTE, strict=False):
    curve = [returns[one].corr(returns[other].shift(-int(shift))) for shift in shifts]
    best = int(np.nanargmax(curve))
    leads[f"{one}, {other}"] = int(shifts[best] * step)
    axes.plot(
        shifts * step, curve, color=shade, marker="o", markersize=3, label=f"{one} before {other}"
    )
    axes.plot(shifts[best] * step, curve[best], marker="o", markersize=8, color=shade)
axes.axvline(0, color=drawing.INK, linewidth=0.8)
axes.set_xlabel("lead of the first exchange, seconds")
axes.set_ylabel("correlation of returns")
axes.set_title(f"Lead and lag, {day:%d %B %Y}")
drawing.legend(axes, beside=True)
drawing.show(made)
for pair, lead in leads.items():
    one, other = pair.split(", ")
    first, second = (one, other) if lead >= 0 else (other, one)
    print(
        f"{first} leads {second} by {abs(lead)} s" if lead else f"{one} and {other} move together"
    )
