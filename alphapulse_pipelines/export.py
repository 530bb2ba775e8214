"""`python -m alphapulse_pipelines.export`: the nightly export now, in this process.

The runs are real ones, recorded by the instance of DAGSTER_HOME. Needs a running database.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import date

import dagster as dg

from alphapulse.archive.export import unarchived_days
from alphapulse.archive.market_data import is_behind
from alphapulse.settings import read_settings
from alphapulse.store.connect import connect
from alphapulse.store.days import market_ids
from alphapulse.store.reopening import look_for_late_rows
from alphapulse.trade import Market
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House, house_of
from alphapulse_pipelines.jobs import nightly_export, renew_market_data
from alphapulse_pipelines.partitions import ranges, register


def export(
    definitions: dg.Definitions,
    instance: dg.DagsterInstance,
    house: House,
    *,
    first: date | None = None,
    last: date | None = None,
    markets: Sequence[Market] = (),
) -> bool:
    """Export what traded from `first` to `last`, of `markets` or of all, and is not archived whole,
    rows that came late included.

    Runs `nightly_export` once per range, in this process, and `renew_market_data` where the
    archive is still behind; False when one of the runs failed.
    """
    with connect(house.url(), "dagster", read_only=True) as store:
        registered = register(instance, market_ids(store))
    with connect(house.url(), "dagster") as store:
        look_for_late_rows(store, None)  # no sensor may be there to do it
    found = unarchived_days(house.url(), house.parquet, first, last)
    wanted = [day for day in found if not markets or day.market in markets]
    done = [
        run(definitions, instance, nightly_export.name, part.tags)
        for part in ranges(registered, wanted)
    ]
    if is_behind(house.archive, house.parquet):
        done.append(run(definitions, instance, renew_market_data.name, {}))
    return all(done)


def run(
    definitions: dg.Definitions, instance: dg.DagsterInstance, job: str, tags: Mapping[str, str]
) -> bool:
    """One recorded run; whether it succeeded."""
    found = definitions.resolve_job_def(job)
    return found.execute_in_process(instance=instance, tags=tags, raise_on_error=False).success


def main(arguments: Sequence[str]) -> int:
    """0 when everything is archived, 1 when a run failed: Dagster's page shows which and why."""
    given = parser().parse_args(arguments)
    settings = read_settings(os.environ)
    house = house_of(settings)
    with dg.DagsterInstance.get() as instance:
        is_done = export(
            build_definitions(settings, house),
            instance,
            house,
            first=given.first,
            last=given.last,
            markets=given.market,
        )
    return 0 if is_done else 1


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(
        prog="python -m alphapulse_pipelines.export", description=__doc__
    )
    words.add_argument(
        "--first", type=date.fromisoformat, metavar="DATE", help="oldest UTC day (all)"
    )
    words.add_argument(
        "--last", type=date.fromisoformat, metavar="DATE", help="newest UTC day (today)"
    )
    words.add_argument(
        "--market",
        type=Market.from_key,
        action="append",
        default=[],
        metavar="EXCHANGE/SYMBOL",
        help="as in partition keys, such as kraken/BTC_USD; may be repeated (all)",
    )
    return words


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
