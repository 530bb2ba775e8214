"""Where a browser finds the other servers: as the owner says, or on the host it asked. Pure."""

import re

from alphapulse.settings import Settings

HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+")


def stream_url(settings: Settings, scheme: str, host: str) -> str:
    if settings.public_stream_url:
        return settings.public_stream_url
    secure = "wss" if scheme == "https" else "ws"
    return f"{secure}://{asked_host(settings, host)}:{settings.stream_port}"


def dagster_url(settings: Settings, host: str) -> str | None:
    if settings.public_dagster_url:
        return settings.public_dagster_url
    if not settings.dagster:
        return None
    return f"http://{asked_host(settings, host)}:{settings.dagster_port}"


def asked_host(settings: Settings, host: str) -> str:
    """The name by which the API was asked, without its port."""
    found = HOST.match(host)
    return found[0] if found else settings.host
