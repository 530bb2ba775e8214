"""Which day, asset and markets a notebook looks at: those that there are."""

import re

import pandas as pd

QUOTES = re.compile(r"(.+?)[-_/]?(?:USD[TC]?|FDUSD)$")


def newest_day(coverage: pd.DataFrame) -> pd.DataFrame:
    """Coverage of the newest day that is over in the most markets, the busiest market first.

    Where no day is over yet: of the running one.
    """
    known = coverage[coverage["stored"].fillna(0) > 0]
    assert len(known), "no day was judged yet: let the platform run for ten minutes, or see its log"
    over = known[~known["is_provisional"].astype(bool)]
    known = over if len(over) else known
    markets = known.groupby("date").size().sort_index(ascending=False)
    return known[known["date"] == markets.idxmax()].sort_values("stored", ascending=False)


def base(symbol: str) -> str:
    """The asset that a symbol trades: BTC of BTC/USD, BTC-USD and BTCUSDT; XBT is BTC too."""
    found = QUOTES.match(symbol)
    return (found[1] if found else symbol).replace("XBT", "BTC")


def most_shared(day: pd.DataFrame) -> tuple[str, list[str]]:
    """The asset that is held on the most exchanges, and its busiest market on each of them."""
    held = day.assign(asset=day["symbol"].map(base))
    ranks = held.groupby("asset").agg(exchanges=("exchange", "nunique"), stored=("stored", "sum"))
    asset = ranks.sort_values(["exchanges", "stored"]).index[-1]
    chosen = held[held["asset"] == asset].drop_duplicates("exchange").head(6)
    return str(asset), [f"{row.exchange}/{row.symbol}" for row in chosen.itertuples()]
