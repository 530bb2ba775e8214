"""A mail server of ours, on a real socket, that keeps what it gets."""

import socket
import ssl
import subprocess
from asyncio import Server
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "alice@example.org", "s3cret/pass:word"


class Box:
    """`refusal`: what is said to the next letter instead of taking it."""

    def __init__(self) -> None:
        self.letters: list[EmailMessage] = []
        self.logins: list[tuple[str, str]] = []
        self.was_encrypted: list[bool] = []
        self.refusal: str | None = None

    async def handle_DATA(  # noqa: N802 - aiosmtpd's own
        self,
        server: SMTP,  # noqa: ARG002
        session: Session,
        envelope: Envelope,
    ) -> str:
        if self.refusal:
            refusal, self.refusal = self.refusal, None
            return refusal
        assert isinstance(envelope.content, bytes)
        letter = message_from_bytes(envelope.content, _class=EmailMessage, policy=default)
        self.letters.append(letter)
        self.was_encrypted.append(session.ssl is not None)
        return "250 taken"

    def check(
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's own
        session: Session,  # noqa: ARG002
        envelope: Envelope,  # noqa: ARG002
        mechanism: str,  # noqa: ARG002
        data: object,
    ) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append((data.login.decode(), data.password.decode()))
        return AuthResult(success=self.logins[-1] == (USER, PASSWORD), handled=False)

    @property
    def subjects(self) -> list[str]:
        return [str(letter["Subject"]) for letter in self.letters]


class Desk(Controller):
    """On a port that the system chooses, which the controller's own first look would not find."""

    def _trigger_server(self) -> None:
        socket.create_connection(("127.0.0.1", port_of(self)), timeout=5).close()


@contextmanager
def mail_server(tls: ssl.SSLContext | None = None, *, smtps: bool = False) -> Iterator[Desk]:
    """`tls` offers STARTTLS, or TLS from the start; without it anybody may log in in the clear."""
    box = Box()
    desk = Desk(
        box,
        hostname="127.0.0.1",
        port=0,
        ssl_context=tls if smtps else None,
        tls_context=None if smtps else tls,
        authenticator=box.check,
        auth_require_tls=tls is not None and not smtps,
    )
    desk.start()
    try:
        yield desk
    finally:
        desk.stop()


def port_of(desk: Desk) -> int:
    assert isinstance(desk.server, Server)
    return int(desk.server.sockets[0].getsockname()[1])


def box_of(desk: Desk) -> Box:
    assert isinstance(desk.handler, Box)
    return desk.handler


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of 127.0.0.1, signed by itself; key and certificate in one file."""
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    command = ["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    key = path.with_name("key.pem")
    subprocess.run(
        [*command, "-keyout", str(key), "-out", str(path)], check=True, capture_output=True
    )
    path.write_text(path.read_text() + key.read_text())
    return path


def server_side(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def client_side(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))
