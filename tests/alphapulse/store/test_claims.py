"""One writer per exchange."""

import pytest

from alphapulse.store.claims import AlreadyCollected, claim
from alphapulse.store.connect import connect


def test_a_second_collector_is_refused_and_told_who_holds_the_exchange(database_url: str) -> None:
    with connect(database_url, "collector kraken, pid 7 on moon") as first:
        claim(first, "kraken")
        with connect(database_url, "second") as second:
            words = rf"collector kraken, pid 7 on moon \(server process {first.info.backend_pid}"
            with pytest.raises(AlreadyCollected, match=words):
                claim(second, "kraken")
            claim(second, "coinbase")
    with connect(database_url, "third") as third:
        claim(third, "kraken")


def test_the_same_exchange_in_another_database_is_free(database_url: str, server_url: str) -> None:
    with connect(database_url, "one") as one, connect(server_url, "other") as other:
        claim(one, "kraken")
        claim(other, "kraken")


def test_a_lost_connection_of_ours_that_the_server_still_keeps_is_ended(database_url: str) -> None:
    with connect(database_url, "collector") as former:
        claim(former, "kraken")
        with connect(database_url, "collector") as later:
            claim(later, "kraken", former.info.backend_pid)
            with pytest.raises(Exception, match=r"terminat|closed"):
                former.execute("SELECT 1")
            former.close()


def test_nobody_else_is_ended(database_url: str) -> None:
    """Whatever process number we remember: it may be another's by now."""
    with connect(database_url, "another collector") as holder:
        claim(holder, "kraken")
        with connect(database_url, "collector") as later, pytest.raises(AlreadyCollected):
            claim(later, "kraken", holder.info.backend_pid)
        with connect(database_url, "another collector") as later, pytest.raises(AlreadyCollected):
            claim(later, "kraken", holder.info.backend_pid + 1)
        holder.execute("SELECT 1")
