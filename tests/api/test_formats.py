"""The same rows in every form, equal to the database's; answers that spare those who poll."""

import csv
import gzip
import io
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import ipc

from alphapulse import lake
from alphapulse.candles import BarSize, fold
from alphapulse.lake.candle_files import CANDLE_SCHEMA
from api import models
from tests.api.conftest import Site
from tests.archived import micros_of, trade
from tests.stored import BTC, DAY, Row, store_trades

TRADES = "/v1/markets/coinbase/BTC-USD/trades"
CANDLES = "/v1/markets/coinbase/BTC-USD/candles"
PRICES = ["100.10", "0.000000000000000001", "61000.5", "99999999999999999", "1E-7", "7"]


def rows() -> Iterator[Row]:
    for n in range(240):
        price = str(Decimal(PRICES[n % len(PRICES)]).__format__("f"))
        yield n + 1, f"{DAY} {n // 60:02}:{n % 60:02}:17.{n:06}", price, f"0.{n + 1:03}"


@pytest.fixture(scope="module")
def stocked(site: Site) -> Site:
    store_trades(site.store, BTC, rows())
    site.forget()
    return site


MIDNIGHT = datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC)
MICRO = timedelta(microseconds=1)
QUERY = """
SELECT trade_id, traded_at, price, size, CASE side WHEN 'b' THEN 'buy' ELSE 'sell' END,
       received_at, 'live'
FROM trades ORDER BY traded_at, trade_id"""


def stored(site: Site) -> list[tuple[Any, ...]]:
    return site.store.execute(QUERY).fetchall()


def rows_in(table: pa.Table) -> list[tuple[Any, ...]]:
    names = ["trade_id", "traded_at", "price", "size", "side", "received_at", "source"]
    return list(zip(*(table[name].to_pylist() for name in names), strict=True))


def test_parquet_and_arrow_hold_what_the_database_holds_in_the_archives_types(
    stocked: Site,
) -> None:
    for format, read in (
        ("parquet", pq.read_table),
        ("arrow", lambda f: ipc.open_stream(f).read_all()),
    ):
        sent = stocked.get(TRADES, format=format, limit=10_000)
        table = read(io.BytesIO(sent.content))
        assert table.schema.equals(lake.SCHEMA)
        assert rows_in(table) == stored(stocked)
        assert sent.headers["x-complete-until"] and "x-next-cursor" not in sent.headers


def test_csv_and_both_shapes_of_json_tell_the_same_text(stocked: Site) -> None:
    as_rows = stocked.get(TRADES, limit=10_000).json()["trades"]
    columns = stocked.get(TRADES, limit=10_000, shape="columns").json()["trades"]
    assert columns == {name: [row[name] for row in as_rows] for name in columns}
    text = stocked.get(TRADES, limit=10_000, format="csv").text
    lines = list(csv.DictReader(io.StringIO(text)))
    assert [(r["trade_id"], r["traded_at"], r["price"], r["size"]) for r in lines] == [
        (r["id"], r["time"], r["price"], r["size"]) for r in as_rows
    ]
    exact = [(str(id), f"{price:f}", f"{size:f}") for id, _, price, size, *_ in stored(stocked)]
    assert [(r["id"], r["price"], r["size"]) for r in as_rows] == exact


def test_a_number_that_no_file_holds_is_told_in_text_alone(stocked: Site) -> None:
    store_trades(stocked.store, BTC, [(2000, f"{DAY} 20:00:00", "0.0000000000000000001", "1")])
    hour: dict[str, Any] = {"start": f"{DAY}T20:00:00Z", "end": f"{DAY}T21:00:00Z"}
    (told,) = stocked.get(TRADES, **hour).json()["trades"]
    assert told["price"] == "0.0000000000000000001"
    assert "json" in stocked.get(TRADES, 422, format="parquet", **hour).json()["hint"]
    stocked.store.execute("DELETE FROM trades WHERE trade_id = 2000")


def test_files_go_on_by_a_header(stocked: Site) -> None:
    first = stocked.get(TRADES, format="csv", limit=200)
    cursor = first.headers["x-next-cursor"]
    rest = stocked.get(TRADES, format="csv", limit=200, cursor=cursor)
    assert first.text.count("\n") + rest.text.count("\n") == 240 + 2
    assert cursor in first.headers["link"] and 'rel="next"' in first.headers["link"]
    assert 'filename="coinbase_BTC-USD_trades.csv"' in first.headers["content-disposition"]


@pytest.mark.parametrize("size", list(BarSize))
def test_bars_are_the_reference_fold_of_the_trades(stocked: Site, size: BarSize) -> None:
    since = micros_of(DAY)
    trades = [
        trade(id, (at - MIDNIGHT) // MICRO, f"{price:f}", f"{amount:f}")
        for id, at, price, amount, *_ in stored(stocked)
    ]
    asked: dict[str, Any] = {"size": size, "start": str(DAY), "end": f"{DAY}T03:00:00Z"}
    table = pq.read_table(io.BytesIO(stocked.get(CANDLES, format="parquet", **asked).content))
    assert table.schema.equals(CANDLE_SCHEMA)
    until = since + 3 * 3_600_000_000
    expected = [bar for bar in fold(trades, size) if bar.opened_at < until]
    found = table.drop_columns(["exchange", "symbol"]).to_pylist()
    opened = [since + (row.pop("opened_at") - MIDNIGHT) // MICRO for row in found]
    assert opened == [bar.opened_at for bar in expected]
    for row, bar in zip(found, expected, strict=True):
        assert row == {name: getattr(bar, name) for name in row}


@pytest.mark.parametrize(
    ("path", "model"),
    [
        ("/v1/config", models.Config),
        ("/v1/exchanges", models.Exchanges),
        ("/v1/markets", models.Markets),
        (f"{TRADES}?limit=3", models.Trades),
        (f"{TRADES}?limit=3&shape=columns", models.Trades),
        (f"{CANDLES}?start={DAY}&limit=3", models.Candles),
        (f"{CANDLES}?start={DAY}&limit=3&shape=rows", models.Candles),
        ("/v1/markets/coinbase/BTC-USD/ticker", models.Ticker),
        ("/v1/coverage", models.Coverage),
        (f"/v1/coverage/coinbase/BTC-USD/{DAY}", models.CoverageDay),
        ("/v1/gaps", models.Gaps),
        ("/v1/incidents", models.Incidents),
        ("/v1/datasets", models.Datasets),
        ("/v1/dictionary", models.Dictionary),
        ("/v1/backfills", models.Backfills),
        ("/v1/health/ready", models.Ready),
        ("/v1/health/live", models.Live),
    ],
)
def test_answers_are_what_their_description_says(stocked: Site, path: str, model: Any) -> None:
    found = stocked.http.get(path)
    assert found.status_code == 200, found.text
    model.model_validate_json(found.content, strict=True)


def test_an_etag_changes_with_the_rows_and_not_with_the_clock(stocked: Site) -> None:
    end: dict[str, Any] = {"start": str(DAY), "end": f"{DAY}T12:00:00Z", "limit": 10_000}
    first = stocked.get(TRADES, **end)
    stocked.forget()
    again = stocked.get(TRADES, **end)
    assert first.json()["as_of"] != again.json()["as_of"]
    assert first.headers["etag"] == again.headers["etag"]
    known = {"If-None-Match": first.headers["etag"]}
    unchanged = stocked.http.get(TRADES, params=end, headers=known)
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    store_trades(stocked.store, BTC, [(1000, f"{DAY} 11:00:00", "1", "1")])
    stocked.forget()
    assert stocked.http.get(TRADES, params=end, headers=known).status_code == 200
    stocked.store.execute("DELETE FROM trades WHERE trade_id = 1000")
    stocked.forget()


def test_answers_are_compressed_for_those_who_take_it(stocked: Site) -> None:
    with stocked.http.stream("GET", TRADES, headers={"Accept-Encoding": "gzip"}) as sent:
        raw = b"".join(sent.iter_raw())
    assert sent.headers["content-encoding"] == "gzip" and sent.headers["vary"] == "Accept-Encoding"
    plain = stocked.http.get(TRADES, headers={"Accept-Encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert gzip.decompress(raw) == plain.content and len(raw) < len(plain.content) / 3


def test_large_answers_are_not_kept_for_others(stocked: Site) -> None:
    stocked.get(CANDLES, size="1d", limit=10_000)  # ten years at most
    stocked.forget()
    rows = [(5_000 + n, f"{DAY} 09:00:00", "1.5", "1") for n in range(2_000)]
    store_trades(stocked.store, BTC, rows)
    assert len(stocked.get(TRADES, limit=10_000).content) > 262_144
    assert not any("limit=10000" in key for key in stocked.house.cache.kept)
    stocked.store.execute("DELETE FROM trades WHERE trade_id >= 5000")
    stocked.forget()


def test_pollers_of_one_second_share_one_question(stocked: Site) -> None:
    stocked.forget()
    cache = stocked.house.cache
    computed, shared = cache.computed, cache.shared
    gate = threading.Barrier(8)

    def poll(_: int) -> bytes:
        gate.wait(10)
        return httpx.get(f"{stocked.http.base_url}/v1/markets", trust_env=False).content

    with ThreadPoolExecutor(8) as pool:
        bodies = set(pool.map(poll, range(8)))
    assert cache.shared - shared + cache.computed - computed == 8
    assert len(bodies) == cache.computed - computed < 8
