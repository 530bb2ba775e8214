"""Database, files and logs are read as they are: damage in any of them reaches the judge."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from alphapulse.archive.export import Exported, export_days
from alphapulse.store.connect import Store
from alphapulse.store.days import traded_days
from alphapulse.store.writing import TradeWriter
from alphapulse.trade import Market, Side, Trade
from chaos.judge import compare
from chaos.log import RECORD, STRANGER, Log
from chaos.rows import Rows, rows_of
from chaos.sources import from_database, from_log, from_parquet, stored_markets
from tests.chaos.tapes import FIRST, MARKET, tape_of

TAPE = tape_of(6)
SERVED = rows_of(TAPE)
OTHER = Market("kraken", "ETH/USD")
TWICE = """
INSERT INTO trades (traded_at, received_at, trade_id, market_id, side, price, size)
SELECT traded_at + interval '1 us', received_at, trade_id, market_id, side, price, size
FROM trades WHERE trade_id = 1000001"""


@pytest.fixture
def stored(store: Store) -> Store:
    trades = [
        Trade(MARKET.exchange, MARKET.symbol, print.id, Decimal(print.price), Decimal(print.size),
              Side(print.side), print.traded_at, print.traded_at + 5)
        for print in TAPE
    ]  # fmt: skip
    TradeWriter(store).insert(trades)
    return store


@pytest.fixture
def parquet(stored: Store, database_url: str, tmp_path: Path) -> Path:
    done = list(export_days(database_url, tmp_path, traded_days(stored, None, None)))
    assert all(isinstance(outcome, Exported) for outcome in done)
    assert len(done) == 2  # the tape crosses midnight
    return tmp_path


def rewrite(parquet: Path, day: str, change: object) -> None:
    path = parquet / "kraken" / "BTC_USD" / f"{day}.parquet"
    table = pq.read_table(path, partitioning=None)
    pq.write_table(change(table), path)  # type: ignore[operator]


def differences(found: Rows) -> dict[str, list[int]]:
    return compare(SERVED, found).ids


def test_whole_places_are_no_difference(stored: Store, parquet: Path) -> None:
    assert differences(from_database(stored, MARKET)) == {}
    assert differences(from_parquet(parquet, MARKET)) == {}
    assert stored_markets(stored) == {MARKET}


@pytest.mark.parametrize(
    ("damage", "ids"),
    [
        ("DELETE FROM trades WHERE trade_id = 1000002", {"missing": [FIRST + 2]}),
        ("UPDATE trades SET price = price + 0.00000001 WHERE trade_id = 1000002",
         {"changed": [FIRST + 2]}),
        ("UPDATE trades SET price = price + 0.000000001 WHERE trade_id = 1000002",
         {"changed": [FIRST + 2]}),
        ("UPDATE trades SET size = size * 2 WHERE trade_id = 1000002", {"changed": [FIRST + 2]}),
        ("UPDATE trades SET side = 's' WHERE trade_id = 1000002", {"changed": [FIRST + 2]}),
        ("UPDATE trades SET traded_at = traded_at + interval '1 us' WHERE trade_id = 1000001",
         {"changed": [FIRST + 1]}),
        ("UPDATE trades SET trade_id = 7 WHERE trade_id = 1000002",
         {"missing": [FIRST + 2], "unserved": [7]}),
        (TWICE,
         {"repeated": [FIRST + 1], "changed": [FIRST + 1]}),
    ],
)  # fmt: skip
def test_damage_in_the_database_is_seen(
    stored: Store, damage: str, ids: dict[str, list[int]]
) -> None:
    assert stored.execute(damage).rowcount == 1
    assert differences(from_database(stored, MARKET)) == ids


def test_a_row_that_left_a_file_is_missing(parquet: Path) -> None:
    rewrite(parquet, "2024-08-08", lambda table: table.slice(1))
    assert differences(from_parquet(parquet, MARKET)) == {"missing": [FIRST + 3]}


def test_a_row_twice_in_a_file_is_repeated(parquet: Path) -> None:
    rewrite(parquet, "2024-08-08", lambda table: pa.concat_tables([table, table.slice(1, 1)]))
    assert differences(from_parquet(parquet, MARKET)) == {"repeated": [FIRST + 4]}


def test_a_changed_side_in_a_file_is_seen(parquet: Path) -> None:
    def turn(table: pa.Table) -> pa.Table:
        sides = pa.array(["sell", "sell", "sell"])
        return table.set_column(table.schema.get_field_index("side"), "side", sides)

    rewrite(parquet, "2024-08-08", turn)
    assert differences(from_parquet(parquet, MARKET)) == {"changed": [FIRST + 4, FIRST + 5]}


def test_rows_in_the_file_of_another_day_or_market_are_seen(parquet: Path) -> None:
    folder = parquet / "kraken" / "BTC_USD"
    (folder / "2024-08-08.parquet").rename(folder / "2024-08-09.parquet")
    assert differences(from_parquet(parquet, MARKET)) == {
        "changed": [FIRST + 3, FIRST + 4, FIRST + 5]
    }
    folder.rename(parquet / "kraken" / "ETH_USD")
    assert len(from_parquet(parquet, OTHER)) == 6
    assert set(from_parquet(parquet, OTHER)["price"]) == {-1}


def test_a_lost_file_is_missing_rows(parquet: Path) -> None:
    (parquet / "kraken" / "BTC_USD" / "2024-08-07.parquet").unlink()
    assert differences(from_parquet(parquet, MARKET)) == {"missing": [FIRST, FIRST + 1, FIRST + 2]}


def test_a_client_is_judged_by_market_and_trades_of_no_market_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "client.log"
    log = Log(path)
    rows = [RECORD.pack(1, *row.item()) for row in SERVED]
    log.add_rows([*rows[:4], RECORD.pack(STRANGER, 1, 1, 1, 1, 1), *rows[3:]], "c-1")
    found, strangers = from_log(path, [OTHER, MARKET])
    assert strangers == 1
    assert len(found[OTHER]) == 0
    assert differences(found[MARKET]) == {"repeated": [FIRST + 3]}
