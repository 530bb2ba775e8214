from pathlib import Path
from urllib.parse import quote

import pytest

from alphapulse.telling.channel import Undelivered
from alphapulse.telling.mail import Mail
from alphapulse.telling.message import Untold
from tests.alphapulse.telling import mailbox
from tests.alphapulse.telling.mailbox import (
    PASSWORD,
    USER,
    Desk,
    box_of,
    client_side,
    mail_server,
    port_of,
    server_side,
)
from tests.alphapulse.telling.told import NOON, alert, message

certificate = mailbox.certificate

LOGIN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"
TO = ("bob@example.org", "carol@example.org")


def mail(desk: Desk, scheme: str = "smtp", login: str = "", tls: Path | None = None) -> Mail:
    url = f"{scheme}://{login}127.0.0.1:{port_of(desk)}"
    return Mail(url, "alphapulse@example.org", TO, client_side(tls) if tls else None)


def test_a_letter_is_plain_text_from_and_to_whom_the_settings_say() -> None:
    with mail_server() as desk:
        mail(desk).send(message())
    (letter,) = box_of(desk).letters
    assert letter["Subject"] == "[warning] a is wrong"
    assert (letter["From"], letter["To"]) == ("alphapulse@example.org", ", ".join(TO))
    assert letter.get_content_type() == "text/plain"
    assert "look at a" in letter.get_content() and "http://d/x" in letter.get_content()
    assert letter["Message-ID"].endswith("@example.org>")
    assert letter["Auto-Submitted"] == "auto-generated"


def test_the_end_joins_the_thread_of_the_raise() -> None:
    with mail_server() as desk:
        raised = message()
        mail(desk).send(raised)
        ended = Untold(7, alert("a"), NOON, NOON, "repaired", raised.reference, NOON)
        mail(desk).send(message(ended))
    first, second = box_of(desk).letters
    assert second["In-Reply-To"] == second["References"] == first["Message-ID"]
    assert second["Subject"] == "[resolved] a is wrong"
    assert first["References"] is None


def test_it_logs_in_after_starttls(certificate: Path) -> None:
    with mail_server(server_side(certificate)) as desk:
        mail(desk, login=LOGIN, tls=certificate).send(message())
    box = box_of(desk)
    assert (box.logins, box.was_encrypted) == ([(USER, PASSWORD)], [True])


def test_it_speaks_tls_from_the_start(certificate: Path) -> None:
    with mail_server(server_side(certificate), smtps=True) as desk:
        mail(desk, "smtps", LOGIN, certificate).send(message())
    assert box_of(desk).logins == [(USER, PASSWORD)]
    assert len(box_of(desk).letters) == 1


def test_a_certificate_that_nobody_signed_is_not_trusted(certificate: Path) -> None:
    with (
        mail_server(server_side(certificate)) as desk,
        pytest.raises(Undelivered, match="CERTIFICATE_VERIFY_FAILED"),
    ):
        mail(desk, login=LOGIN).send(message())
    assert box_of(desk).logins == []


def test_a_wrong_password_is_said_and_not_shown(certificate: Path) -> None:
    wrong = f"{quote(USER, safe='')}:wr0ng@"
    with (
        mail_server(server_side(certificate)) as desk,
        pytest.raises(Undelivered, match="SMTPAuthenticationError") as e,
    ):
        mail(desk, login=wrong, tls=certificate).send(message())
    assert "wr0ng" not in str(e.value) and USER not in str(e.value)
    assert box_of(desk).letters == []


def test_no_password_goes_in_the_clear_to_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("alphapulse.telling.mail.is_here", lambda _: False)
    with (
        mail_server() as desk,
        pytest.raises(Undelivered, match="offers no STARTTLS"),
    ):
        mail(desk, login=LOGIN).send(message())
    assert box_of(desk).logins == []


def test_what_the_server_refuses_is_said_in_its_words() -> None:
    with mail_server() as desk:
        box_of(desk).refusal = "451 greylisted, come back"
        with pytest.raises(Undelivered, match="greylisted"):
            mail(desk).send(message())
        mail(desk).send(message())
    assert len(box_of(desk).letters) == 1


def test_nobody_there_is_said_so() -> None:
    with pytest.raises(Undelivered, match=r"smtp://127\.0\.0\.1:1: ConnectionRefusedError"):
        Mail("smtp://u:pw@127.0.0.1:1", "a@b", TO).send(message())


def test_a_title_from_outside_adds_no_header() -> None:
    with mail_server() as desk:
        odd = alert("a", title="BTC\r\nBcc: eve@example.org is silent")
        mail(desk).send(message(Untold(7, odd, NOON)))
    (letter,) = box_of(desk).letters
    assert letter["Bcc"] is None
