"""A house with a home and settings of its own, and sensors looked at as Dagster does."""

from pathlib import Path
from typing import Any

import dagster as dg

from alphapulse.settings import Settings
from alphapulse.store.alerts import standing
from alphapulse.store.connect import Store
from alphapulse_pipelines.house import House


def house_at(home: Path, url: str, **settings: Any) -> House:
    home.mkdir(parents=True, exist_ok=True)
    given = Settings(home=home, database_url=url, **settings)
    return House(given.parquet, given.archive, lambda: url, given)


def look(
    sensor: dg.SensorDefinition,
    house: House,
    instance: dg.DagsterInstance,
    cursor: str | None = None,
    definitions: dg.Definitions | None = None,
) -> dg.SensorResult:
    """One tick; a reason to skip counts as a result without requests."""
    context = dg.build_sensor_context(
        instance, cursor=cursor, resources={"house": house}, definitions=definitions
    )
    found = sensor(context)
    if isinstance(found, dg.SkipReason):
        return dg.SensorResult(skip_reason=found)
    assert isinstance(found, dg.SensorResult)
    return found


def keys(store: Store) -> list[str]:
    """Of the alerts that stand."""
    return sorted(one.alert.key for one in standing(store))


def ends(store: Store) -> list[tuple[str, str, str | None]]:
    """(key, severity, resolution) of those that are over, the oldest first."""
    return store.execute(
        "SELECT key, severity, resolution FROM alerts WHERE state = 'resolved' ORDER BY alert_id"
    ).fetchall()
