"""The sensor that tells what the others found."""

import dagster as dg

from alphapulse.store.alerts import prune
from alphapulse.store.connect import connect
from alphapulse.telling.desk import Outcome, Rules, channels_of, tell
from alphapulse_pipelines.house import House
from alphapulse_pipelines.sensors import RUNNING


@dg.sensor(
    name="tell",
    minimum_interval_seconds=30,
    default_status=RUNNING,
    description="Sends what was raised and resolved, once, by each channel of the settings; what a "
    "channel does not take is tried again later.",
)
def tell_alerts(
    context: dg.SensorEvaluationContext, house: dg.ResourceParam[House]
) -> dg.SkipReason:
    settings = house.settings
    with connect(house.url(), "dagster") as store:
        done = tell(store, channels_of(settings), Rules.of(settings))
        prune(store)
    return dg.SkipReason("; ".join(map(describe, done)))


def describe(done: Outcome) -> str:
    words = f"{done.channel}: {done.messages} messages, {done.alerts} alerts"
    held = f", {done.held} held back" if done.held else ""
    return words + held + (f", not taken: {done.error}" if done.error else "")
