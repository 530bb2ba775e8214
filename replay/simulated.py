"""A simulated market: an endless tape that is a function of (seed, exchange, symbol, start, rate).

It is made in blocks of `BLOCK` trades and BLOCK / rate seconds, each with its own random stream:
any part can be made alone, and a process that was killed makes the very same trades again.
"""

import math
from array import array
from hashlib import sha256
from random import Random

import numpy as np
import numpy.typing as npt

from alphapulse.trade import Market, Micros
from replay.tape import Columns, Digits

Whole = npt.NDArray[np.int64]
Real = npt.NDArray[np.float64]

BLOCK = 4096  # trades
ONE_MORE = 0.6  # chance that a burst of trades ends with the present one
SWEEP = 0.0005  # chance that a burst is a large order that eats through the book
STAY = 0.7  # chance that the next aggressor is on the side of the last one
DAILY_MOVE = 0.03  # standard deviation of a day's return
PULL = 0.0005  # of the way home that the price goes back each block, so that it never leaves
USUAL_VALUE = 300.0  # quote currency: the median trade
SPREAD_OF_SIZES = 1.5  # sigma of the log-normal sizes

DAY = 86_400.0
STEP = {"binance": 1_000}  # microseconds in the smallest step of an exchange's clock; others: 1
SIZE_DIGITS = {"binance": 5}  # others: 8
TEXT_DIGITS = {"binance": Digits(8, 8)}  # Binance pads to eight digits

PRICES = {
    "BTC": 65_000.0, "XBT": 65_000.0, "ETH": 3_200.0, "SOL": 150.0, "BNB": 580.0, "LTC": 80.0,
    "XRP": 0.6, "ADA": 0.45, "DOGE": 0.12, "DOT": 6.5, "LINK": 14.0, "AVAX": 30.0,
    "USD": 1.0, "USDT": 1.0, "USDC": 1.0, "FDUSD": 1.0, "EUR": 1.08, "GBP": 1.27, "JPY": 0.0067,
}  # fmt: skip
QUOTES = ("FDUSD", "USDT", "USDC", "USD", "EUR", "GBP", "JPY", "BTC", "ETH", "BNB")


class SimulatedMarket:
    """The blocks of one market. `rate` is trades per second, `start` the instant of the first."""

    def __init__(self, market: Market, seed: int, start: Micros, rate: float) -> None:
        if not rate > 0:
            raise ValueError(f"rate {rate} of {market.key}: must be above 0 trades per second")
        self.market = market
        self.start = start
        self.rate = rate
        self.identity = f"{seed}/{market.exchange}/{market.symbol}/{start}/{rate!r}"
        self.price = usual_price(market.symbol)
        self.price_digits = price_digits(self.price)
        self.size_digits = SIZE_DIGITS.get(market.exchange, 8)
        self.digits = TEXT_DIGITS.get(market.exchange, Digits(self.price_digits, self.size_digits))
        self.first_id = 1_000_000 + self.words(-1)[0] % 900_000_000
        self.block_micros = BLOCK / rate * 1e6
        self.levels = [0.0]  # log price, relative to `price`, where each block begins
        self.steps = Random(self.identity)  # noqa: S311 - a market, not a secret

    def block_at(self, at: Micros) -> int:
        """The number of the block in which the instant lies."""
        return max(0, int((at - self.start) // self.block_micros))

    def block(self, number: int) -> Columns:
        """All trades of a block, in order."""
        random = np.random.Generator(np.random.PCG64(self.words(number)))
        bursts = burst_lengths(random)
        burst_of = np.repeat(np.arange(len(bursts)), bursts)
        within = np.arange(BLOCK) - np.repeat(np.cumsum(bursts) - bursts, bursts)
        bought = sides(random, len(bursts))[burst_of]
        columns = Columns()
        columns.ids.extend(range(self.id_of(number), self.id_of(number + 1)))
        fill(columns.times, self.times(random, number, len(bursts))[burst_of])
        ticks = self.ticks(random, number, len(bursts))[burst_of]
        # Buyers pay a tick more than sellers get, and a long burst walks up or down the book.
        walked = ticks + np.where(bought == 1, 1 + within // 4, -(within // 4))
        padding = 10 ** (self.digits.price - self.price_digits)
        fill(columns.prices, np.maximum(walked, 1) * padding)
        fill(columns.sizes, self.sizes(random))
        columns.sides.frombytes(bought.astype(np.int8).tobytes())
        return columns

    def words(self, number: int) -> list[int]:
        """The seed of a block's random stream."""
        digest = sha256(f"{self.identity}/{number}".encode()).digest()
        return [int.from_bytes(digest[at : at + 4], "big") for at in range(0, 32, 4)]

    def id_of(self, number: int) -> int:
        return self.first_id + number * BLOCK

    def times(self, random: np.random.Generator, number: int, count: int) -> Whole:
        """Poisson arrivals, stretched to fill the block's time exactly; cut to the clock's step."""
        gaps = random.exponential(size=count + 1)
        parts = np.cumsum(gaps[:count]) / gaps.sum()
        micros = (number + parts) * self.block_micros
        step = STEP.get(self.market.exchange, 1)
        exact: Whole = self.start + micros.astype(np.int64)
        return exact - exact % step

    def ticks(self, random: np.random.Generator, number: int, count: int) -> Whole:
        """The price of each burst: a random bridge between the levels at the block's two ends."""
        path = np.cumsum(random.standard_normal(count)) * self.move / math.sqrt(count)
        along = np.arange(1, count + 1) / count
        here, there = self.level(number), self.level(number + 1)
        logs: Real = here + (there - here) * along + path - path[-1] * along
        ticks: Real = np.rint(self.price * np.exp(logs) * 10.0**self.price_digits)
        return ticks.astype(np.int64)

    def sizes(self, random: np.random.Generator) -> Whole:
        usual = USUAL_VALUE / self.price * 10.0**self.size_digits
        lots = np.rint(usual * random.lognormal(0.0, SPREAD_OF_SIZES, BLOCK)).astype(np.int64)
        sizes: Whole = np.maximum(lots, 1) * 10 ** (self.digits.size - self.size_digits)
        return sizes

    @property
    def move(self) -> float:
        """Standard deviation of the log price over one block."""
        return min(DAILY_MOVE * math.sqrt(self.block_micros / 1e6 / DAY), DAILY_MOVE)

    def level(self, number: int) -> float:
        while len(self.levels) <= number:
            self.levels.append(self.levels[-1] * (1 - PULL) + self.steps.gauss(0, self.move))
        return self.levels[number]


def burst_lengths(random: np.random.Generator) -> Whole:
    """How many trades each aggressor makes at one instant; they sum to BLOCK."""
    lengths = random.geometric(ONE_MORE, BLOCK).astype(np.int64)
    large = random.random(BLOCK) < SWEEP
    lengths[large] = random.integers(50, 300, int(large.sum()))
    ends = np.cumsum(lengths)
    count = int(np.searchsorted(ends, BLOCK)) + 1
    lengths[count - 1] -= ends[count - 1] - BLOCK
    return lengths[:count]


def sides(random: np.random.Generator, count: int) -> Whole:
    """1 where the taker bought."""
    turns = random.random(count) > STAY
    turns[0] = random.random() < 0.5
    return (np.cumsum(turns) % 2).astype(np.int64)


def fill(column: "array[int]", values: Whole) -> None:
    column.frombytes(values.tobytes())


def usual_price(symbol: str) -> float:
    """Where the walk of a market begins, in its quote currency; invented for unknown assets."""
    base, quote = split(symbol)
    return asset_price(base) / asset_price(quote)


def split(symbol: str) -> tuple[str, str]:
    for mark in "-/":
        base, found, quote = symbol.partition(mark)
        if found:
            return base, quote
    quote = next((q for q in QUOTES if symbol.endswith(q) and symbol != q), "")
    return symbol.removesuffix(quote) if quote else symbol, quote or "USD"


def asset_price(asset: str) -> float:
    invented = 0.05 * 10 ** (sha256(asset.encode()).digest()[0] / 64)
    return PRICES.get(asset, invented)


def price_digits(price: float) -> int:
    """Digits that leave a tick of about a millionth of the price, as exchanges choose them."""
    return min(8, max(2, 5 - math.floor(math.log10(price))))
