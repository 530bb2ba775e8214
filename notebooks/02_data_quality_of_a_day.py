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
# # The quality of a day
#
# **May I trust this day?** Are all trades there, where are the holes, and how old was a trade when
# it reached us?
#
# Everything below is recomputed from the trades themselves and then compared with the verdict that
# the platform gave: a verdict that cannot be checked is only an opinion.

# %%
from datetime import timedelta

import choosing
import drawing
import numpy as np
import pandas as pd
from matplotlib.patches import Patch

import alphapulse

coverage = alphapulse.load_coverage()
simulated = bool(alphapulse.load_markets()["simulated"].any())
judged = choosing.newest_day(coverage).head(12)
day = judged["date"].iloc[0]
until = day + timedelta(days=1)
judged[
    [
        "exchange",
        "symbol",
        "verdict",
        "expected",
        "stored",
        "missing",
        "absent",
        "observed",
        "reason",
    ]
]

# %% [markdown]
# ## Minute by minute
#
# Each market is a strip of the day. A minute in which it traded is dark; one without a trade is
# light, which is no fault where a market is quiet. An orange stretch is a gap: ids are missing
# there, and the trades at its edges say from when to when.

# %%
gaps = alphapulse.load_gaps(start=day, end=until)
still = gaps[gaps["state"] != "repaired"]
names = [f"{row.exchange} {row.symbol}" for row in judged.itertuples()]
days = {}
for row in judged.itertuples():
    days[f"{row.exchange} {row.symbol}"] = alphapulse.load_trades(
        f"{row.exchange}/{row.symbol}", day, until, decimals="float"
    )

made, axes = drawing.figure(height=1.4 + 0.36 * len(names), simulated=simulated)
minutes = pd.date_range(pd.Timestamp(day, tz="UTC"), periods=24 * 60 + 1, freq="min")
for place, name in enumerate(names):
    busy = (
        np.histogram(
            days[name]["traded_at"].astype("int64"), minutes.as_unit("us").astype("int64")
        )[0]
        > 0
    )
    axes.pcolormesh(
        minutes, [place - 0.36, place + 0.36], busy[None, :], cmap="Greys", vmin=-0.15, vmax=1.5
    )
for gap in still.itertuples():
    name = f"{gap.exchange} {gap.symbol}"
    if name in names:
        to = min(gap.before_at, minutes[-1]) if pd.notna(gap.before_at) else minutes[-1]
        since = max(gap.after_at, minutes[0])
        axes.barh(
            names.index(name), max(to - since, pd.Timedelta(minutes=3)), left=since, height=0.9,
            color=drawing.ORANGE,
        )  # fmt: skip
axes.set_yticks(range(len(names)), names)
axes.tick_params(axis="y", length=0)
axes.invert_yaxis()
axes.grid(visible=False)
axes.set_xlim(minutes[0], minutes[-1])
axes.set_title(f"Minutes with trades, and gaps on {day:%d %B %Y}")
drawing.legend(
    axes,
    handles=[
        Patch(color="#777777", label="traded"),
        Patch(color=drawing.ORANGE, label="ids missing"),
    ],
)
drawing.clock(axes)
drawing.show(made)

# %% [markdown]
# ## Counting ids
#
# These exchanges number their trades one by one. So the id of a trade, less the first id of the
# day, less the trades that we hold before it, is the number of ids missing so far. For a whole day
# the line lies on zero; each hole is a step, as high as the hole is large.

# %%
counted = [name for name, known in zip(names, judged["expected"].notna(), strict=True) if known]
missing = {}
for name in counted:
    ids = np.sort(days[name]["trade_id"].to_numpy())
    missing[name] = ids - ids[0] - np.arange(len(ids))

made, axes = drawing.figure(simulated=simulated)
shades = drawing.colours(counted)
for name in sorted(counted, key=lambda one: -missing[one][-1]):
    at = days[name].sort_values("trade_id")["traded_at"]
    axes.step(at, missing[name], where="post", color=shades[name], label=name)
    if missing[name][-1]:
        axes.annotate(
            f"{missing[name][-1]:,}", (at.iloc[-1], missing[name][-1]), xytext=(4, -3),
            textcoords="offset points", color=shades[name], fontsize=9,
        )  # fmt: skip
axes.set_ylim(bottom=min(-0.5, -0.02 * max(step[-1] for step in missing.values())))
axes.set_ylabel("ids missing so far")
axes.set_title(f"Ids missing since midnight on {day:%d %B %Y}")
drawing.legend(axes, beside=True)
drawing.clock(axes)
drawing.show(made)

# %% [markdown]
# And here is the comparison: what we counted inside the day against what the verdict says is
# missing. They may differ by ids that are missing at the very edges of the day, before the first
# stored trade or behind the last; the platform knows of those from the neighbouring days.

# %%
check = judged[judged["expected"].notna()].assign(
    counted=[int(missing[name][-1]) for name in counted],
    said=lambda table: (table["missing"] + table["absent"]).astype("int64"),
)
check["agree"] = check["counted"] == check["said"]
check[["exchange", "symbol", "verdict", "counted", "said", "agree"]]

# %% [markdown]
# ## Silence
#
# A market may be silent because nobody traded, or because nobody told us. Its own habits tell
# which: below is each market's longest pause beside its usual one. A pause far beyond the 99.9th
# percentile deserves a look, most of all if it coincides with a gap above.

# %%
pauses = pd.DataFrame(
    {
        name: trades["traded_at"].diff().dt.total_seconds().quantile([0.5, 0.99, 0.999, 1.0])
        for name, trades in days.items()
    }
).T
pauses.columns = ["median, s", "99 %", "99.9 %", "longest"]
pauses.round(2)

# %% [markdown]
# ## How late did trades reach us?
#
# `received_at` is our clock, `traded_at` the exchange's: their difference is the time on the way
# plus the difference of the clocks, so a negative value means that ours was behind. Only trades
# that were pushed to us live count; a repaired trade comes hours later by its nature.

# %%
lags = {
    name: (live["received_at"] - live["traded_at"]).dt.total_seconds() * 1000
    for name, trades in days.items()
    if len(live := trades[trades["source"] == "live"]) > 100
}
made, (above, below) = drawing.figure(2, height=6.4, simulated=simulated)
shades = drawing.colours(names)
for name, lag in lags.items():
    hours = days[name].loc[lag.index, "traded_at"].dt.floor("h")
    middle = lag.groupby(hours).median()
    worst = lag.groupby(hours).quantile(0.99)
    above.plot(middle.index, middle, color=shades[name], label=name)
    above.plot(worst.index, worst, color=shades[name], linestyle=":")
    ordered = np.sort(lag.clip(lower=0.1))
    below.plot(
        ordered, np.arange(1, len(ordered) + 1) / len(ordered), color=shades[name], label=name
    )
above.set_yscale("log")
drawing.powers(above.yaxis)
above.set_ylabel("milliseconds")
above.set_title("Lag by hour: median, and dotted the 99th percentile")
drawing.legend(above, beside=True)
drawing.clock(above)
below.set_xscale("log")
drawing.powers(below.xaxis)
below.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
below.set_xlabel("milliseconds from the exchange's clock to ours")
below.set_ylabel("share of trades")
below.set_title("Lag of all live trades of the day")
drawing.show(made)

# %%
pd.DataFrame({name: lag.quantile([0.5, 0.9, 0.99, 1.0]) for name, lag in lags.items()}).T.rename(
    columns={0.5: "median, ms", 0.9: "90 %", 0.99: "99 %", 1.0: "largest"}
).round(1)

# %% [markdown]
# ## So, may I trust it?

# %%
for row in judged.itertuples():
    print(f"{row.exchange} {row.symbol}: {row.verdict}. {row.reason}")
