"""Places to back up to, a house to back up, and an empty database to restore into."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from alphapulse.backup.vault import Folder, Vault, open_vault
from tests.alphapulse.backup.stage import Stage, another_database, furnish
from tests.s3 import BUCKET, s3_server


@pytest.fixture(scope="session")
def s3() -> Iterator[dict[str, str]]:
    with s3_server() as environment:
        yield environment


@pytest.fixture
def bucket(s3: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Vault:
    """A prefix of its own in the bucket."""
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    return open_vault(f"s3://{BUCKET}/{uuid4().hex}", s3)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    (tmp_path / "backups").mkdir()
    return Folder(tmp_path / "backups")


@pytest.fixture(params=["folder", "bucket"])
def vault(request: pytest.FixtureRequest) -> Vault:
    found: Vault = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def stage(tmp_path: Path, database_url: str) -> Stage:
    made = Stage(tmp_path / "home", database_url)
    furnish(made)
    return made


@pytest.fixture
def another(server_url: str) -> Iterator[str]:
    """The address of an empty database, beside the one that is backed up."""
    with another_database(server_url) as url:
        yield url
