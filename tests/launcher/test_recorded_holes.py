"""A real recording from which 19 single ids are gone, and which REST does not have either."""

import asyncio
import gzip
import json
from datetime import date
from pathlib import Path
from random import Random

from alphapulse import lake
from alphapulse.archive.export import Exported, export_days
from alphapulse.archive.verifying import verify_paths
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store, connect
from alphapulse.trade import Market
from collectors.exchanges import binance
from replay.recording import read_recording
from replay.server import Replay
from tests.collectors import test_recordings
from tests.collectors.stage import collecting, settings_for, tape_rows, until, until_equal
from tests.collectors.test_recordings import BINANCE, MIDNIGHT, RECORDINGS, trades_in

pytestmark = test_recordings.pytestmark

SYMBOL = "BTCUSDT"
BTC = Market("binance", SYMBOL)
DAY = date(2024, 8, 8)
HOLES = 19

BEFORE = """
INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, source, price, size)
SELECT '2024-08-07 23:59:59+00', now(), %s, market_id, 'b', 'b', 1, 1
FROM markets WHERE symbol = %s"""


def gone_ids() -> set[int]:
    """Single ids of the first day, none beside another, none at an edge."""
    ids = [
        trade.id
        for trade in trades_in(binance, BINANCE)
        if trade.symbol == SYMBOL and trade.traded_at < MIDNIGHT
    ]
    return set(Random(19).sample(ids[10:-10:5], HOLES))


def recording_without(ids: set[int], folder: Path) -> Path:
    path = folder / "holes.jsonl.gz"
    with gzip.open(RECORDINGS / BINANCE, "rt") as lines, gzip.open(path, "wt") as kept:
        for line in lines:
            said = json.loads(json.loads(line)["raw"]).get("data", {})
            if not (said.get("s") == SYMBOL and said.get("t") in ids):
                kept.write(line)
    return path


def test_they_end_as_absent_at_the_exchange_and_do_not_block_the_day(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    gone = gone_ids()
    asyncio.run(asyncio.wait_for(collect(database_url, tmp_path, gone), 150))
    found = store.execute("SELECT state, cause, after_id + 1, absent FROM gaps").fetchall()
    assert {(state, cause, absent) for state, cause, _, absent in found} == {
        ("absent", "sequence hole", 1)
    }
    assert {id for _, _, id, _ in found} == gone
    first = store.execute("SELECT min(trade_id) FROM market_trades WHERE symbol = %s", [SYMBOL])
    (first_id,) = first.fetchone() or (0,)
    store.execute(BEFORE, [first_id - 1, SYMBOL])  # so that the day's beginning was seen
    (outcome,) = export_days(database_url, tmp_path, [MarketDay(DAY, BTC)])
    assert isinstance(outcome, Exported) and outcome.certificate and outcome.path
    certificate = outcome.certificate
    assert certificate.verdict == "complete with absences", certificate.reason
    assert (certificate.absent, certificate.missing, certificate.unexplained) == (HOLES, 0, 0)
    assert certificate.expected == certificate.rows + HOLES
    assert lake.read(outcome.path).num_rows == certificate.rows
    assert all(finding.is_good for finding in verify_paths([tmp_path]))


async def collect(url: str, home: Path, gone: set[int]) -> None:
    recording = read_recording(recording_without(gone, home))
    async with Replay({}, recordings=[recording], speed=0.0) as replay:
        markets = {"binance": tuple(replay.tapes["binance"])}
        assert not gone & {row[0] for row in tape_rows(replay, "binance", SYMBOL)}
        async with collecting(settings_for(home, replay, markets), url, "binance"):
            await until_equal(url, replay, 60)
            await until(lambda: all_absent(url), f"{HOLES} gaps are absent", 60)


def all_absent(url: str) -> bool:
    with connect(url, "test") as reader:
        counted = reader.execute("SELECT count(*) FROM gaps WHERE state = 'absent'").fetchone()
    return counted == (HOLES,)
