"""Gaps that stay open: runs that fill what nobody else does, and alerts until they are closed."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import msgspec

from alphapulse.findings.gaps import Hole, gap_alerts
from alphapulse.repair_plan import Ask, Memory, plan
from alphapulse.store.alerts import alive, now_of, observe
from alphapulse.store.claims import holders
from alphapulse.store.connect import Store, connect
from alphapulse.store.open_holes import ends_of, lost_holes, open_holes
from alphapulse_pipelines.house import House
from alphapulse_pipelines.scope import links_of
from alphapulse_pipelines.sensors import RUNNING
from collectors.filling import Filled, fill_gap

WATCH = "gaps"
EXCHANGE = "alphapulse/rest"  # tag of a run: whose REST it asks
SECONDS = 1800.0  # that one run may walk; the next one goes on there
UNFINISHED = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


@dg.op(
    name="fill_gaps",
    config_schema={"gaps": [int]},
    description="Fills these gaps of one exchange from its REST pages, one by one, in turn "
    "with the collectors' own repairs.",
)
def fill_gaps(context: dg.OpExecutionContext, house: dg.ResourceParam[House]) -> None:
    gaps: list[int] = context.op_config["gaps"]
    done = [fill_gap(house.settings, house.url(), gap, SECONDS / len(gaps)) for gap in gaps]
    told = {"gaps": dg.MetadataValue.table([record(one) for one in done])}
    context.add_output_metadata(told)
    refused = [one for one in done if one.state == "refused"]
    if refused:
        raise dg.Failure(f"{len(refused)} of {len(done)} gaps were refused", metadata=told)


@dg.job(
    name="repair_gaps",
    description="Repairs gaps that the collectors leave: too wide, stuck, or of an exchange that "
    "nobody collects now.",
)
def repair_gaps() -> None:
    fill_gaps()


def record(one: Filled) -> dg.TableRecord:
    return dg.TableRecord(
        {
            "gap": one.gap_id,
            "state": one.state,
            "requests": one.requests,
            "new rows": one.new,
            "absent ids": one.absent,
            "note": one.note,
        }
    )


@dg.sensor(
    job_name=repair_gaps.name,
    minimum_interval_seconds=60,
    default_status=RUNNING,
    description="Starts repairs of gaps that the collectors leave, one run per exchange at a time; "
    "raises an alert for each that is open for too long, and resolves it when it is closed.",
)
def open_gaps(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SensorResult:
    memory = msgspec.json.decode(context.cursor or "{}", type=dict[int, Memory])
    with connect(house.url(), "dagster") as store:
        now = now_of(store)
        holes = open_holes(store)
        exchanges = {hole.market.exchange for hole in holes}
        collected = holders(store, exchanges)
        watch(store, holes, now, house)
    busy = [name for name in exchanges if is_busy(context.instance, name)]
    asks, known = plan(holes, memory, now, collected, busy)
    return dg.SensorResult(
        run_requests=[request(ask) for ask in asks],
        cursor=msgspec.json.encode(known).decode(),
    )


def watch(store: Store, holes: Sequence[Hole], now: datetime, house: House) -> None:
    """What is open raises; what is no longer open is resolved, in the words of its row."""
    settings = house.settings
    found = list(
        gap_alerts(holes, lost_holes(store), now, settings.alert_gap_minutes, links_of(settings))
    )
    still = {alert.key for alert in found}
    over = [key for key in alive(store, WATCH) if key not in still]
    observe(store, WATCH, found, resolutions=ends_of(store, over), now=now)


def is_busy(instance: dg.DagsterInstance, exchange: str) -> bool:
    under_way = dg.RunsFilter(
        job_name=repair_gaps.name, tags={EXCHANGE: exchange}, statuses=UNFINISHED
    )
    return instance.get_runs_count(under_way) > 0


def request(ask: Ask) -> dg.RunRequest:
    config: dict[str, Any] = {"ops": {"fill_gaps": {"config": {"gaps": list(ask.gap_ids)}}}}
    return dg.RunRequest(run_key=ask.key, run_config=config, tags={EXCHANGE: ask.exchange})
