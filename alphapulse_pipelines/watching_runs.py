"""Sensors that look at Dagster: failed runs, failed checks, sensors and schedules that fail."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import dagster as dg
import msgspec
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import InstigatorState, InstigatorTick, TickStatus
from msgspec import Struct

from alphapulse.alerts import Alert, Severity
from alphapulse.findings.links import Links
from alphapulse.store.alerts import observe
from alphapulse.store.connect import connect
from alphapulse_pipelines.house import House
from alphapulse_pipelines.partitions import RANGE_END, RANGE_START
from alphapulse_pipelines.scope import links_of
from alphapulse_pipelines.sensors import RUNNING
from alphapulse_pipelines.watching import FRESH

RUNS = 200  # that one look takes in
BACK = timedelta(days=1)  # how far the first look goes back
ENDED = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.SUCCESS]
PARTITION = "dagster/partition"
FAILURES = 3  # ticks in a row
WORDS = 300  # characters of an error
EVALUATED = dg.DagsterEventType.ASSET_CHECK_EVALUATION
ENDED_TICKS = [TickStatus.FAILURE, TickStatus.SUCCESS, TickStatus.SKIPPED]


class Seen(Struct, frozen=True):
    """The sensor's cursor: up to when runs were looked at (Unix seconds), and those of then."""

    until: float = 0.0
    runs: tuple[str, ...] = ()


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=RUNNING,
    description="Raises an alert for each job, or partition of it, whose newest run failed; the "
    "next success of the same resolves it.",
)
def failed_runs(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SensorResult:
    seen = msgspec.json.decode(context.cursor or "{}", type=Seen)
    records = list(ended_runs(context.instance, seen))
    links = links_of(house.settings)
    newest = {key_of(one.dagster_run): one for one in records}
    failed = [run_alert(key, one, links) for key, one in newest.items() if has_failed(one)]
    with connect(house.url(), "dagster") as store:
        observe(store, "runs", failed, judged=newest, resolutions=dict.fromkeys(newest, SUCCEEDED))
    return dg.SensorResult(cursor=msgspec.json.encode(after(seen, records)).decode())


SUCCEEDED = "a later run succeeded"


def ended_runs(instance: dg.DagsterInstance, seen: Seen) -> Iterator[dg.RunRecord]:
    """Runs that ended since, the oldest first, each once."""
    since = datetime.fromtimestamp(seen.until, UTC) if seen.until else datetime.now(UTC) - BACK
    for record in instance.get_run_records(
        dg.RunsFilter(statuses=ENDED, updated_after=since - timedelta(seconds=1)),
        limit=RUNS,
        order_by="update_timestamp",
        ascending=True,
    ):
        if record.dagster_run.run_id not in seen.runs:
            yield record


def after(seen: Seen, records: list[dg.RunRecord]) -> Seen:
    """Those of the last moment are remembered: another may end within it and be seen next time."""
    if not records:
        return seen
    until = records[-1].update_timestamp.timestamp()
    lately = [r for r in records if until - r.update_timestamp.timestamp() <= 2.0]
    runs = tuple(record.dagster_run.run_id for record in lately)
    kept = seen.runs if until - seen.until <= 2.0 else ()
    return Seen(until, (*kept, *runs)[-RUNS:])


def key_of(run: dg.DagsterRun) -> str:
    return f"run/{run.job_name}/{part_of(run)}"


def part_of(run: dg.DagsterRun) -> str:
    """What of the job's work it did: a partition, a range, an exchange, or all."""
    tags = run.tags
    if PARTITION in tags:
        return tags[PARTITION]
    if RANGE_START in tags:
        return f"{tags[RANGE_START]} to {tags.get(RANGE_END, '')}"
    return tags.get("alphapulse/rest", "all")


def has_failed(record: dg.RunRecord) -> bool:
    return record.dagster_run.status is dg.DagsterRunStatus.FAILURE


def run_alert(key: str, record: dg.RunRecord, links: Links) -> Alert:
    run = record.dagster_run
    ended = record.end_time or record.update_timestamp.timestamp()
    return Alert(
        key,
        Severity.WARNING,
        f"{run.job_name} failed ({part_of(run)})",
        "Its page shows the error and runs it again.",
        datetime.fromtimestamp(ended, UTC),
        links.run(run.run_id),
    )


@dg.sensor(
    minimum_interval_seconds=60,
    default_status=RUNNING,
    description="Raises an alert for each asset check whose newest evaluation failed, and resolves "
    "it when it passes. Silent markets tell of themselves.",
)
def failed_checks(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SkipReason:
    assert context.repository_def
    keys = context.repository_def.asset_graph.asset_check_keys
    watched = sorted(key for key in keys if key.name != FRESH)
    links = links_of(house.settings)
    found, judged = [], []
    for key in watched:
        event = newest_evaluation(context.instance, key)
        if event is None:
            continue
        name = f"check/{key.asset_key.to_user_string()}/{key.name}"
        judged.append(name)
        if not event[0].passed:
            found.append(check_alert(name, key, *event, links))
    with connect(house.url(), "dagster") as store:
        observe(store, "checks", found, judged=judged, resolutions=dict.fromkeys(judged, "passes"))
    return dg.SkipReason(f"{len(found)} of {len(judged)} checks failed")


def newest_evaluation(
    instance: dg.DagsterInstance, key: dg.AssetCheckKey
) -> tuple[dg.AssetCheckEvaluation, float] | None:
    """The newest one that ended, and when; one that is planned tells nothing."""
    record = instance.get_latest_asset_check_evaluation_record(key)
    event = record.event if record else None
    told = event.dagster_event if event else None
    if not event or not told or told.event_type is not EVALUATED:
        return None
    return told.asset_check_evaluation_data, event.timestamp


def check_alert(
    name: str, key: dg.AssetCheckKey, event: dg.AssetCheckEvaluation, at: float, links: Links
) -> Alert:
    is_error = event.severity is dg.AssetCheckSeverity.ERROR
    asset = key.asset_key.to_user_string()
    return Alert(
        name,
        Severity.CRITICAL if is_error else Severity.WARNING,
        f"check {key.name} of {asset} failed",
        event.description or "Its page lists what it found.",
        datetime.fromtimestamp(at, UTC),
        links.checks(*key.asset_key.path),
    )


@dg.sensor(
    minimum_interval_seconds=120,
    default_status=RUNNING,
    description=f"Raises an alert for each sensor and schedule whose last {FAILURES} ticks failed.",
)
def failed_ticks(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SkipReason:
    assert context.repository_def
    ours = {sensor.name for sensor in context.repository_def.sensor_defs}
    ours |= {schedule.name for schedule in context.repository_def.schedule_defs}
    known = context.instance.all_instigator_state()
    states = [state for state in known if state.is_running and state.name in ours]
    links = links_of(house.settings)
    found = list(failing(context.instance, states, links))
    with connect(house.url(), "dagster") as store:
        observe(store, "ticks", found)
    return dg.SkipReason(f"{len(found)} of {len(states)} sensors and schedules fail")


def failing(
    instance: dg.DagsterInstance, states: Iterable[InstigatorState], links: Links
) -> Iterator[Alert]:
    for state in states:
        ticks = instance.get_ticks(
            state.instigator_origin_id, state.selector_id, limit=FAILURES, statuses=ENDED_TICKS
        )
        if len(ticks) == FAILURES and all(tick.is_failure for tick in ticks):
            yield tick_alert(state, ticks[0], links)


def tick_alert(state: InstigatorState, tick: InstigatorTick, links: Links) -> Alert:
    kind = "schedules" if state.instigator_type is InstigatorType.SCHEDULE else "sensors"
    error = tick.error.message.strip() if tick.error else "no error was kept"
    return Alert(
        f"tick/{kind}/{state.name}",
        Severity.WARNING,
        f"{kind[:-1]} {state.name} fails",
        f"its last {FAILURES} ticks failed: {error[:WORDS]}",
        datetime.fromtimestamp(tick.timestamp, UTC),
        links.instigator(kind, state.name),
    )
