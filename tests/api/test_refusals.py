"""What is refused, and how: as a problem that names the input and says what to do."""

import json
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from api.spans import Place, write_cursor
from tests.api.conftest import TOKEN, Site, made_site, serving
from tests.stored import BTC, store_day

TRADES = "/v1/markets/coinbase/BTC-USD/trades"
CANDLES = "/v1/markets/coinbase/BTC-USD/candles"
FOREIGN = write_cursor(Place("another", 1_700_000_000_000_000, 1_700_000_000_000_000, 1))
FAR = write_cursor(Place("another", 2**62, 1, 1))

REFUSED = [
    # (path with its query, status, what the problem names)
    (f"{TRADES}?start=yesterday", 422, "yesterday"),
    (f"{TRADES}?start=2026-11-21T10:00:00", 422, "offset"),
    (f"{TRADES}?start=2026-13-41", 422, "2026-13-41"),
    (f"{TRADES}?start=1969-01-01", 422, "2009"),
    (f"{TRADES}?start=99999999999", 422, "2009"),
    (f"{TRADES}?start=2026-11-22&end=2026-11-21", 422, "before start"),
    (f"{CANDLES}?start=2009-01-01&end=2026-11-21", 422, "longer than"),
    (f"{TRADES}?limit=0", 422, "limit"),
    (f"{TRADES}?limit=10001", 422, "limit"),
    (f"{TRADES}?limit=1e3", 422, "limit"),
    (f"{TRADES}?limit=5&limit=6", 422, "2 times"),
    (f"{TRADES}?strat=2026-11-21", 422, "strat"),
    (f"{TRADES}?order=up", 422, "order"),
    (f"{TRADES}?format=xlsx", 422, "format"),
    (f"{TRADES}?cursor=abc", 422, "cursor"),
    (f"{TRADES}?cursor=%00", 422, "cursor"),
    (f"{TRADES}?cursor={FOREIGN}", 422, "another question"),
    (f"{TRADES}?cursor={FAR}", 422, "cursor"),
    (f"{TRADES}?cursor={'A' * 201}", 422, "cursor"),
    (f"{CANDLES}?size=2m", 422, "size"),
    ("/v1/markets/coinbase/BTC-EUR/trades", 404, "BTC-EUR"),
    ("/v1/markets/nowhere/BTC-USD/trades", 404, "nowhere"),
    ("/v1/markets/coinbase/" + quote("BTC-USD'; DROP TABLE trades; --") + "/trades", 404, "DROP"),
    ("/v1/markets/coinbase/" + quote("../../etc/passwd", safe="") + "/trades", 404, "passwd"),
    ("/v1/markets/coinbase/%00/trades", 404, "market"),
    ("/v1/markets/coinbase/" + "B" * 81 + "/trades", 422, "symbol"),
    ("/v1/coverage?symbol=BTC-USD", 422, "exchange"),
    ("/v1/coverage?exchange=nowhere", 404, "nowhere"),
    ("/v1/coverage?start=2000-01-01", 422, "2009"),
    ("/v1/coverage/coinbase/BTC-USD/2026-99-99", 422, "2026-99-99"),
    ("/v1/gaps?state=lost", 422, "state"),
    ("/v1/gaps?open=maybe", 422, "open"),
    ("/v1/gaps?exchange=" + quote("' OR 1=1 --"), 404, "OR 1=1"),
    ("/v1/datasets/coinbase/BTC-USD/2026-11-21", 404, "no file"),
    ("/v1/datasets/coinbase/" + quote("../..", safe="") + "/2026-11-21", 404, ".."),
    ("/v1/datasets/coinbase/BTC-USD/..%2F..%2Fx", 404, ""),
    ("/v1/nothing", 404, "/v1/nothing"),
    ("/v1", 404, "/v1"),
    ("/metrics/x", 404, "metrics"),
    (f"{TRADES}?{'x' * 9000}", 422, "query"),
]


@pytest.fixture(scope="module")
def stocked(site: Site) -> Site:
    store_day(site.store, BTC)
    site.forget()
    return site


def problem(found: httpx.Response, status: int) -> dict[str, Any]:
    assert found.status_code == status, found.text
    assert found.headers["content-type"] == "application/problem+json"
    told: dict[str, Any] = found.json()
    assert told["status"] == status and told["hint"] and told["title"]
    assert told["request_id"] == found.headers["x-request-id"]
    return told


@pytest.mark.parametrize(("path", "status", "named"), REFUSED)
def test_what_cannot_be_answered_is_refused_in_words(
    stocked: Site, path: str, status: int, named: str
) -> None:
    told = problem(stocked.http.get(path), status)
    assert named in told["detail"]


def test_a_cursor_of_another_question_is_refused(stocked: Site) -> None:
    cursor = stocked.get(TRADES, limit=1).json()["next_cursor"]
    assert (
        "another question" in stocked.get(TRADES, 422, cursor=cursor, order="desc").json()["detail"]
    )
    assert stocked.get(TRADES, cursor=cursor, limit=1).json()["trades"][0]["id"] == "2"
    for place in range(len(cursor)):  # whatever is changed in it
        changed = cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :]
        found = stocked.http.get(TRADES, params={"cursor": changed})
        assert found.status_code in {200, 422}
        if found.status_code == 200:  # another place of the same walk: still the market's trades
            assert {t["id"] for t in found.json()["trades"]} <= {"1", "2", "3"}


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_only_reading_is_allowed(stocked: Site, method: str) -> None:
    found = stocked.http.request(method, TRADES)
    assert problem(found, 405)["hint"] and found.headers["allow"] == "GET"


ORDER = {"market": "coinbase/BTC-USD", "start": "2024-08-08", "end": "2024-08-09"}


@pytest.mark.parametrize(
    "given",
    [None, "", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xff"],
)
def test_no_order_is_taken_without_the_very_token(stocked: Site, given: str | None) -> None:
    headers = [] if given is None else [(b"Authorization", given.encode("latin-1"))]
    found = stocked.http.post("/v1/backfills", json=ORDER, headers=headers)
    problem(found, 401)
    assert found.headers["www-authenticate"].startswith("Bearer")
    assert TOKEN not in found.text


@pytest.mark.parametrize(
    ("wish", "status", "named"),
    [
        ({}, 422, "market"),
        (ORDER | {"more": 1}, 422, "more"),
        (ORDER | {"end": "2024-08-07"}, 422, "before start"),
        (ORDER | {"end": "2024-08-08"}, 422, "same"),
        (ORDER | {"start": "--help"}, 422, "start"),
        (ORDER | {"market": "--help/x"}, 404, "help"),
        (ORDER | {"dry_run": "no"}, 422, "dry_run"),
        (ORDER | {"market": "x" * 70_000}, 413, "larger"),
    ],
)
def test_orders_that_make_no_sense_are_refused(
    stocked: Site, wish: dict[str, Any], status: int, named: str
) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    told = problem(stocked.http.post("/v1/backfills", json=wish, headers=headers), status)
    assert named in told["detail"]


def test_what_is_no_json_and_what_never_ends_is_refused(stocked: Site) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    problem(stocked.http.post("/v1/backfills", content=b"{", headers=headers), 422)
    endless = (b" " * 1000 for _ in range(100))  # without a length
    problem(stocked.http.post("/v1/backfills", content=endless, headers=headers), 413)


def test_an_api_without_a_token_takes_no_orders(stocked: Site, tmp_path: Any) -> None:
    with made_site(tmp_path, stocked.url, api_token=None) as closed:
        found = closed.http.post("/v1/backfills", json=ORDER, headers={"Authorization": "Bearer x"})
        assert "ALPHAPULSE_API_TOKEN" in problem(found, 403)["hint"]


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:5000", "", "localhost.evil.example"]
)
def test_pages_of_other_sites_cannot_borrow_our_name(stocked: Site, host: str) -> None:
    problem(stocked.http.get("/v1/markets", headers={"Host": host}), 421)


def test_too_many_requests_are_told_when_to_come_again(stocked: Site, tmp_path: Any) -> None:
    with made_site(tmp_path, stocked.url, api_requests_per_second=1) as slow:
        statuses = [slow.http.get("/v1/markets").status_code for _ in range(4)]
        assert statuses[:2] == [200, 200] and 429 in statuses
        found = slow.http.get("/v1/markets")
        if found.status_code == 429:
            assert problem(found, 429) and int(found.headers["retry-after"]) >= 1
        assert slow.http.get("/v1/health/live").status_code == 200


def test_a_question_that_takes_too_long_is_given_up(stocked: Site) -> None:
    with stocked.store.transaction():  # nobody reads trades while it is locked
        stocked.store.execute("LOCK TABLE trades IN ACCESS EXCLUSIVE MODE")
        with (
            serving(stocked.settings, stocked.url, seconds=0.3) as (address, _),
            httpx.Client(base_url=address, trust_env=False, timeout=30) as http,
        ):
            found = http.get(TRADES)
    assert "0.3 s" in problem(found, 504)["detail"] and found.headers["retry-after"]


def test_without_its_database_it_lives_but_is_not_ready(stocked: Site) -> None:
    nowhere = "postgresql://nobody:secret@127.0.0.1:1/none"
    with (
        serving(stocked.settings, nowhere) as (address, _),
        httpx.Client(base_url=address, trust_env=False, timeout=30) as http,
    ):
        assert http.get("/v1/health/live").status_code == 200
        told = problem(http.get("/v1/health/ready"), 503)
        assert told["missing"] == ["database: cannot reach PostgreSQL"]
        found = http.get(TRADES)
    assert "secret" not in json.dumps(problem(found, 503)) + json.dumps(told)
