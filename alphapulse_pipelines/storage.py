"""Dagster's storage in PostgreSQL, which keeps its connections.

dagster-postgres opens a connection for each statement, and several for each event, which was half
of a nightly export's time (docs/performance.md). Its web server keeps one, a run does not.
"""

from collections.abc import Mapping
from typing import Any, Self

from dagster._serdes import ConfigurableClassData
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
)
from dagster_postgres.utils import create_pg_engine, pg_url_from_config
from sqlalchemy.engine import Engine


def keeping(url: str) -> Engine:
    """A few connections; more while threads need them. One that died is replaced before its use."""
    return create_pg_engine(
        url,
        isolation_level="AUTOCOMMIT",
        pool_size=3,
        max_overflow=-1,
        pool_pre_ping=True,
    )


class KeepingEvents(PostgresEventLogStorage):
    """The event log. Tables are not dropped under a running instance: those once seen are there."""

    _seen: frozenset[str] = frozenset()

    def has_table(self, table_name: str) -> bool:
        if table_name not in self._seen and super().has_table(table_name):
            self._seen |= {table_name}
        return table_name in self._seen


class KeepingStorage(DagsterPostgresStorage):
    """Takes the configuration of `storage: postgres`."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data)
        self._event_log_storage = KeepingEvents(postgres_url, should_autocreate_tables)
        kept = keeping(postgres_url)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = kept  # noqa: SLF001, as their own optimize_for_webserver does

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> Self:
        url = pg_url_from_config(config_value)
        return cls(url, config_value.get("should_autocreate_tables", True), inst_data)
