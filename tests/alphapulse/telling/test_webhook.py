import logging
from threading import Event

import pytest

from alphapulse.alerts import Severity
from alphapulse.telling.channel import Undelivered, send_within
from alphapulse.telling.message import Untold
from alphapulse.telling.webhook import Webhook
from tests.alphapulse.telling.post import SECRET, post_office
from tests.alphapulse.telling.told import NOON, alert, message


def test_a_message_is_slacks_json_and_plain_fields() -> None:
    with post_office() as there:
        told = alert("a", Severity.CRITICAL, "<BTC> & co are silent")
        Webhook(there.url).send(message(Untold(7, told, NOON)))
    (got,) = there.taken
    assert got["text"] == "[critical] &lt;BTC&gt; &amp; co are silent"
    assert [block["type"] for block in got["blocks"]] == ["section", "section"]
    assert "look at a" in got["blocks"][1]["text"]["text"]
    fields = got["alphapulse"]
    assert (fields["kind"], fields["simulated"], fields["held"]) == ("raised", False, 0)
    (one,) = fields["alerts"]
    assert (one["key"], one["severity"], one["link"]) == ("a", "critical", "http://d/x")
    assert (one["since"], one["resolved_at"]) == ("2026-11-28T12:00:00Z", None)


def test_a_long_message_fits_slacks_blocks() -> None:
    many = [Untold(n, alert(f"market {n} " + "x" * 300), NOON) for n in range(40)]
    with post_office() as there:
        Webhook(there.url).send(message(*many))
    (got,) = there.taken
    assert all(len(block["text"]["text"]) < 3000 for block in got["blocks"])
    assert len(got["alphapulse"]["alerts"]) == 40


@pytest.mark.parametrize("status", [200, 201, 204])
def test_any_2xx_took_it(status: int) -> None:
    with post_office() as there:
        there.answers.append((status, {}))
        Webhook(there.url).send(message())
        assert len(there.taken) == 1


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_what_is_refused_is_said_without_the_secret(status: int) -> None:
    with post_office() as there:
        there.answers.append((status, {}))
        with pytest.raises(Undelivered, match=f"127.0.0.1:{there.server_port}: HTTP {status}") as e:
            Webhook(there.url).send(message())
    assert SECRET not in str(e.value) and e.value.seconds is None


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with post_office() as there, post_office() as elsewhere:
        there.answers.append((status, {"Location": elsewhere.url}))
        with pytest.raises(Undelivered, match="redirects are not followed"):
            Webhook(there.url).send(message())
        assert elsewhere.asked == []


@pytest.mark.parametrize(("header", "seconds"), [("90", 90.0), ("", None), ("soon", None)])
def test_a_busy_one_says_how_long_to_wait(header: str, seconds: float | None) -> None:
    with post_office() as there:
        there.answers.append((429, {"Retry-After": header}))
        with pytest.raises(Undelivered) as e:
            Webhook(there.url).send(message())
    assert e.value.seconds == seconds


def test_a_date_to_wait_for_that_has_passed_is_no_wait() -> None:
    with post_office() as there:
        there.answers.append((429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}))
        with pytest.raises(Undelivered) as e:
            Webhook(there.url).send(message())
    assert e.value.seconds == 0.0


def test_nobody_there_is_said_so() -> None:
    with pytest.raises(Undelivered, match=r"http://127\.0\.0\.1:1: ConnectError"):
        Webhook("http://127.0.0.1:1/secret").send(message())


def test_a_slow_one_holds_nobody_up() -> None:
    with post_office() as there:
        there.slow = Event()
        webhook = Webhook(there.url)
        webhook.seconds = 0.2
        with pytest.raises(Undelivered, match=r"no end after 0\.2 s"):
            send_within(webhook, message())


def test_no_log_tells_the_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with post_office() as there:
        there.answers += [(200, {}), (500, {})]
        Webhook(there.url).send(message())
        with pytest.raises(Undelivered):
            Webhook(there.url).send(message())
    assert SECRET not in caplog.text
