"""A message as JSON, by POST: the form that Slack takes, with the same as plain fields beside it.

A second door for HTTP, beside collectors.fetch: that one asks an exchange politely and paces
itself; this one gives something away once (docs/decisions/0010-alerts.md).
"""

import logging
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec

from alphapulse.telling.channel import Undelivered, redact, scrub
from alphapulse.telling.message import Message, Untold

TIMEOUT = 4.0  # seconds for each of: to connect, to send, to wait for a byte
BLOCK = 2900  # characters; Slack refuses more than 3000
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
BUSY = 429
SHOWN = 80  # characters of an answer that an error shows


class Webhook:
    """Anything with a 2xx took the message. Redirects are not followed: an address that moved is
    for its owner to mend, and a message is not given to whom he did not name.
    """

    name = "webhook"
    seconds = 5.0

    def __init__(self, url: str) -> None:
        self.url = url
        # It would log every address that it asks, and the path of this one is a password.
        logging.getLogger("httpx").setLevel(logging.WARNING)

    def send(self, message: Message) -> None:
        body = msgspec.json.encode(payload(message))
        headers = {"Content-Type": "application/json", "User-Agent": "AlphaPulse"}
        try:
            with (
                httpx.Client(timeout=TIMEOUT, follow_redirects=False) as client,
                client.stream("POST", self.url, content=body, headers=headers) as answer,
            ):
                if not answer.is_success:
                    raise self.refusal(answer)
        except (httpx.HTTPError, httpx.InvalidURL) as failure:
            words = scrub(f"{type(failure).__name__} {failure}".strip(), self.url)
            raise Undelivered(f"{redact(self.url)}: {words}") from None

    def refusal(self, answer: httpx.Response) -> Undelivered:
        words = f"{redact(self.url)}: HTTP {answer.status_code}"
        if answer.is_redirect:
            return Undelivered(f"{words}: redirects are not followed; set the address it moved to")
        if answer.status_code == BUSY:
            return Undelivered(words, retry_after(answer.headers.get("Retry-After", "")))
        shown = "".join(c for c in beginning(answer) if c.isprintable())
        return Undelivered(f"{words} {scrub(shown, self.url)}".strip())


def beginning(answer: httpx.Response) -> str:
    for piece in answer.iter_bytes(SHOWN):
        return piece[:SHOWN].decode(errors="replace")
    return ""


def payload(message: Message) -> dict[str, Any]:
    """`text` and `blocks` are Slack's; `alphapulse` is for programs."""
    text = message.text.translate(ESCAPES)
    body = text if len(text) <= BLOCK else f"{text[:BLOCK]}\n…"
    return {
        "text": message.subject.translate(ESCAPES),
        "blocks": [
            section(f"*{message.subject.translate(ESCAPES)}*"[:BLOCK]),
            section(body),
        ],
        "alphapulse": {
            "kind": message.kind.value,
            "reference": message.reference,
            "simulated": message.is_simulated,
            "held": message.held,
            "alerts": [fields(one) for one in message.alerts],
        },
    }


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def fields(one: Untold) -> dict[str, Any]:
    alert = one.alert
    return {
        "key": alert.key,
        "severity": alert.severity.value,
        "title": alert.title,
        "text": alert.text,
        "link": alert.link,
        "since": alert.since,
        "raised_at": one.raised_at,
        "resolved_at": one.resolved_at,
        "resolution": one.resolution,
    }


def retry_after(text: str) -> float | None:
    """Seconds by this header, which holds a number of them or a date; None: it says nothing."""
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
