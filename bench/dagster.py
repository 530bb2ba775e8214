"""Dagster: how long the code location loads, a sensor ticks, and what a run adds to its export.

On a real instance in PostgreSQL, with 50 markets and 365 days of materialized partitions, judged
days and files: what a year leaves behind.
"""

import os
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import dagster as dg
import duckdb

from alphapulse import lake
from alphapulse.archive.candle_audit import compare_with_minutes, compare_with_trades
from alphapulse.archive.candles import NotMade, make_days, widen_days
from alphapulse.archive.examining import examine_days
from alphapulse.archive.export import Failed, export_days
from alphapulse.archive.market_data import write_archive
from alphapulse.candles import WIDER
from alphapulse.day import MarketDay
from alphapulse.postgres import Server, dagster_url
from alphapulse.settings import Settings
from alphapulse.store.connect import connect
from alphapulse.trade import Market
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House, house_of
from alphapulse_pipelines.partitions import MARKETS, Range
from alphapulse_pipelines.pools import set_limits
from bench.stage import fresh_database, median
from launcher.parts import prepare_dagster

MANY = 50  # markets
YEAR = 365  # days
ROWS = 200  # of each market on the day that is exported
PARQUET = dg.AssetKey("trades_parquet")

LOAD = """
import time; began = time.perf_counter()
from alphapulse_pipelines.definitions import definitions
definitions.get_repository_def()
print(time.perf_counter() - began)"""

TRADES = """
INSERT INTO trades (market_id, trade_id, traded_at, received_at, side, source, price, size)
SELECT market_id, n, at, at, 'b', 'l', 100 + n %% 7, 1
FROM markets, generate_series(1, %(rows)s) AS n,
     LATERAL (SELECT %(start)s::timestamptz + n * interval '7 minutes' AS at) AS times"""

JUDGED = """
INSERT INTO coverage (market_id, day, first_id, last_id, expected, stored, missing, verdict,
    reason, is_provisional, rows, certified, exported_at, snapshot)
SELECT market_id, day, 1, 200, 200, 200, 0, 'complete', 'every id is stored', false, 200,
       'complete', now(), pg_current_snapshot()
FROM markets, generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS day"""

# One event that the instance wrote itself, once more for each partition.
MATERIALIZED = """
INSERT INTO event_logs (run_id, event, dagster_event_type, timestamp, step_key, asset_key,
    partition)
SELECT run_id, replace(event, partition, key), dagster_event_type, timestamp, step_key, asset_key,
       key
FROM event_logs, unnest(%(keys)s::text[]) AS key
WHERE partition = %(model)s AND key <> %(model)s"""


def run(found: Server, rounds: int) -> dict[str, float]:
    """Seconds: to load, of the slowest of `rounds` ticks of each sensor, per exported partition."""
    home = found.home / "bench-dagster"
    shutil.rmtree(home, ignore_errors=True)
    url = fresh_database(found, "dagster_bench")
    yesterday = datetime.now(UTC).date() - timedelta(days=1)
    first = yesterday - timedelta(days=YEAR - 1)
    settings = Settings(home=home, database_url=url, simulated=True, first_day=str(first))
    figures = {"load": median([load(settings) for _ in range(rounds)])}
    with instance_of(settings, url) as instance:
        house = house_of(settings)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            definitions = build_definitions(settings, house)
        markets = make_year(instance, url, house, first, yesterday)
        figures |= ticks(definitions, instance, house, rounds)
        alone, plain, together = export_both(definitions, instance, house, markets, yesterday)
    return figures | {
        "export alone, 50": alone,
        "all its work, 50": plain,
        "the run, 50": together,
        "overhead each": (together + figures["load"] - plain) / MANY,
    }


def load(settings: Settings) -> float:
    """The code location in a process of its own, as Dagster starts it."""
    environment = os.environ | {"ALPHAPULSE_HOME": str(settings.home)}
    done = subprocess.run(
        [sys.executable, "-c", LOAD], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


@contextmanager
def instance_of(settings: Settings, url: str) -> Iterator[dg.DagsterInstance]:
    os.environ.update(prepare_dagster(settings, dagster_url(url)))
    with dg.DagsterInstance.get() as instance:
        set_limits(instance)
        yield instance


def make_year(
    instance: dg.DagsterInstance, url: str, house: House, first: date, last: date
) -> list[Market]:
    """Markets with a year of judged days, files and green partitions; trades on the last day."""
    markets = [Market("binance", f"COIN{n}USDT") for n in range(MANY)]
    keys = [f"{first + timedelta(days=n)}|{m.key}" for n in range(YEAR) for m in markets]
    with connect(url, "bench") as store:
        store.cursor().executemany(
            "INSERT INTO markets (exchange, symbol) VALUES (%s, %s)",
            [(market.exchange, market.symbol) for market in markets],
        )
        store.execute("SELECT make_days(%s, %s)", [last, last])
        store.execute(TRADES, {"rows": ROWS, "start": f"{last} 00:00Z"})
        store.execute(JUDGED, {"first": first, "last": last - timedelta(days=1)})
        store.execute("ANALYZE")
    instance.add_dynamic_partitions(MARKETS, [market.key for market in markets])
    instance.report_runless_asset_event(dg.AssetMaterialization(PARQUET, partition=keys[0]))
    with connect(dagster_url(url), "bench") as store:
        store.execute(MATERIALIZED, {"keys": keys, "model": keys[0]})
        store.execute("ANALYZE")
    make_files(house, [MarketDay.from_key(key) for key in keys if not key.startswith(str(last))])
    assert len(instance.get_materialized_partitions(PARQUET)) == len(keys)
    return markets


def make_files(house: House, days: list[MarketDay]) -> None:
    """A file for each day, and a catalogue that lists them: sensors look at no more."""
    for day in days:
        path = lake.path_of(house.parquet, day)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"a file")
    listed = [(str(f.path), f.bytes, f.changed_at) for f in lake.files(house.parquet.absolute())]
    with duckdb.connect(str(house.archive)) as duck:
        duck.execute("CREATE TABLE files (path VARCHAR, bytes BIGINT, changed_at BIGINT)")
        duck.execute(
            "INSERT INTO files SELECT unnest($1), unnest($2), unnest($3)",
            [list(column) for column in zip(*listed, strict=True)],
        )


def ticks(
    definitions: dg.Definitions, instance: dg.DagsterInstance, house: House, rounds: int
) -> dict[str, float]:
    """The slowest tick of each; a sensor of runs has none of its own."""
    repository = definitions.get_repository_def()
    slowest: dict[str, float] = {}
    for _ in range(rounds):
        for sensor in repository.sensor_defs:
            if isinstance(sensor, dg.RunStatusSensorDefinition):
                continue
            context = dg.build_sensor_context(
                instance, resources={"house": house}, repository_def=repository
            )
            began = time.perf_counter()
            sensor.evaluate_tick(context)
            note(slowest, f"sensor {sensor.name}", began)
        for schedule in repository.schedule_defs:
            at = datetime.now(UTC).replace(hour=0, minute=10)
            due = dg.build_schedule_context(
                instance,
                scheduled_execution_time=at,
                resources={"house": house},
                repository_def=repository,
            )
            began = time.perf_counter()
            schedule.evaluate_tick(due)
            note(slowest, f"schedule {schedule.name}", began)
    return slowest


def note(slowest: dict[str, float], name: str, began: float) -> None:
    slowest[name] = max(slowest.get(name, 0.0), time.perf_counter() - began)


def export_both(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    house: House,
    markets: list[Market],
    day: date,
) -> tuple[float, float, float]:
    """Seconds for the last day of every market: the export alone; all that a nightly run does, by
    the same functions and without Dagster; and one recorded run.

    None finds a file of that day: the one before removes its own again.
    """
    shutil.rmtree(house.parquet)  # the run renews market_data.duckdb, over real files only
    days = [MarketDay(day, market) for market in markets]
    list(export_days(house.url(), house.parquet, days[:1]))  # DuckDB's first load of its extension
    began = time.perf_counter()
    outcomes = list(export_days(house.url(), house.parquet, days))
    alone = time.perf_counter() - began
    assert not [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    rest = work(house, days)
    forget(house, day)
    job = definitions.resolve_job_def("nightly_export")
    began = time.perf_counter()
    done = job.execute_in_process(
        instance=instance, tags=Range(days[0].key, days[-1].key).tags, raise_on_error=False
    )
    together = time.perf_counter() - began
    assert done.success and len(lake.files(Path(house.parquet))) == MANY
    return alone, alone + rest, together


def work(house: House, days: list[MarketDay]) -> float:
    """Seconds of what follows the export: it and five sizes of bars examined, the archive."""
    began = time.perf_counter()
    examined = list(examine_days(house.url(), house.parquet, days))
    made = [*make_days(house.parquet, house.candles, days)]
    made += [one for size in WIDER for one in widen_days(house.candles, days, size)]
    wrong = [*compare_with_trades(house.parquet, house.candles, days)]
    wrong += [one for size in WIDER for one in compare_with_minutes(house.candles, days, size)]
    write_archive(house.archive, house.parquet, candles=house.candles, store_url=house.url())
    took = time.perf_counter() - began
    assert not wrong and not [one for one in examined if one.failures]
    assert not [one for one in made if isinstance(one, NotMade)]
    return took


def forget(house: House, day: date) -> None:
    shutil.rmtree(house.parquet)
    shutil.rmtree(house.candles)
    with connect(house.url(), "bench") as store:
        store.execute("DELETE FROM coverage WHERE day = %s", [day])
