"""A notebook reads the archive while Dagster's work goes on: no error and no wrong count, ever."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE

from alphapulse.archive.compaction import Rules, compact, sweep
from alphapulse.archive.export import export_days, unarchived_days
from alphapulse.archive.market_data import write_archive
from alphapulse.day import MarketDay
from alphapulse.store.connect import Store
from tests.conftest import ROOT
from tests.stored import BTC, DAY, ETH, store_day

DAYS = [DAY + timedelta(days=n) for n in range(4)]
TRADES = 20  # of each market-day
READINGS = 100

READER = """
import sys
from pathlib import Path
from alphapulse.archive.reading import open_archive

archive, url = Path(sys.argv[1]), sys.argv[2]
readings, expected = map(int, sys.argv[3:])
ASK = '''SELECT count(*), count(DISTINCT (exchange, symbol, traded_at, trade_id)) FROM trades'''
BARS = '''SELECT sum(trades) FROM candles WHERE size = '1h' '''
duck = open_archive(archive, store_url=url)
for reading in range(readings):
    if reading % 4 == 0:  # another notebook; between, one session goes on
        duck.close()
        duck = open_archive(archive, store_url=url)
    found = duck.execute(ASK).fetchall()
    assert found == [(expected, expected)], (reading, found)
    assert duck.execute(BARS).fetchall() == [(expected,)], reading
    print(reading, flush=True)
duck.close()
"""


def test_a_hundred_readings_while_exports_and_archives_are_written(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    archive, parquet, candles = (
        tmp_path / name for name in ("market_data.duckdb", "parquet", "candles")
    )
    days = [MarketDay(day, market) for day in DAYS for market in (BTC, ETH)]
    for day in days:
        store_day(store, day.market, day.date, trades=TRADES)
    write_archive(archive, parquet, store_url=database_url)
    expected = len(days) * TRADES
    command = [sys.executable, "-c", READER, str(archive), database_url, str(READINGS)]
    rounds = 0
    with subprocess.Popen([*command, str(expected)], cwd=ROOT, stdout=PIPE, text=True) as reader:
        while reader.poll() is None:
            write_for_a_while(database_url, archive, parquet, candles, days, rounds)
            rounds += 1
        assert reader.stdout is not None
        assert len(reader.stdout.read().split()) == READINGS
    assert reader.returncode == 0
    assert rounds > 1
    assert list(parquet.rglob("[!.]*.parquet"))


def write_for_a_while(
    url: str, archive: Path, parquet: Path, candles: Path, days: list[MarketDay], turn: int
) -> None:
    """What is not archived yet, one of the days again, then the archive; at times, the months."""
    missing = unarchived_days(url, parquet)[:2]
    list(export_days(url, parquet, [*missing, days[turn % len(days)]]))
    write_archive(archive, parquet, store_url=url)
    if turn % 3 == 2:
        list(compact(url, parquet, candles, Rules(below_bytes=10**6, after_days=0)))
        write_archive(archive, parquet, store_url=url)
        assert not sweep(archive, parquet, candles), "the days' own files have a day of grace"
