"""What stands around every route: headers, other origins, addresses, the dashboard's files."""

from pathlib import Path

import httpx
import pytest

from api import pages
from tests.api.conftest import Site, made_site, serving
from tests.stored import BTC, store_day


@pytest.fixture(scope="module")
def stocked(site: Site) -> Site:
    store_day(site.store, BTC)
    site.forget()
    return site


def test_every_answer_carries_the_headers_that_keep_browsers_at_home(stocked: Site) -> None:
    for path in ("/v1/markets", "/v1/nothing", "/"):
        headers = stocked.http.get(path, headers={"Host": "localhost:5000"}).headers
        policy = headers["content-security-policy"]
        assert "default-src 'self'; connect-src 'self' ws://localhost:8766;" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in headers
        assert "server" not in headers


def test_head_tells_what_get_would_and_nothing_more(stocked: Site) -> None:
    for path in ("/v1/markets/coinbase/BTC-USD/trades", "/v1/health/live", "/", "/v1/nothing"):
        told, head = (stocked.http.request(method, path) for method in ("GET", "HEAD"))
        assert (head.status_code, head.content) == (told.status_code, b"")
        for name in ("content-type", "etag", "content-length"):
            assert head.headers.get(name) == told.headers.get(name), (path, name)


def test_statistics_may_be_served_alone(stocked: Site) -> None:
    with (
        serving(stocked.settings, stocked.url, only="stats") as (address, _),
        httpx.Client(base_url=address, trust_env=False) as http,
    ):
        assert http.get("/v1/health/ready").status_code == 200
        assert http.get("/v1/markets").status_code == 404
        assert set(http.get("/openapi.json").json()["paths"]) >= {"/v1/health/live"}


def test_other_sites_read_only_where_the_owner_says_so(stocked: Site, tmp_path: Path) -> None:
    origin = "https://example.org"
    with made_site(tmp_path, stocked.url, api_origins=(origin,)) as opened:
        asked = opened.http.get("/v1/markets", headers={"Origin": origin})
        assert asked.headers["access-control-allow-origin"] == origin
        other = opened.http.get("/v1/markets", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in other.headers


def test_config_names_addresses_as_the_browser_reaches_them(stocked: Site, tmp_path: Path) -> None:
    found = stocked.http.get("/v1/config", headers={"Host": "127.0.0.1:5000"}).json()
    assert found["stream_url"] == "ws://127.0.0.1:8766"
    assert (found["dagster_url"], found["grafana_url"]) == ("http://127.0.0.1:3001", None)
    choices = {
        "public_stream_url": "wss://data.example.org/stream",
        "public_grafana_url": "https://grafana.example.org/g",
        "api_hosts": ("data.example.org",),
    }
    with made_site(tmp_path, stocked.url, **choices) as named:
        found = named.http.get("/v1/config", headers={"Host": "data.example.org"})
        assert found.json()["stream_url"] == "wss://data.example.org/stream"
        policy = found.headers["content-security-policy"]
        assert "connect-src 'self' wss://data.example.org;" in policy
        assert "frame-src 'self' https://grafana.example.org;" in policy


def test_the_dashboard_is_served_at_every_address_that_is_not_the_apis(
    stocked: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "PLACES", (tmp_path / "none",))
    missing = stocked.get("/live")
    assert "make dashboard" in missing.text
    built = tmp_path / "static"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text("<p>the dashboard</p>")
    (built / "assets" / "app-1234.js").write_text("let a = 1;" * 200)
    (tmp_path / "secret.txt").write_text("secret")
    monkeypatch.setattr(pages, "PLACES", (built,))
    for path in ("/", "/live", "/coverage/kraken/BTC_USD"):
        page = stocked.get(path)
        assert page.text == "<p>the dashboard</p>" and page.headers["cache-control"] == "no-cache"
        assert page.headers["content-type"] == "text/html; charset=utf-8"
    script = stocked.get("/assets/app-1234.js")
    assert "immutable" in script.headers["cache-control"]
    assert script.headers["content-type"].startswith("text/javascript")
    assert script.headers["content-encoding"] == "gzip"
    assert stocked.get("/assets/app-9999.js", 404).json()["hint"]
    assert stocked.get("/v1/live", 404).json()["status"] == 404
    for path in ("/..%2Fsecret.txt", "/%2e%2e/secret.txt", "/assets/..%2F..%2Fsecret.txt"):
        assert stocked.http.get(path).text != "secret"
