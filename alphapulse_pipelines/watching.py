"""Sensors that look at the platform: silent markets, collectors, disks. They start no run."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import dagster as dg
import msgspec
from msgspec import Struct

from alphapulse.findings.collecting import Collecting, collecting_alerts
from alphapulse.findings.disk import Disk, Sample, add_sample, disk_alerts, hours_left
from alphapulse.findings.silence import silence_alerts
from alphapulse.pauses import Silence
from alphapulse.settings import Settings
from alphapulse.status import read_status
from alphapulse.store.alerts import alive, now_of, observe
from alphapulse.store.claims import holders
from alphapulse.store.connect import Store, connect
from alphapulse.store.pauses import count_pauses, silences
from alphapulse.store.uptime import heard
from alphapulse_pipelines.house import House
from alphapulse_pipelines.scope import exchanges_of, links_of, markets_of
from alphapulse_pipelines.sensors import RUNNING

DAMPING = 120.0  # seconds for which a market must trade again, or a collector be well, to resolve
COUNTING = 0.5  # seconds that a tick may count pauses, newest first; a first week takes many
REPORTED = 3600.0  # seconds after which the check is reported though nothing changed

TRADES = dg.AssetKey("trades")
FRESH = "fresh_by_own_rhythm"


def watched(store: Store, settings: Settings) -> list[Silence]:
    """The markets that the settings name, with how long each is silent."""
    wanted = markets_of(settings)
    found = silences(store, now_of(store))
    return [one for one in found if (one.exchange, one.symbol) in wanted]


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=RUNNING,
    description="Counts the pauses of each market, hour by hour, by which silence is judged.",
)
def market_rhythm(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SkipReason:
    with connect(house.url(), "dagster") as store:
        done, left = count_pauses(store, now_of(store), COUNTING)
    return dg.SkipReason(f"hours of a market counted: {done}; left for the next tick: {left}")


class Told(Struct, frozen=True):
    """The sensor's cursor: what of the check was reported last, and when (Unix seconds)."""

    silent: tuple[str, ...] | None = None
    at: float = 0.0


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=RUNNING,
    description="Raises an alert for each market that is silent for longer than its own pauses "
    "explain, one for an exchange of which all are; reports the check when it changes.",
)
def silent_markets(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SensorResult | dg.SkipReason:
    told = msgspec.json.decode(context.cursor or "{}", type=Told)
    with connect(house.url(), "dagster") as store:
        now = now_of(store)
        found = watched(store, house.settings)
        alerts = list(silence_alerts(found, alive(store, "silence"), links_of(house.settings)))
        observe(store, "silence", alerts, damping=DAMPING, now=now)
    silent = tuple(f"{one.exchange}/{one.symbol}" for one in found if one.is_silent)
    if not found or (silent == told.silent and now.timestamp() - told.at < REPORTED):
        return dg.SkipReason(f"{len(silent)} of {len(found)} markets are silent")
    result = freshness(found)
    event = dg.AssetCheckEvaluation(
        asset_key=TRADES,
        check_name=FRESH,
        passed=result.passed,
        severity=result.severity,
        metadata=result.metadata,
    )
    cursor = msgspec.json.encode(Told(silent, now.timestamp())).decode()
    return dg.SensorResult(asset_events=[event], cursor=cursor)


@dg.asset_check(
    asset="trades",
    name=FRESH,
    description="No market is silent for longer than its own pauses of the last week explain.",
)
def fresh_by_own_rhythm(house: dg.ResourceParam[House]) -> dg.AssetCheckResult:
    with connect(house.url(), "dagster", read_only=True) as store:
        return freshness(watched(store, house.settings))


def freshness(found: Sequence[Silence]) -> dg.AssetCheckResult:
    rows = [
        dg.TableRecord(
            {
                "market": f"{one.exchange}/{one.symbol}",
                "last trade": one.newest_at.isoformat() if one.newest_at else "none",
                "silent (s)": round(one.seconds, 1),
                "its limit (s)": round(one.limit.seconds, 1),
                "known by": f"{one.limit.pauses} pauses: {one.limit.basis}",
            }
        )
        for one in sorted(found, key=lambda one: one.limit.seconds - one.seconds)
    ]
    silent = sum(one.is_silent for one in found)
    metadata: dict[str, dg.MetadataValue] = {
        "silent": dg.MetadataValue.int(silent),
        "markets": dg.MetadataValue.int(len(found)),
    }
    if rows:
        metadata["list"] = dg.MetadataValue.table(rows)
    return dg.AssetCheckResult(
        passed=not silent, severity=dg.AssetCheckSeverity.WARN, metadata=metadata
    )


@dg.sensor(
    minimum_interval_seconds=30,
    default_status=RUNNING,
    description="Raises an alert for each exchange without a living, connected collector, and for "
    "one whose journal is full or that the store does not keep up with.",
)
def collectors_alive(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SkipReason:
    settings = house.settings
    said = read_status(settings.home)
    with connect(house.url(), "dagster") as store:
        now = now_of(store)
        held, known = holders(store, exchanges_of(settings)), heard(store)
        found = [
            Collecting(name, said.get(f"collector-{name}"), held.get(name), known.get(name))
            for name in exchanges_of(settings)
        ]
        alerts = list(collecting_alerts(found, now, links_of(settings)))
        observe(store, "collectors", alerts, damping=DAMPING / 2, now=now)
    alive = sum(one.is_alive for one in found)
    return dg.SkipReason(f"{alive} of {len(found)} exchanges have a living collector")


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=RUNNING,
    description="Raises an alert when a disk of ours has little room left, with when it is full.",
)
def disk_space(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SensorResult:
    settings = house.settings
    kept = msgspec.json.decode(context.cursor or "{}", type=dict[str, tuple[Sample, ...]])
    disks = list(disks_of(settings))
    with connect(house.url(), "dagster") as store:
        now = now_of(store)
        at = now.timestamp()
        hours = {disk.place: hours_left(kept.get(disk.place, ()), at, disk.free) for disk in disks}
        percent, least = settings.alert_disk_free_percent, settings.alert_disk_free_bytes
        standing = alive(store, "disk")
        observe(
            store, "disk", list(disk_alerts(disks, percent, least, now, hours, standing)), now=now
        )
    samples = {disk.place: add_sample(kept.get(disk.place, ()), at, disk.free) for disk in disks}
    return dg.SensorResult(cursor=msgspec.json.encode(samples).decode())


def disks_of(settings: Settings) -> Iterator[Disk]:
    """Of home and of what lies below it on a file system of its own; each once."""
    seen = set()
    for name in (".", "postgres", "parquet", "candles", "journal"):
        path = settings.home / name
        if path.exists() and (device := path.stat().st_dev) not in seen:
            seen.add(device)
            usage = shutil.disk_usage(path)
            yield Disk(str(Path(path)), usage.free, usage.total)
