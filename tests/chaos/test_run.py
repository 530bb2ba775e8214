"""A small run end to end, with a saboteur: what he takes away, and only that, must be found."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from alphapulse.postgres import Server
from alphapulse.store.connect import connect
from chaos.means import lacking
from chaos.plan import Plan, around_midnight
from chaos.run import play
from tests.launcher.stage import processes_naming

SECONDS = 6.0
TAKE = """
DELETE FROM trades WHERE (market_id, trade_id) IN (
    SELECT market_id, trade_id FROM market_trades WHERE symbol = 'BTC/USD' ORDER BY trade_id LIMIT 2
) RETURNING trade_id"""
SEEN = {"database", "Parquet files"}


def plan() -> Plan:
    start = around_midnight(datetime.now(UTC), SECONDS)
    return Plan(seed=1, seconds=SECONDS, trades=3000, faults=2, start=start, without=lacking())


@pytest.mark.slow
@pytest.mark.embedded
def test_rows_that_vanish_from_the_database_fail_the_run(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    taken: list[int] = []

    def sabotage(line: str) -> None:
        """The last moment: clients have it all, the export comes next."""
        if line == "comparing":
            with connect(Server(home, 0).url(), "saboteur") as store:
                taken.extend(id for (id,) in store.execute(TAKE).fetchall())

    report = asyncio.run(asyncio.wait_for(play(plan(), home, sabotage), 240))

    assert len(taken) == 2
    assert not report.is_good
    harmed = [place for place in report.places if not place.difference.is_none]
    assert {place.place for place in harmed} <= SEEN
    assert {"database"} <= {place.place for place in harmed}
    for place in harmed:
        assert place.difference.ids == {"missing": sorted(taken)}
    assert any(problem.startswith("database") for problem in report.problems)
    assert report.served >= 2900
    assert processes_naming(home) == []
