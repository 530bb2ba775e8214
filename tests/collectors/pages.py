"""Pages of past trades as each exchange cuts them from a tape."""

import json
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from collectors.exchange import Request
from tests.collectors.golden import NEW_YEAR

Tape: TypeAlias = dict[int, int]  # id: microseconds into 2026; times rise with the ids
Fetch: TypeAlias = Callable[[Request], bytes]


def binance_pages(tape: Tape, size: int) -> Fetch:
    ids = sorted(tape)

    def fetch(request: Request) -> bytes:
        first = request.params.get("fromId")
        place = len(ids) - size if first is None else bisect_left(ids, int(first))
        rows = [
            {
                "id": id,
                "price": "1.5",
                "qty": "2",
                "time": (NEW_YEAR + tape[id]) // 1000,
                "isBuyerMaker": True,
            }
            for id in ids[max(0, place) : max(0, place) + size]
        ]
        return json.dumps(rows).encode()

    return fetch


def coinbase_pages(tape: Tape, size: int) -> Fetch:
    ids = sorted(tape)

    def fetch(request: Request) -> bytes:
        place = bisect_left(ids, int(request.params.get("after", 2**63)))
        rows = [
            {"price": "1.5", "size": "2", "side": "buy", "time": iso(tape[id]), "trade_id": id}
            for id in reversed(ids[max(0, place - size) : place])
        ]
        return json.dumps(rows).encode()

    return fetch


def iso(after: int) -> str:
    """RFC 3339 by way of the days of January, as far as they go, and beyond."""

    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=NEW_YEAR + after)
    return at.isoformat()


def kraken_pages(tape: Tape, size: int) -> Fetch:
    ids = sorted(tape, key=lambda one: (tape[one], one))
    nanos = [(NEW_YEAR + tape[id]) * 1000 for id in ids]

    def fetch(request: Request) -> bytes:
        since = request.params.get("since")
        place = len(ids) - size if since is None else bisect_left(nanos, int(since))
        found = ids[max(0, place) : max(0, place) + size]
        last = (NEW_YEAR + tape[found[-1]]) * 1000 if found else since or 0
        rows = ",".join(f'["1.5","2",{seconds(tape[id])},"s","m","",{id}]' for id in found)
        return f'{{"error":[],"result":{{"XXBTZUSD":[{rows}],"last":"{last}"}}}}'.encode()

    return fetch


def seconds(after: int) -> str:
    whole, micros = divmod(NEW_YEAR + after, 1_000_000)
    return f"{whole}.{micros:06d}9"  # a digit more than ours


PAGES = {"binance": binance_pages, "coinbase": coinbase_pages, "kraken": kraken_pages}
