"""From a hole in an exchange's ids to a message at its end, all of it real: replay's exchange, the
store, Dagster's sensors and runs, and servers that take the messages.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
import pytest

from alphapulse.migrate import migrate
from alphapulse.store.connect import Store, connect
from alphapulse.store.gaps import report
from alphapulse.trade import Gap, Market
from alphapulse_pipelines.build import build_definitions
from alphapulse_pipelines.house import House
from alphapulse_pipelines.repairing import open_gaps
from alphapulse_pipelines.telling import tell_alerts
from tests.alphapulse.telling.mailbox import Box, box_of, mail_server, port_of
from tests.alphapulse.telling.post import Post, post_office
from tests.alphapulse_pipelines.watched import ends, house_at, keys, look
from tests.collectors.past import SYMBOLS, Past, past
from tests.collectors.stage import stored_rows, tape_rows

AGED = "UPDATE gaps SET found_at = found_at - interval '20 minutes'"


@pytest.fixture
def simulated_url(empty_database: str) -> str:
    with connect(empty_database, "test") as store:
        migrate(store, simulated=True)
    return empty_database


@contextmanager
def platform(home: Path, url: str, replay: Past) -> Iterator[tuple[House, Post, Box]]:
    """A house whose alerts go to a webhook and a mail server of ours."""
    with post_office() as there, mail_server() as desk:
        house = house_at(
            home,
            url,
            simulated=True,
            endpoints={name: replay.endpoint(name) for name in replay.tapes},
            alert_webhook=there.url,
            alert_smtp=f"smtp://127.0.0.1:{port_of(desk)}",
            alert_mail_to=("owner@example.org",),
        )
        yield house, there, box_of(desk)


def whole(replay: Past, name: str) -> Gap:
    """All that the exchange traded, but for its first and last trade."""
    tape = list(replay.tape(name))
    first, last = tape[0], tape[-1]
    market = Market(name, SYMBOLS[name])
    return Gap(market, first.id, first.traded_at, last.id, last.traded_at)


def run(house: House, instance: dg.DagsterInstance, found: dg.SensorResult) -> bool:
    (request,) = found.run_requests or []
    job = build_definitions(house.settings, house).resolve_job_def("repair_gaps")
    return job.execute_in_process(
        instance=instance,
        run_config=dict(request.run_config),
        tags=dict(request.tags),
        raise_on_error=False,
    ).success


@pytest.mark.parametrize("name", ["coinbase", "kraken"])
def test_a_gap_is_told_repaired_by_a_run_and_told_to_be_over_once_each(
    tmp_path: Path, simulated_url: str, instance: dg.DagsterInstance, name: str
) -> None:
    with (
        past(name, trades=300) as replay,
        connect(simulated_url, "test") as store,
        platform(tmp_path / "home", simulated_url, replay) as (house, there, box),
    ):
        report(store, whole(replay, name), "sequence hole")
        young = look(open_gaps, house, instance)
        assert young.run_requests == [] and keys(store) == []
        store.execute(AGED)
        asked = look(open_gaps, house, instance, young.cursor)
        assert keys(store) == ["gap/1"]
        tell_twice(house, instance)
        assert run(house, instance, asked)
        assert len(stored_rows(store, name, SYMBOLS[name])) >= 298
        assert set(stored_rows(store, name, SYMBOLS[name])) <= set(
            tape_rows(replay, name, SYMBOLS[name])
        )
        done = look(open_gaps, house, instance, asked.cursor)
        assert done.run_requests == [] and keys(store) == []
        tell_twice(house, instance)
    market = Market(name, SYMBOLS[name]).key
    subjects = [
        f"SIMULATED [warning] a gap of {market} is open",
        f"SIMULATED [resolved] a gap of {market} is open",
    ]
    assert there.subjects == subjects
    assert box.subjects == subjects
    assert box.letters[1]["References"] == box.letters[0]["Message-ID"]


def tell_twice(house: House, instance: dg.DagsterInstance) -> None:
    for _ in range(2):
        look(tell_alerts, house, instance)


def test_a_hole_that_the_exchange_has_too_ends_as_absent(
    tmp_path: Path, simulated_url: str, instance: dg.DagsterInstance
) -> None:
    with (
        past("coinbase", trades=300) as replay,
        connect(simulated_url, "test") as store,
        platform(tmp_path / "home", simulated_url, replay) as (house, _, _),
    ):
        replay.lose("coinbase", 100, 7)
        report(store, whole(replay, "coinbase"), "sequence hole")
        store.execute(AGED)
        asked = look(open_gaps, house, instance)
        assert run(house, instance, asked)
        look(open_gaps, house, instance, asked.cursor)
        ((key, severity, resolution),) = ends(store)
    assert (key, severity) == ("gap/1", "warning")
    assert resolution and resolution.startswith("absent: 7 ids")


def test_a_run_that_the_exchange_refuses_fails_and_says_why(
    tmp_path: Path, simulated_url: str, instance: dg.DagsterInstance
) -> None:
    with (
        past("kraken", trades=50) as replay,
        connect(simulated_url, "test") as store,
        platform(tmp_path / "home", simulated_url, replay) as (house, _, _),
    ):
        unknown = Market("kraken", "NO/SUCH")
        report(store, Gap(unknown, 5, 1_700_000_000_000_000, 9, 1_700_000_001_000_000), "unknown")
        store.execute(AGED)
        asked = look(open_gaps, house, instance)
        assert not run(house, instance, asked)
        assert keys(store) == ["gap/1"]


def lost(store: Store) -> None:
    store.execute(
        "UPDATE gaps SET state = 'unrecoverable', note = 'the record begins later', "
        "closed_at = now()"
    )


def test_a_gap_that_is_given_up_resolves_with_that_word(
    store: Store, database_url: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    house = house_at(tmp_path, database_url)
    report(store, Gap(Market("kraken", "BTC/USD"), 5, 0, 9, 1), "sequence hole")
    store.execute(AGED)
    look(open_gaps, house, instance)
    lost(store)
    look(open_gaps, house, instance)
    assert ends(store) == [("gap/1", "warning", "unrecoverable: the record begins later")]


def test_a_gap_that_is_given_up_soon_is_told_as_a_loss(
    store: Store, database_url: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    house = house_at(tmp_path, database_url)
    report(store, Gap(Market("kraken", "BTC/USD"), 5, 0, 9, 1), "sequence hole")
    lost(store)
    for expected in (["gap/1"], [], []):
        look(open_gaps, house, instance)
        assert keys(store) == expected
    assert ends(store) == [("gap/1", "critical", "unrecoverable: the record begins later")]


def test_a_gap_that_proved_to_be_none_says_so(
    store: Store, database_url: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    house = house_at(tmp_path, database_url)
    report(store, Gap(Market("kraken", "BTC/USD"), 5, 0), "restart")
    store.execute(AGED)
    look(open_gaps, house, instance)
    store.execute("DELETE FROM gaps")
    look(open_gaps, house, instance)
    assert ends(store) == [("gap/1", "warning", "it proved to be none, or became part of another")]


def test_one_run_at_a_time_for_each_exchange(
    store: Store, database_url: str, tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    house = house_at(tmp_path, database_url)
    for exchange in ("kraken", "coinbase"):
        report(store, Gap(Market(exchange, "BTC-USD"), 5, 0, 9, 1), "sequence hole")
    store.execute(AGED)
    job = build_definitions(house.settings, house).resolve_job_def("repair_gaps")
    instance.create_run_for_job(
        job,
        run_config={"ops": {"fill_gaps": {"config": {"gaps": [1]}}}},
        status=dg.DagsterRunStatus.STARTED,
        tags={"alphapulse/rest": "kraken"},
    )
    (request,) = look(open_gaps, house, instance).run_requests or []
    assert request.tags == {"alphapulse/rest": "coinbase"}
