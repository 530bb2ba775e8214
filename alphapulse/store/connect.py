"""Connections to the store. Whoever only reads gets a connection that cannot write."""

from typing import Any, TypeAlias

import psycopg
from psycopg import Connection

Store: TypeAlias = Connection[tuple[Any, ...]]

TIMEOUT = 10  # seconds to wait for a connection


class StoreUnavailable(ConnectionError):
    """PostgreSQL does not answer or went away: wait and connect again, nothing was half-written."""


def connect(
    url: str, program: str, *, read_only: bool = False, most_seconds: float | None = None
) -> Store:
    """Open an autocommit connection that says who it is; raises StoreUnavailable.

    `most_seconds`: that one statement may take; then PostgreSQL cancels it.
    """
    options = "-c timezone=UTC -c datestyle=ISO"
    if most_seconds is not None:
        options += f" -c statement_timeout={round(most_seconds * 1000)}"
    if read_only:
        options += " -c default_transaction_read_only=on -c idle_in_transaction_session_timeout=60s"
    try:
        return psycopg.connect(
            url,
            autocommit=True,
            application_name=f"alphapulse {program}",
            connect_timeout=TIMEOUT,
            options=options,
            keepalives_idle=10,
            keepalives_interval=5,
            keepalives_count=3,
            tcp_user_timeout=30_000,  # milliseconds that sent bytes may stay unacknowledged
        )
    except psycopg.OperationalError as failure:
        raise StoreUnavailable(f"cannot reach PostgreSQL: {failure}") from failure
