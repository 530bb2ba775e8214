from pathlib import Path

import pytest

from alphapulse.postgres import PostgresError
from alphapulse.settings import Settings
from alphapulse_pipelines.house import house_of


def test_the_owners_database_is_taken_as_given(tmp_path: Path) -> None:
    house = house_of(Settings(home=tmp_path, database_url="postgresql://db/alphapulse"))
    assert house.url() == "postgresql://db/alphapulse"
    assert (house.parquet, house.archive) == (tmp_path / "parquet", tmp_path / "market_data.duckdb")


def test_an_embedded_server_is_not_started_from_here(tmp_path: Path) -> None:
    house = house_of(Settings(home=tmp_path))
    with pytest.raises(PostgresError):
        house.url()
    assert not list(tmp_path.iterdir())
