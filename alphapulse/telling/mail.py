"""A message by mail: plain text over SMTP with TLS; the end of an alert joins its rise's thread."""

import smtplib
import socket
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from ipaddress import ip_address
from urllib.parse import unquote, urlsplit

from alphapulse.telling.channel import Undelivered, redact, scrub
from alphapulse.telling.message import Message, printable

TIMEOUT = 6.0  # seconds for each answer of the server; some let a stranger wait
SUBMISSION, SUBMISSION_TLS = 587, 465


class Mail:
    """`url`: `smtp://user:password@host:587` (STARTTLS), or `smtps://…:465` (TLS from the start).

    Without TLS nothing but a server on this machine is told a password.
    """

    name = "mail"
    seconds = 8.0

    def __init__(
        self, url: str, sender: str, receivers: tuple[str, ...], trust: ssl.SSLContext | None = None
    ) -> None:
        self.url = url
        self.sender = sender
        self.receivers = receivers
        self.trust = trust or ssl.create_default_context()

    def send(self, message: Message) -> None:
        try:
            with self.connect() as server:
                self.enter(server)
                server.send_message(self.letter(message), self.sender, list(self.receivers))
        except (smtplib.SMTPException, OSError) as failure:
            words = scrub(printable(f"{type(failure).__name__} {failure}"), self.url)
            raise Undelivered(f"{redact(self.url)}: {words}") from None

    def connect(self) -> smtplib.SMTP:
        parts = urlsplit(self.url)
        host, us = parts.hostname or "localhost", socket.gethostname()
        if parts.scheme == "smtps":
            port = parts.port or SUBMISSION_TLS
            return smtplib.SMTP_SSL(host, port, us, timeout=TIMEOUT, context=self.trust)
        return smtplib.SMTP(host, parts.port or SUBMISSION, us, timeout=TIMEOUT)

    def enter(self, server: smtplib.SMTP) -> None:
        """TLS where the server has it, and the login that the address holds."""
        parts = urlsplit(self.url)
        is_secret = parts.scheme == "smtps" or is_here(parts.hostname or "localhost")
        server.ehlo()
        if parts.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=self.trust)
            server.ehlo()
            is_secret = True
        if parts.username is None:
            return
        if not is_secret:
            raise Undelivered(
                f"{redact(self.url)}: it offers no STARTTLS, and the password is not sent in the "
                "clear; use smtps://, or a server that does"
            )
        server.login(unquote(parts.username), unquote(parts.password or ""))

    def letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["Subject"] = printable(message.subject)
        letter["From"] = self.sender
        letter["To"] = ", ".join(self.receivers)
        letter["Date"] = format_datetime(datetime.now(UTC))
        letter["Message-ID"] = self.identity(message.reference)
        if message.references:
            known = [self.identity(reference) for reference in message.references[:20]]
            letter["In-Reply-To"] = known[0]
            letter["References"] = " ".join(known)
        letter["Auto-Submitted"] = "auto-generated"
        letter["X-AlphaPulse-Kind"] = message.kind.value
        letter.set_content(message.text + "\n")
        return letter

    def identity(self, reference: str) -> str:
        domain = self.sender.rpartition("@")[2].strip("<> ") or "localhost"
        return f"<{reference}@{domain}>"


def is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
