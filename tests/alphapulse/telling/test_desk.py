"""Alerts in a real store, told over real sockets: once each, whatever fails or dies."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from alphapulse.alerts import Alert
from alphapulse.store.alerts import now_of, observe
from alphapulse.store.connect import Store, connect
from alphapulse.store.messages import channels
from alphapulse.telling.channel import Channel, Undelivered
from alphapulse.telling.desk import Outcome, Rules, tell
from alphapulse.telling.log import Log
from alphapulse.telling.mail import Mail
from alphapulse.telling.message import Message
from alphapulse.telling.webhook import Webhook
from tests.alphapulse.telling.mailbox import box_of, mail_server, port_of
from tests.alphapulse.telling.post import post_office
from tests.alphapulse.telling.told import alert
from tests.conftest import ROOT

RULES = Rules()


class Broken:
    """A channel that takes nothing."""

    name = "broken"
    seconds = 5.0

    def send(self, message: Message) -> None:
        raise Undelivered(f"it does not take {message.kind}")


def raise_them(store: Store, *keys: str, at: datetime | None = None) -> None:
    observe(store, "test", [alert(key) for key in keys], now=at)


def due_now(store: Store) -> None:
    """The pause after a failure is over."""
    store.execute("UPDATE alert_channels SET next_at = '-infinity'")


def messages(done: list[Outcome]) -> list[int]:
    return [one.messages for one in done]


def test_an_alert_is_told_once_and_its_end_once(store: Store) -> None:
    with post_office() as there:
        by: list[Channel] = [Webhook(there.url)]
        raise_them(store, "a")
        assert messages(tell(store, by, RULES)) == [1]
        raise_them(store, "a")
        assert messages(tell(store, by, RULES)) == [0]
        raise_them(store)
        assert messages(tell(store, by, RULES)) == [1]
        assert messages(tell(store, by, RULES)) == [0]
    assert there.subjects == ["[warning] a is wrong", "[resolved] a is wrong"]


def test_webhook_mail_and_log_tell_the_same_each_once(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with post_office() as there, mail_server() as desk:
        letters = Mail(f"smtp://127.0.0.1:{port_of(desk)}", "a@example.org", ("b@example.org",))
        by: list[Channel] = [Log(), Webhook(there.url), letters]
        for keys in (["a"], ["a"], []):
            raise_them(store, *keys)
            tell(store, by, RULES)
        first, second = box_of(desk).letters
    assert there.subjects == [first["Subject"], second["Subject"]]
    assert second["References"] == first["Message-ID"]
    assert caplog.text.count("[warning] a is wrong") == 1


def test_what_flaps_is_told_once(store: Store) -> None:
    with post_office() as there:
        by: list[Channel] = [Webhook(there.url)]
        start = now_of(store)
        for second in range(0, 100, 20):
            found = [alert("a")] if second % 40 == 0 else []
            at = start + timedelta(seconds=second)
            observe(store, "test", found, damping=60, now=at)
            tell(store, by, RULES)
        assert there.subjects == ["[warning] a is wrong"]
        for second in (100, 160):
            observe(store, "test", [], damping=60, now=start + timedelta(seconds=second))
            tell(store, by, RULES)
    assert there.subjects == ["[warning] a is wrong", "[resolved] a is wrong"]


def test_the_same_wrong_again_is_told_again(store: Store) -> None:
    with post_office() as there:
        by: list[Channel] = [Webhook(there.url)]
        for keys in (["a"], [], ["a"]):
            raise_them(store, *keys)
            tell(store, by, RULES)
    assert there.subjects[0] == there.subjects[2] == "[warning] a is wrong"


def test_many_in_one_round_are_one_message(store: Store) -> None:
    with post_office() as there:
        raise_them(store, *(f"market {n}" for n in range(40)))
        assert tell(store, [Webhook(there.url)], RULES)[0].alerts == 40
    assert len(there.taken) == 1
    assert len(there.taken[0]["alphapulse"]["alerts"]) == 40


def test_one_channels_failure_costs_no_other_and_is_tried_again(store: Store) -> None:
    with post_office() as there, post_office() as other:
        other_hook = Webhook(other.url)
        other_hook.name = "other"
        by: list[Channel] = [Webhook(there.url), other_hook]
        there.answers += [(500, {}), (503, {})]
        raise_them(store, "a")
        failed, taken = tell(store, by, RULES)
        assert failed.error and "HTTP 500" in failed.error
        assert (taken.messages, other.subjects) == (1, ["[warning] a is wrong"])
        assert tell(store, by, RULES)[0].error is None, "it waits"
        assert len(there.asked) == 1
        due_now(store)
        tell(store, by, RULES)
        due_now(store)
        tell(store, by, RULES)
    assert there.subjects == ["[warning] a is wrong"] and len(there.asked) == 3
    assert other.subjects == ["[warning] a is wrong"]
    (other_row, webhook) = channels(store)
    assert (webhook.attempts, webhook.failures, webhook.error) == (0, 2, None)
    assert other_row.failures == 0


def test_what_a_busy_channel_asks_for_is_kept(store: Store) -> None:
    with post_office() as there:
        there.answers.append((429, {"Retry-After": "1200"}))
        raise_them(store, "a")
        tell(store, [Webhook(there.url)], RULES)
    (webhook,) = channels(store)
    assert webhook.next_at and webhook.next_at - now_of(store) > timedelta(seconds=1100)


def test_a_channel_that_stays_broken_is_an_alert_for_the_others(store: Store) -> None:
    with post_office() as there:
        by: list[Channel] = [Broken(), Webhook(there.url)]
        raise_them(store, "a")
        for _ in range(4):
            due_now(store)
            tell(store, by, RULES)
    assert there.subjects == ["[warning] a is wrong", "[warning] the broken takes no alerts"]


def test_more_than_the_limit_waits_and_is_counted_in_the_next(store: Store) -> None:
    few = Rules(per_hour=3)
    with post_office() as there:
        by: list[Channel] = [Webhook(there.url)]
        for n in range(6):
            observe(store, f"watch {n}", [alert(f"a{n}")])
            done = tell(store, by, few)
        assert (done[0].messages, done[0].held, len(there.taken)) == (0, 3, 3)
        store.execute("UPDATE alert_messages SET sent_at = sent_at - interval '2 hours'")
        tell(store, by, few)
    assert there.taken[3]["alphapulse"]["held"] == 3
    assert [one["key"] for one in there.taken[3]["alphapulse"]["alerts"]] == ["a3", "a4", "a5"]
    assert channels(store)[0].held == 0


def test_what_was_over_before_a_channel_worked_is_told_as_over(store: Store) -> None:
    with post_office() as there:
        there.answers.append((500, {}))
        by: list[Channel] = [Webhook(there.url)]
        raise_them(store, "a")
        tell(store, by, RULES)
        raise_them(store)
        due_now(store)
        tell(store, by, RULES)
    assert there.subjects == ["[resolved] a is wrong"]
    assert "before this could be told" in there.taken[0]["blocks"][1]["text"]["text"]


def test_a_new_channel_tells_what_stands_and_nothing_of_the_past(store: Store) -> None:
    raise_them(store, "old")
    raise_them(store, "standing")
    with post_office() as there:
        tell(store, [Webhook(there.url)], RULES)
    assert there.subjects == ["[warning] standing is wrong"]


def test_what_stands_for_long_is_told_again_if_the_owner_wants(store: Store) -> None:
    with post_office() as there:
        by: list[Channel] = [Webhook(there.url)]
        raise_them(store, "a")
        tell(store, by, Rules(remind=3600))
        store.execute("UPDATE alert_told SET told_at = told_at - interval '2 hours'")
        tell(store, by, RULES)
        assert len(there.taken) == 1
        tell(store, by, Rules(remind=3600))
        tell(store, by, Rules(remind=3600))
    assert there.subjects == ["[warning] a is wrong", "[still] a is wrong"]


def test_several_processes_at_once_tell_each_alert_once(store: Store, database_url: str) -> None:
    with post_office() as there:

        def work(worker: int) -> None:
            with connect(database_url, f"teller {worker}") as mine:
                for n in range(8):
                    found = [alert(f"a{k}") for k in range(n + 1)]
                    observe(mine, "test", found, judged=[one.key for one in found])
                    tell(mine, [Webhook(there.url)], Rules(per_hour=1000))

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(work, range(4)))
        tell(store, [Webhook(there.url)], Rules(per_hour=1000))
    told = [one["key"] for message in there.taken for one in message["alphapulse"]["alerts"]]
    assert sorted(told) == [f"a{n}" for n in range(8)]


DYING = """
import os, signal, sys
from alphapulse.store.connect import connect
from alphapulse.telling import desk
from alphapulse.telling.webhook import Webhook

url, hook, when = sys.argv[1:]
def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)
class Dying(Webhook):
    def send(self, message):
        if when == "after":
            super().send(message)
        die()
with connect(url, "dying") as store:
    desk.tell(store, [Dying(hook)], desk.Rules())
"""


@pytest.mark.parametrize(("when", "copies"), [("before", 1), ("after", 2)])
def test_killed_while_telling_it_is_told_by_the_next(
    store: Store, database_url: str, when: str, copies: int
) -> None:
    """Before it was sent: once. Between sending and noting: twice, under one reference."""
    with post_office() as there:
        raise_them(store, "a")
        done = subprocess.run(
            [sys.executable, "-c", DYING, database_url, there.url, when],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
            timeout=60,
            check=False,
        )
        assert done.returncode == -signal.SIGKILL
        wait_for_its_end(store)
        assert messages(tell(store, [Webhook(there.url)], RULES)) == [1]
        assert messages(tell(store, [Webhook(there.url)], RULES)) == [0]
    assert there.subjects == ["[warning] a is wrong"] * copies
    assert len({message["alphapulse"]["reference"] for message in there.taken}) == 1


def wait_for_its_end(store: Store) -> None:
    """The server notices within moments that the dead process's connection is closed."""
    query = (
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = %s"
    )
    store.execute(query, ["alphapulse dying"])


def test_an_alert_that_needs_patience_is_told_when_it_has_held(store: Store) -> None:
    slow = Alert("a", alert("a").severity, "a is wrong", "", now_of(store), patience=30)
    with post_office() as there:
        start = now_of(store)
        observe(store, "test", [slow], now=start)
        assert messages(tell(store, [Webhook(there.url)], RULES)) == [0]
        observe(store, "test", [slow], now=start + timedelta(seconds=30))
        assert messages(tell(store, [Webhook(there.url)], RULES)) == [1]
