"""A live collector loses frames while its exchange's REST is away; it leaves; a run repairs."""

import asyncio
from pathlib import Path

import dagster as dg
import msgspec
import pytest

from alphapulse.migrate import migrate
from alphapulse.settings import Endpoint, Settings
from alphapulse.store.alerts import standing
from alphapulse.store.connect import connect
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House
from alphapulse_pipelines.repairing import open_gaps
from alphapulse_pipelines.telling import tell_alerts
from replay.faults import Drop
from replay.server import Replay
from tests.alphapulse.telling.mailbox import box_of, mail_server, port_of
from tests.alphapulse.telling.post import Post, post_office
from tests.alphapulse_pipelines.watched import look
from tests.collectors.stage import (
    collecting,
    settings_for,
    stored_rows,
    tape_rows,
    until,
    until_equal,
)

MARKET = ("coinbase", "BTC-USD")
MARKETS = {"coinbase": ("BTC-USD",)}
NOWHERE = "http://127.0.0.1:1"
AGED = "UPDATE gaps SET found_at = found_at - interval '20 minutes'"
OPEN = "SELECT count(*) FROM gaps WHERE closed_at IS NULL AND before_id - after_id > 1"


def rest_is_away(settings: Settings) -> Settings:
    ends = {name: Endpoint(one.ws, NOWHERE) for name, one in settings.endpoints.items()}
    return msgspec.structs.replace(settings, endpoints=ends)


@pytest.mark.slow
def test_a_live_gap_is_told_repaired_and_told_to_be_over_once_each(
    empty_database: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    with connect(empty_database, "test") as store:
        migrate(store, simulated=True)
    with post_office() as there, mail_server() as desk:
        smtp = f"smtp://127.0.0.1:{port_of(desk)}"
        asyncio.run(asyncio.wait_for(story(empty_database, tmp_path, instance, there, smtp), 120))
        subjects = box_of(desk).subjects
    assert there.subjects == subjects
    assert [subject.split("]")[0] for subject in subjects] == [
        "SIMULATED [warning",
        "SIMULATED [resolved",
    ]


async def story(url: str, home: Path, instance: dg.DagsterInstance, there: Post, smtp: str) -> None:
    async with Replay(MARKETS, seed=3, rate=60.0, trades=900) as replay:
        settings = settings_for(
            home,
            replay,
            MARKETS,
            alert_webhook=there.url,
            alert_smtp=smtp,
            alert_mail_to=("owner@example.org",),
        )
        async with collecting(rest_is_away(settings), url, "coinbase"):
            await lose_some(url, replay)
        house = House(settings.parquet, settings.archive, lambda: url, settings)
        await asyncio.to_thread(tell_and_repair, house, url, instance)
        await until_equal(url, replay)


async def lose_some(url: str, replay: Replay) -> None:
    """All trades but those of some frames are stored, and the hole is known."""
    with connect(url, "test") as store:
        await until(lambda: len(stored_rows(store, *MARKET)) > 100, "a hundred rows")
        replay.inject(Drop(exchange="coinbase", frames=20))
        await until(lambda: store.execute(OPEN).fetchone() != (0,), "a gap is open")
        await asyncio.wait_for(replay.wait_finished(), 60)
        last = tape_rows(replay, *MARKET)[-1]
        await until(lambda: stored_rows(store, *MARKET)[-1] == last, "the last trade is stored")


def tell_and_repair(house: House, url: str, instance: dg.DagsterInstance) -> None:
    """Sensor ticks until nothing stands, with the runs that they ask for; told after each."""
    definitions = build_definitions(house.settings, house)
    cursor = None
    with connect(url, "test") as store:
        store.execute(AGED)
        for _ in range(5):
            found = look(open_gaps, house, instance, cursor)
            cursor = found.cursor
            for _ in range(2):
                look(tell_alerts, house, instance)
            for request in found.run_requests or []:
                done = definitions.resolve_job_def("repair_gaps").execute_in_process(
                    instance=instance, run_config=dict(request.run_config), tags=dict(request.tags)
                )
                assert done.success
        assert standing(store) == []
