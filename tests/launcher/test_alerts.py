"""`alphapulse alerts` as a user meets it."""

import json
from pathlib import Path

from alphapulse.alerts import Severity
from alphapulse.store.alerts import observe
from alphapulse.store.connect import Store
from tests.alphapulse.telling.mailbox import box_of, mail_server, port_of
from tests.alphapulse.telling.post import SECRET, post_office
from tests.alphapulse.telling.told import alert
from tests.launcher.stage import environment, run


def test_it_lists_what_is_wrong_the_worst_first(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    env = environment(tmp_path, database_url=database_url)
    quiet = run(env, "alerts")
    assert (quiet.returncode, quiet.stdout) == (0, "nothing is wrong\n")
    observe(store, "test", [alert("a"), alert("b", Severity.CRITICAL)])
    text = run(env, "alerts")
    assert text.returncode == 1
    assert text.stdout.index("b is wrong") < text.stdout.index("a is wrong")
    assert "since 2026-11-28 12:00:00 UTC   http://d/x" in text.stdout
    facts = json.loads(run(env, "alerts", "--json").stdout)
    assert [one["key"] for one in facts["alerts"]] == ["b", "a"]


def test_a_test_message_goes_by_each_channel_and_says_what_came_of_it(
    database_url: str, tmp_path: Path
) -> None:
    with post_office() as there, mail_server() as desk:
        env = environment(
            tmp_path,
            database_url=database_url,
            alert_webhook=there.url,
            alert_smtp=f"smtp://127.0.0.1:{port_of(desk)}",
            alert_mail_to='["owner@example.org", "night@example.org"]',
        )
        done = run(env, "alerts", "--test")
        assert (done.returncode, done.stdout.split("\n")[:3]) == (
            0,
            ["log       delivered", "webhook   delivered", "mail      delivered"],
        )
        assert there.subjects == box_of(desk).subjects == ["AlphaPulse: a test of this channel"]
        assert box_of(desk).letters[0]["To"] == "owner@example.org, night@example.org"
        there.answers.append((404, {}))
        failed = run(env, "alerts", "--test")
    assert failed.returncode == 1
    assert "webhook   NOT delivered: http://127.0.0.1" in failed.stdout
    assert SECRET not in failed.stdout + failed.stderr


def test_without_a_channel_it_says_what_to_set(database_url: str, tmp_path: Path) -> None:
    done = run(environment(tmp_path, database_url=database_url), "alerts", "--test")
    assert done.returncode == 0
    assert "ALPHAPULSE_ALERT_WEBHOOK" in done.stdout


def test_an_address_that_cannot_be_refuses_to_start_and_is_not_shown(tmp_path: Path) -> None:
    done = run(environment(tmp_path, alert_smtp="mail://user:s3cret@host"), "alerts")
    assert done.returncode == 1
    assert "alert_smtp: it must begin with smtp:// or smtps://" in done.stderr
    assert "s3cret" not in done.stderr
