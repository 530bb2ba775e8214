"""Days of trades as several exchanges might have seen them: one price, told a little differently.

Each asset has one path of its price; every exchange trades around it with an offset of its own that
wanders by a few hundredths of a percent, later or sooner, at its own pace. All of it is a function
of the market and the day.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from alphapulse.trade import Market
from tests.stored import store_market

Real = npt.NDArray[np.float64]

SECONDS = 86_400
ONE_SECOND = timedelta(seconds=1)
PRICES = {"BTC": 61_000.0, "ETH": 2_600.0}
COPY = """
COPY trades (market_id, trade_id, traded_at, received_at, side, source, price, size) FROM STDIN"""


class Habit(Struct, frozen=True):
    """How an exchange trades an asset."""

    market: Market
    asset: str
    trades: int  # a day
    follows: float = 0.0  # seconds behind the asset's price
    latency: float = 0.04  # seconds, the median until we have it
    wander: float = 2.0  # basis points that its offset usually is
    premium: float = 0.0  # basis points, always
    lost: tuple[tuple[float, int], ...] = ()  # (hour, ids) that never reached us


HABITS = (
    Habit(Market("kraken", "BTC/USD"), "BTC", 3_500, 20.0, 0.09, 2.5, lost=((13.2, 41), (19.7, 7))),
    Habit(Market("coinbase", "BTC-USD"), "BTC", 7_000, 3.0, 0.06, 1.0),
    Habit(Market("binance", "BTCUSDT"), "BTC", 9_000, 0.0, 0.03, 0.8, premium=4.0),
    Habit(Market("kraken", "ETH/USD"), "ETH", 1_500, 6.0, 0.09, 3.0),
    Habit(Market("coinbase", "ETH-USD"), "ETH", 2_500, 2.0, 0.06, 1.5),
)


def seeded(*words: object) -> np.random.Generator:
    digest = sha256("/".join(map(str, words)).encode()).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest[:8], "big")))


def path(asset: str, day: str) -> Real:
    """The asset's price in each second of the day."""
    steps = seeded(asset, day).standard_t(4, SECONDS) * 0.02 / np.sqrt(2 * SECONDS)
    levels: Real = PRICES[asset] * np.exp(np.cumsum(steps))
    return levels


def instants(habit: Habit, random: np.random.Generator) -> Real:
    """Seconds of the day: busiest in the afternoon, in bursts."""
    hours = np.arange(24)
    weights = (
        1.0 + 1.6 * np.exp(-(((hours - 15) / 3.5) ** 2)) + 0.5 * np.exp(-((hours - 8) ** 2) / 8)
    )
    hour = random.choice(hours, habit.trades, p=weights / weights.sum())
    seconds = (hour + random.random(habit.trades)) * 3600
    bursts = random.random(habit.trades) < 0.5
    seconds[1:][bursts[1:]] = seconds[:-1][bursts[1:]]
    return np.sort(np.minimum(seconds + random.exponential(0.2, habit.trades), SECONDS - 1e-3))


def offset(habit: Habit, random: np.random.Generator) -> Real:
    """Basis points per minute that this exchange is away from the others; it comes back."""
    shocks = random.normal(0, habit.wander * np.sqrt(1 - 0.9**2), SECONDS // 60 + 1)
    away = np.zeros(len(shocks))
    for minute in range(1, len(shocks)):
        away[minute] = 0.9 * away[minute - 1] + shocks[minute]
    return away + habit.premium


def rows(habit: Habit, day: MarketDay) -> Iterator[tuple[object, ...]]:
    """The day's trades that reached us, without the market's number."""
    random = seeded(day.key)
    seconds = instants(habit, random)
    levels, away = path(habit.asset, str(day.date)), offset(habit, random)
    middle = levels[np.maximum(seconds - habit.follows, 0).astype(int)]
    middle = middle * (1 + away[(seconds // 60).astype(int)] / 10_000)
    bought = np.repeat(random.random(habit.trades // 3 + 1) < 0.51, 3)[: habit.trades]
    prices = middle * (1 + np.where(bought, 1, -1) * 0.00002)
    sizes = 400 / middle * random.lognormal(0, 1.5, habit.trades)
    lags = habit.latency * random.lognormal(0, 0.5, habit.trades)
    first = first_id(habit, day)
    lost = {at for hour, ids in habit.lost for at in lost_places(seconds, hour, ids)}
    for place in range(habit.trades):
        if place not in lost:
            traded = day.starts_at.timestamp() + round(seconds[place], 6)
            yield (
                first + place,
                datetime.fromtimestamp(traded, UTC),
                datetime.fromtimestamp(traded + lags[place], UTC),
                "b" if bought[place] else "s",
                "l",
                f"{prices[place]:.2f}",
                f"{max(sizes[place], 1e-8):.8f}",
            )


def lost_places(seconds: Real, hour: float, ids: int) -> range:
    first = int(np.searchsorted(seconds, hour * 3600))
    return range(first, first + ids)


GAPS = """
INSERT INTO gaps (market_id, after_id, before_id, after_at, before_at, cause)
SELECT market_id, trade_id, next_id, traded_at, next_at, 'sequence hole'
FROM (
    SELECT market_id, trade_id, traded_at,
           lead(trade_id) OVER w AS next_id, lead(traded_at) OVER w AS next_at
    FROM trades WHERE market_id = %s
    WINDOW w AS (ORDER BY trade_id)
) AS pairs
WHERE next_id > trade_id + 1"""

UPTIME = "INSERT INTO uptime (market_id, since, until) VALUES (%s, %s, %s)"


def store_simulated(store: Store, habit: Habit, days: Sequence[MarketDay]) -> None:
    """Trades of consecutive days, one before them and one behind, which prove that they are whole;
    the gaps that a collector would have reported; and that we were connected all the time.
    """
    market_id = store_market(store, habit.market)
    with store.cursor().copy(COPY) as copy:
        copy.write_row((market_id, *edge(habit, days[0], -1)))
        for day in days:
            for row in rows(habit, day):
                copy.write_row((market_id, *row))
        copy.write_row((market_id, *edge(habit, days[-1], habit.trades)))
    store.execute(GAPS, [market_id])
    store.execute(UPTIME, [market_id, days[0].starts_at, days[-1].ends_at])


def edge(habit: Habit, day: MarketDay, place: int) -> tuple[object, ...]:
    """A trade right before the day's first, or right after its last."""
    at = day.starts_at - ONE_SECOND if place < 0 else day.ends_at + ONE_SECOND
    price = f"{PRICES[habit.asset]:.2f}"
    return first_id(habit, day) + place, at, at, "b", "l", price, "0.001"


def first_id(habit: Habit, day: MarketDay) -> int:
    return 1_000_000 + day.date.toordinal() % 1000 * habit.trades
