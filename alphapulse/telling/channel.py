"""What a channel is, and how long it may take."""

from threading import Thread
from typing import Protocol
from urllib.parse import unquote, urlsplit

from alphapulse.telling.message import Message

WORDS = 200  # characters of an error


class Undelivered(Exception):
    """The message was not taken; `seconds`: the channel asks us to wait so long, if it says so.

    The message names the channel and what is wrong, and no secret: it is stored and shown.
    """

    def __init__(self, message: str, seconds: float | None = None) -> None:
        super().__init__(message[:WORDS])
        self.seconds = seconds


class Channel(Protocol):
    """Sends a message, or raises Undelivered, within `seconds`."""

    name: str
    seconds: float

    def send(self, message: Message, /) -> None: ...


def send_within(channel: Channel, message: Message) -> None:
    """Send by a thread of its own: a peer that sends a byte a second, or a name that does not
    resolve, holds nobody up. Raises Undelivered, be it that the message arrives after all.
    """
    failures: list[Exception] = []

    def send() -> None:
        try:
            channel.send(message)
        except Exception as failure:  # noqa: BLE001 - told by the thread that waits
            failures.append(failure)

    thread = Thread(target=send, name=f"tell {channel.name}", daemon=True)
    thread.start()
    thread.join(channel.seconds)
    if thread.is_alive():
        raise Undelivered(f"{channel.name}: no end after {channel.seconds:g} s")
    if not failures:
        return
    failure = failures[0]
    if isinstance(failure, Undelivered):
        raise failure
    raise Undelivered(f"{channel.name}: a bug of ours: {type(failure).__name__}") from failure


def redact(url: str) -> str:
    """Scheme, host and port: all of an address that may be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def scrub(text: str, url: str) -> str:
    """`text` without what `url` keeps secret: login, path, query."""
    parts = urlsplit(url)
    pieces = [url, parts.path, parts.query, parts.password or "", parts.username or ""]
    pieces += [unquote(piece) for piece in pieces] + parts.path.split("/")
    for piece in sorted(set(pieces), key=len, reverse=True):
        if len(piece) > 2:
            text = text.replace(piece, "…")
    return text
