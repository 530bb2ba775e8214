"""What one run is to be: everything follows from it, so that a seed repeats a run. Pure."""

from datetime import UTC, datetime, timedelta
from math import ceil

from msgspec import Struct

from alphapulse.trade import Market, Micros
from chaos.faults import Outage
from chaos.schedule import Strike, schedule

# Trades of a market of each exchange, in relation to one another. Kraken's REST gives some 900
# trades a second, the others a multiple: what an outage takes must come back while trade goes on.
WEIGHTS = {"binance": 15, "coinbase": 14, "kraken": 4}
MARKETS = tuple(
    Market(exchange, symbol)
    for exchange, symbols in {
        "binance": ("BTCUSDT", "ETHUSDT", "SOLUSDT"),
        "coinbase": ("BTC-USD", "ETH-USD"),
        "kraken": ("BTC/USD", "ETH/USD"),
    }.items()
    for symbol in symbols
)
# No collector listens to these: `alphapulse backfill`, killed again and again, loads a part.
PAST = (Market("binance", "LTCUSDT"), Market("coinbase", "LTC-USD"), Market("kraken", "LTC/USD"))
OUTAGE_AT = 0.2  # of the run
PART = 0.4  # of the run: what of them is loaded
WHOLE = sum(WEIGHTS[m.exchange] for m in MARKETS) + PART * sum(WEIGHTS[m.exchange] for m in PAST)


class Wish(Struct, frozen=True):
    """A stream client: its filter, and the markets that this filter means."""

    name: str
    filter: tuple[str, ...]
    markets: tuple[Market, ...]


CLIENTS = (
    Wish("everything", ("*",), (*MARKETS, *PAST)),
    Wish(
        "one exchange", ("binance",), tuple(m for m in (*MARKETS, *PAST) if m.exchange == "binance")
    ),
    Wish(
        "two markets",
        ("coinbase/BTC-USD", "kraken/BTC_USD"),
        (Market("coinbase", "BTC-USD"), Market("kraken", "BTC/USD")),
    ),
    Wish(
        "one symbol",
        ("*/ETH-USD", "*/ETH_USD"),
        (Market("coinbase", "ETH-USD"), Market("kraken", "ETH/USD")),
    ),
)


class Plan(Struct, frozen=True):
    """`start`: the instant of the first trade by the exchanges' clock. `outage`: seconds for which
    PostgreSQL is away once, beside the `faults`.
    """

    seed: int
    seconds: float
    trades: int
    faults: int
    start: Micros
    without: dict[str, str] = {}  # kinds that are left out, and why
    outage: float = 0.0

    def trades_of(self, exchange: str) -> int:
        """How many each market of the exchange publishes."""
        return ceil(self.trades * WEIGHTS[exchange] / WHOLE)

    def rate_of(self, exchange: str) -> float:
        return self.trades_of(exchange) / self.seconds

    @property
    def past_until(self) -> Micros:
        """Where the loaded part of the PAST markets ends."""
        return self.start + int(self.seconds * PART * 1e6)

    @property
    def strikes(self) -> list[Strike]:
        left_out = self.without.keys()
        found = schedule(self.seed, MARKETS, len(CLIENTS), self.seconds, self.faults, left_out)
        if self.outage:
            at = OUTAGE_AT * self.seconds
            found = [*found, Strike(at, "PostgreSQL away", Outage(self.outage))]
        return sorted(found, key=lambda strike: strike.at)

    @property
    def command(self) -> str:
        """What repeats the run."""
        start = datetime.fromtimestamp(self.start / 1e6, UTC).isoformat()
        words = f"python -m chaos --seed {self.seed} --seconds {self.seconds:g}"
        words += f" --trades {self.trades} --faults {self.faults} --start {start}"
        words += f" --outage {self.outage:g}" if self.outage else ""
        kinds = "".join(f" '{kind}'" for kind in self.without)
        return f"{words} --without{kinds}" if kinds else words


def around_midnight(now: datetime, seconds: float) -> Micros:
    """A start that puts the latest UTC midnight into the middle of the run."""
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((midnight - timedelta(seconds=seconds / 2)).timestamp() * 1e6)
