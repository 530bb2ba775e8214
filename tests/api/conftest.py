"""One API on a real socket for each file of tests, over a database and a home of its own."""

import asyncio
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Struct
from msgspec.structs import replace

from alphapulse.migrate import migrate
from alphapulse.settings import Settings
from alphapulse.store.connect import Store, connect
from api.app import make_app
from api.context import House, Remembered
from api.kept import Kept
from api.server import Quiet, configured, listen
from tests.conftest import made_database

# What the layout of trades does not touch is not asked a second time, on CI's other server.
ASKED_ONCE = pytest.mark.skipif(
    os.environ.get("REQUIRE_LAYOUT") == "hypertable", reason="tested on the first server"
)
TOKEN = "a-token-of-the-tests"


class Site(Struct, frozen=True):
    """A running API, its client, and a writing connection to what it reads."""

    http: httpx.Client
    store: Store
    settings: Settings
    url: str
    house: House

    def get(self, path: str, status: int = 200, **query: Any) -> httpx.Response:
        named = {name.rstrip("_"): str(value) for name, value in query.items()}
        found = self.http.get(path, params=named)
        assert found.status_code == status, found.text
        return found

    def forget(self) -> None:
        """Answers of the last second are not shared with what comes, and nothing is kept."""
        self.house.cache.kept.clear()
        self.house.remembered = Remembered(-1, 0.0, Kept())
        self.house.known = (0.0, {})


@contextmanager
def serving(
    settings: Settings, url: str, seconds: float = 10.0, only: str | None = None
) -> Iterator[tuple[str, House]]:
    """The application on a free port, in a thread; gives its address."""
    house = House(settings, url, seconds)
    door = listen("127.0.0.1", 0)
    server = Quiet(configured(make_app(house, only)))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[door])))
    thread.start()
    try:
        yield f"http://127.0.0.1:{door.getsockname()[1]}", house
    finally:
        server.should_exit = True
        thread.join(20)
        house.close()
        door.close()
    assert not thread.is_alive()


@pytest.fixture(scope="module")
def module_database(server_url: str, template: str | None) -> Iterator[str]:
    with made_database(server_url, template) as url:
        if template is None:
            with connect(url, "test") as store:
                migrate(store)
        yield url


@pytest.fixture(scope="module")
def site(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("home")
    with made_site(home, module_database) as found:
        yield found


@contextmanager
def made_site(home: Path, url: str, **choices: object) -> Iterator[Site]:
    settings = Settings(home=home, api_token=TOKEN, api_requests_per_second=0)
    settings = replace(settings, **choices)
    with (
        connect(url, "test") as store,
        serving(settings, url) as (address, house),
        httpx.Client(base_url=address, trust_env=False, timeout=30) as http,
    ):
        yield Site(http, store, settings, url, house)
