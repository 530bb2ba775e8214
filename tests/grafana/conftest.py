"""One filled database for all queries, entered as the role that only reads, as Grafana does."""

from collections.abc import Iterator

import pytest

from alphapulse.migrate import migrate
from alphapulse.store.connect import Store, connect
from tests.conftest import made_database
from tests.grafana.stage import fill
from tests.roled import roled


@pytest.fixture(scope="module")
def reader(server_url: str, template: str | None) -> Iterator[Store]:
    with made_database(server_url, template) as url:
        with connect(url, "test") as owner:
            migrate(owner)
            fill(owner)
        with roled(url) as logins, connect(logins.reader, "test grafana") as store:
            yield store
