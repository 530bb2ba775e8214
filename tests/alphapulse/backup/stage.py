"""A house with something to lose: trades, archived days, days let go, gaps, uptime, candles."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from msgspec import Struct
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from alphapulse.archive import candles
from alphapulse.archive.export import Exported, export_days
from alphapulse.backup.making import Made, make_backup
from alphapulse.backup.vault import Vault
from alphapulse.day import MarketDay
from alphapulse.migrate import migrate
from alphapulse.store.connect import Store, connect
from alphapulse.trade import Market
from tests.stored import BTC, DAY, ETH, store_market, store_trades

GONE, WHOLE, LATE, LIVE = (DAY + timedelta(days=place) for place in range(4))

ROWS = """
SELECT exchange, symbol, market_id, trade_id, traded_at, received_at, side, source, price, size
FROM market_trades ORDER BY exchange, symbol, traded_at, trade_id"""
TABLES = ("markets", "gaps", "uptime", "coverage", "backfills", "rest_turns")


class Stage(Struct, frozen=True):
    """A home with its database."""

    home: Path
    url: str

    @property
    def roots(self) -> dict[str, Path]:
        return {name: self.home / name for name in ("parquet", "candles")}

    def back_up(self, vault: Vault, keep: int = 7) -> Made:
        return make_backup(self.url, self.roots, vault, keep)


def furnish(stage: Stage) -> None:
    """Two markets. The first day left the database, the second is archived, the third was and then
    a row came late, the fourth was never exported.
    """
    with connect(stage.url, "test") as store:
        store.execute("SELECT nextval('trades_seq') FROM generate_series(1, 1000)")
        for market in (ETH, BTC):
            fill(store, market)
        for day in (GONE, WHOLE, LATE):
            export(stage, day)
        store_trades(store, BTC, [(9_000, f"{LATE} 23:59:59.999999", "1e-9", "7.10")])
        store.execute("DELETE FROM trades WHERE traded_at < %s", [WHOLE])
        describe(store)
    (made,) = candles.make_days(
        stage.home / "parquet", stage.home / "candles", [MarketDay(WHOLE, BTC)]
    )
    assert isinstance(made, candles.Made)


def fill(store: Store, market: Market) -> None:
    for place, day in enumerate((GONE, WHOLE, LATE, LIVE)):
        first = place * 100
        rows = [
            (first + n, f"{day} {n % 24:02}:00:00.{n:06}", f"{n}.0000{n:03}0", f"0.{n:03}0")
            for n in range(1, 41)
        ]
        store_trades(store, market, rows, "bs"[place % 2])


def export(stage: Stage, day: Any) -> None:
    days = [MarketDay(day, market) for market in (BTC, ETH)]
    done = list(export_days(stage.url, stage.roots["parquet"], days))
    assert all(isinstance(one, Exported) and one.certificate for one in done), done


def describe(store: Store) -> None:
    id = store_market(store, BTC)
    store.execute(
        "INSERT INTO gaps (market_id, after_id, before_id, after_at, before_at, cause, cursor)"
        " VALUES (%s, 5, 9, %s, %s, 'restart', 'page\t7'),"
        " (%s, 400, NULL, %s, NULL, 'unknown', 'x')",
        [id, GONE, GONE, id, LIVE],
    )
    store.execute("DELETE FROM gaps WHERE cause = 'unknown'")  # the next id is not the largest + 1
    store.execute("INSERT INTO uptime VALUES (%s, %s, %s)", [id, GONE, LIVE])
    store.execute(
        "UPDATE markets SET refusal = E'no\\nsuch \\\\ market' WHERE market_id = %s", [id]
    )
    store.execute("INSERT INTO rest_turns VALUES ('https://x', now())")


def rows(url: str) -> list[tuple[Any, ...]]:
    with connect(url, "test", read_only=True) as store:
        return store.execute(ROWS).fetchall()


def tables(url: str) -> dict[str, list[str]]:
    """Every row of every small table as text; but for what transactions are called here."""
    with connect(url, "test", read_only=True) as store:
        return {
            name: sorted(
                str(row[0])
                for row in store.execute(
                    SQL("SELECT (to_jsonb(t) - 'snapshot')::text FROM {} t").format(
                        Identifier(name)
                    )
                )
            )
            for name in TABLES
        }


@contextmanager
def another_database(server_url: str, *, migrated: bool = False) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
        url = make_conninfo(server_url, dbname=name)
        if migrated:
            with connect(url, "test") as store:
                migrate(store)
        yield url
        admin.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(name)))
