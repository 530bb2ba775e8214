"""The sensor that repairs candles: stale or missing ones are asked for while their trades exist."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256

import dagster as dg
import msgspec
from msgspec import Struct

from alphapulse.lake.behind import Behind, behind, marks
from alphapulse_pipelines.house import House
from alphapulse_pipelines.jobs import renew_candles
from alphapulse_pipelines.partitions import MARKETS, ranges
from alphapulse_pipelines.sensors import RUNNING, UNDER_WAY

MOST = 100  # market-days asked for by one tick; the rest waits for the next one
FOLDERS = 20  # markets looked into by one tick: each has a file a day, and six folders


class Seen(Struct, frozen=True):
    """The sensor's cursor.

    `settled` has the marks of the markets in which nothing was behind, `asked` the states of trades
    that a run was asked for, by market: a run that failed is not started over and over. `last` is
    the market where the last tick ended, so that those that never settle stop nobody else.
    """

    settled: dict[str, str] = {}
    asked: dict[str, tuple[str, ...]] = {}
    last: str = ""

    @classmethod
    def read(cls, text: str | None) -> "Seen":
        return msgspec.json.decode(text, type=cls) if text else cls()

    def __str__(self) -> str:
        return msgspec.json.encode(self).decode()


def candles_behind_sensor(first_day: str) -> dg.SensorDefinition:
    @dg.sensor(
        job=renew_candles,
        name="candles_behind",
        minimum_interval_seconds=60,
        default_status=RUNNING,
        description="Asks for the candles of market-days whose file of trades is there and whose "
        "candles are stale or missing; once for each state of the trades, and not while a run is "
        "under way.",
    )
    def candles_behind(
        context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
    ) -> dg.SensorResult | dg.SkipReason:
        if context.instance.get_runs_count(UNDER_WAY):
            return dg.SkipReason("a run is under way")
        markets = context.instance.get_dynamic_partitions(MARKETS)
        seen, fresh = look(house, Seen.read(context.cursor), markets, date.fromisoformat(first_day))
        return dg.SensorResult(run_requests=list(requests(markets, fresh)), cursor=str(seen))

    return candles_behind


def look(
    house: House, seen: Seen, markets: Collection[str], first: date
) -> tuple[Seen, list[Behind]]:
    """Look into the markets that changed; what is behind and not asked for yet, and the cursor."""
    found = marks(house.parquet, house.candles)
    settled = {key: mark for key, mark in seen.settled.items() if found.get(key) == mark}
    asked = {key: states for key, states in seen.asked.items() if key in found}
    fresh: list[Behind] = []
    last = seen.last
    for last in unsettled(found, settled, markets, seen.last)[:FOLDERS]:
        lacking = [
            one for one in behind(house.parquet, house.candles, last) if one.day.date >= first
        ]
        known = [one.state for one in lacking if one.state in asked.get(last, ())]
        wanted = [one for one in lacking if one.state not in known][: MOST - len(fresh)]
        fresh += wanted
        asked[last] = (*known, *(one.state for one in wanted))
        if not lacking:
            settled[last] = found[last]
            del asked[last]
        if len(fresh) >= MOST:
            break
    return Seen(settled, asked, last), fresh


def unsettled(
    found: Mapping[str, str], settled: Mapping[str, str], markets: Collection[str], last: str
) -> list[str]:
    """Markets to look into, beginning behind the one where the last tick ended."""
    waiting = sorted(key for key in found if key in markets and key not in settled)
    return [key for key in waiting if key > last] + [key for key in waiting if key <= last]


def requests(markets: Sequence[str], fresh: Sequence[Behind]) -> Iterator[dg.RunRequest]:
    """The run key tells states of trades apart, so that a repeated tick asks for nothing."""
    state = sha256("".join(one.state for one in fresh).encode()).hexdigest()[:16]
    for part in ranges(markets, [one.day for one in fresh]):
        key = f"candles {state}: {part.first} to {part.last}"
        yield dg.RunRequest(run_key=key, tags=part.tags | {"alphapulse/candles": state})
