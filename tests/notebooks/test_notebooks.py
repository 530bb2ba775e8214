"""The notebooks are run as people run them: in a kernel of their own, over a home with an archive.

What they find is compared with what SQL says of the same trades.
"""

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import jupytext
import nbclient
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

import alphapulse
from alphapulse.migrate import migrate
from alphapulse.store.connect import connect
from tests.conftest import ROOT
from tests.notebooks.stage import FIRST, LAST, archive_simulated

FOLDER = ROOT / "notebooks"
PATIENCE = 600  # seconds for a cell, on a crowded machine

pytestmark = [pytest.mark.slow]


@pytest.fixture(scope="module")
def home(server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Simulated days of three exchanges; the environment names it to the kernels."""
    folder = tmp_path_factory.mktemp("home")
    name = f"test_{uuid4().hex[:12]}"
    url = make_conninfo(server_url, dbname=name)
    with psycopg.connect(server_url, autocommit=True) as admin, pytest.MonkeyPatch.context() as its:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        with connect(url, "test") as store:
            migrate(store, simulated=True)
            archive_simulated(store, url, folder)
        named = {"HOME": folder, "DATABASE_URL": url}
        for setting, value in named.items():
            its.setenv(f"ALPHAPULSE_{setting}", str(value))
        its.setenv("PYTHONPATH", str(ROOT))
        its.setenv("PYTHONWARNINGS", "default")
        for place in ("MPLCONFIGDIR", "IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR"):
            its.setenv(place, str(folder / place.lower()))
        yield folder
        admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))


class Page:
    """An executed notebook: what its cells showed, and what its variables were in the end."""

    def __init__(self, name: str, wanted: Mapping[str, str]) -> None:
        asked = ", ".join(f"{key!r}: {value}" for key, value in wanted.items())
        notebook = jupytext.read(FOLDER / f"{name}.py")
        notebook.cells.append(
            type(notebook.cells[0])(
                cell_type="code", metadata={}, outputs=[], execution_count=None,
                source=f"import json\nprint(json.dumps({{{asked}}}, default=str))",
            )
        )  # fmt: skip
        client = nbclient.NotebookClient(
            notebook, timeout=PATIENCE, resources={"metadata": {"path": str(FOLDER)}}
        )
        client.execute()
        self.outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
        self.found: dict[str, Any] = json.loads(self.text.strip().splitlines()[-1])

    @property
    def text(self) -> str:
        return "".join(out.text for out in self.outputs if out.get("name") == "stdout")

    @property
    def complaints(self) -> list[Any]:
        """Errors and warnings that a reader would see."""
        return [
            out for out in self.outputs if out.output_type == "error" or out.get("name") == "stderr"
        ]

    @property
    def figures(self) -> int:
        return sum("image/png" in out.get("data", {}) for out in self.outputs)


def answers(home: Path, query: str, *bound: object) -> list[Any]:
    with alphapulse.open_archive(home=home) as duck:
        return duck.execute(query, bound).fetchall()


def test_first_look(home: Path) -> None:
    wanted = {"turnover": "str(turnover)", "rows": "len(trades)", "market": "market",
              "simulated": "simulated", "day": "str(day)", "markets": "len(markets)"}  # fmt: skip
    page = Page("01_first_look", wanted)
    assert page.complaints == []
    assert page.figures == 3
    found = page.found
    ((exchange, symbol, rows, turnover),) = answers(
        home,
        "SELECT exchange, symbol, count(*), sum(price::DECIMAL(18, 4) * size::DECIMAL(18, 8)) "
        "FROM trades WHERE date = ? GROUP BY ALL ORDER BY 3 DESC LIMIT 1",
        LAST,
    )
    assert (found["market"], found["rows"]) == (f"{exchange}/{symbol}", rows)
    assert Decimal(found["turnover"]) == turnover
    assert (found["simulated"], found["day"], found["markets"]) == (True, str(LAST), 5)
    sums = [line.split()[-1] for line in page.text.splitlines() if line[:6] in SUMS]
    assert len(sums) == 4
    assert len({Decimal(text) for text in sums}) == 1


SUMS = {"pandas", "Polars", "Arrow ", "DuckDB"}


def test_data_quality_of_a_day(home: Path) -> None:
    wanted = {
        "counted": "dict(zip(check.exchange + '/' + check.symbol, check.counted))",
        "agree": "bool(check.agree.all())",
        "gaps": "len(still)",
        "lags": "{name: float(lag.median()) for name, lag in lags.items()}",
    }
    page = Page("02_data_quality_of_a_day", wanted)
    assert page.complaints == []
    assert page.figures == 3
    said = answers(
        home, "SELECT exchange || '/' || symbol, missing FROM coverage WHERE date = ?", LAST
    )
    assert page.found["counted"] == dict(said)
    assert page.found["counted"]["kraken/BTC/USD"] == 48
    assert page.found["agree"] is True
    assert page.found["gaps"] == 2
    lags = answers(
        home,
        "SELECT exchange || ' ' || symbol, median(epoch_us(received_at) - epoch_us(traded_at)) "
        "FROM trades WHERE date = ? GROUP BY ALL",
        LAST,
    )
    assert page.found["lags"] == pytest.approx({name: lag / 1000 for name, lag in lags})


def test_candles_and_volume_profile(home: Path) -> None:
    wanted = {"same": "same", "vwap": "float(vwap)", "total": "float(total.sum())",
              "names": "names", "share": "share.to_dict()", "band": "[low, control, high]",
              "held": "float(total[low:high + 1].sum() / total.sum())"}  # fmt: skip
    page = Page("03_candles_and_volume_profile", wanted)
    assert page.complaints == []
    assert page.figures == 4
    found = page.found
    assert found["names"] == ["binance/BTCUSDT", "coinbase/BTC-USD", "kraken/BTC/USD"]
    assert set(found["same"].values()) == {True}
    ((vwap, total),) = answers(
        home,
        "SELECT sum(price::DOUBLE * size::DOUBLE) / sum(size)::DOUBLE, sum(size)::DOUBLE "
        "FROM trades WHERE date = ? AND symbol LIKE 'BTC%'",
        LAST,
    )
    assert found["vwap"] == pytest.approx(vwap)
    assert found["total"] == pytest.approx(total)
    volumes = answers(
        home,
        "SELECT exchange || '/' || symbol, sum(size)::DOUBLE FROM trades "
        "WHERE date = ? AND symbol LIKE 'BTC%' GROUP BY ALL",
        LAST,
    )
    assert found["share"] == pytest.approx({name: volume / total for name, volume in volumes})
    low, control, high = found["band"]
    assert low <= control <= high
    assert found["held"] >= 0.7


LAST_PRICES = """
WITH grid AS (
    SELECT unnest(generate_series($day::TIMESTAMP AT TIME ZONE 'UTC',
        ($day + 1)::TIMESTAMP AT TIME ZONE 'UTC', to_seconds($step))) AS instant),
latest AS (
    SELECT exchange, traded_at, arg_max(price, trade_id)::DOUBLE AS price
    FROM trades WHERE date = $day AND symbol LIKE 'BTC%' GROUP BY ALL),
known AS (
    SELECT grid.instant, l.exchange, l.price
    FROM (SELECT instant, exchange FROM grid, (SELECT DISTINCT exchange FROM latest)) AS grid
    ASOF JOIN latest AS l ON l.exchange = grid.exchange AND grid.instant >= l.traded_at
    WHERE grid.instant - l.traded_at < to_seconds($step * 11))
SELECT median((one.price / other.price - 1) * 10000)
FROM known AS one JOIN known AS other USING (instant)
WHERE one.exchange = $one AND other.exchange = $other"""


def test_price_differences_between_exchanges(home: Path) -> None:
    wanted = {"rows": "rows", "step": "step", "leads": "leads"}
    page = Page("04_price_differences_between_exchanges", wanted)
    assert page.complaints == []
    assert page.figures == 4
    with alphapulse.open_archive(home=home) as duck:
        for row in page.found["rows"]:
            one, other = (name.partition("/")[0] for name in row["pair"].split(" - "))
            bound = {"day": LAST, "step": page.found["step"], "one": one, "other": other}
            (median,) = duck.execute(LAST_PRICES, bound).fetchone() or (None,)
            assert row["median, bp"] == pytest.approx(median)
    leads = page.found["leads"]  # the simulated Kraken follows the others by 20 s
    assert leads["binance/BTCUSDT, kraken/BTC/USD"] > 0
    assert leads["coinbase/BTC-USD, kraken/BTC/USD"] > 0


def test_archived_candles_are_those_of_the_trades(home: Path) -> None:
    """Without the store, bars come from their files; the day of the trades says the same."""
    with pytest.MonkeyPatch.context() as its:
        its.delenv("ALPHAPULSE_DATABASE_URL")
        bars = alphapulse.load_candles("kraken/ETH-USD", FIRST, LAST, "1d")
        trades = alphapulse.load_trades("kraken/ETH-USD", FIRST, LAST)
    assert list(bars["volume"]) == [trades["size"].sum()]
    assert list(bars["quote_volume"]) == [(trades["price"] * trades["size"]).sum()]
    assert list(bars["trades"]) == [len(trades)]


def test_the_examples_of_the_page_run(home: Path) -> None:
    """docs/notebooks.md, block by block, as one session."""
    text = (ROOT / "docs" / "notebooks.md").read_text()
    blocks = re.findall(r"```python\n(.+?)```", text, re.DOTALL)
    assert len(blocks) == 4
    found: dict[str, Any] = {}
    for block in blocks:
        exec(block, found)
    assert len(found["trades"]) == len(found["quick"]) == len(found["frame"]) == 3_452
    assert found["bars"]["trades"].sum() == 3_452


def test_every_notebook_is_tested_here() -> None:
    pages = {path.stem for path in FOLDER.glob("[0-9]*.py")}
    assert pages
    assert {name for name in pages if f"test_{name[3:]}" in globals()} == pages
