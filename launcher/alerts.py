"""`alphapulse alerts`: what is wrong now, and whether those who should be told can be reached."""

import sys
from collections.abc import Iterator
from typing import Any

import click
import msgspec

from alphapulse.settings import Settings
from alphapulse.store.alerts import Standing, now_of, standing
from alphapulse.store.connect import Store, connect
from alphapulse.store.messages import Channel, channels
from alphapulse.telling.channel import Undelivered, send_within
from alphapulse.telling.desk import channels_of
from alphapulse.telling.message import message_for_test
from launcher.ready import ready_database


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--test", "is_test", is_flag=True, help="Send a test message by each channel now.")
@click.pass_obj
def alerts(settings: Settings, as_json: bool, is_test: bool) -> None:
    """List what is wrong now, the worst first. Exit code 1 when something is.

    With --test: send a test message by each channel of the settings. Exit code 1 when one fails.
    """
    with ready_database(settings) as url, connect(url, "alerts") as store:
        facts = test(store, settings) if is_test else gather(store, settings)
    words = describe_test(facts) if is_test else describe(facts)
    click.echo(msgspec.json.encode(facts).decode() if as_json else "\n".join(words))
    sys.exit(0 if facts["ok"] else 1)


def gather(store: Store, settings: Settings) -> dict[str, Any]:
    """What stands, and how each channel in use fares."""
    found = standing(store)
    in_use = {channel.name for channel in channels_of(settings)}
    return {
        "ok": not found,
        "simulated": settings.simulated,
        "alerts": [facts_of(one) for one in found],
        "channels": [facts_of_channel(c) for c in channels(store) if c.name in in_use],
    }


def facts_of(one: Standing) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(one.alert)
    return facts | {
        "alert_id": one.alert_id,
        "raised_at": one.raised_at,
        "state": one.state.value,
    }


def facts_of_channel(channel: Channel) -> dict[str, Any]:
    facts: dict[str, Any] = msgspec.to_builtins(channel)
    return facts


def describe(facts: dict[str, Any]) -> Iterator[str]:
    if not facts["alerts"]:
        yield "nothing is wrong"
    for one in facts["alerts"]:
        over = " (over, if it stays so)" if one["state"] == "clearing" else ""
        yield f"{one['severity']:8}  {one['title']}{over}"
        yield f"          {one['text']}"
        yield f"          since {one['since'][:19].replace('T', ' ')} UTC   {one['link'] or ''}"
    for channel in facts["channels"]:
        if channel["attempts"]:
            tries = f"{channel['attempts']} tries failed"
            yield f"! the {channel['name']} takes no alerts ({tries}): {channel['error']}"
        if channel["held"]:
            yield f"! {channel['held']} alerts wait for the {channel['name']}: too many messages"


def test(store: Store, settings: Settings) -> dict[str, Any]:
    """A message by each channel, whatever its backoff; nothing is written down of it."""
    message = message_for_test(settings.simulated, now_of(store))
    done = []
    for channel in channels_of(settings):
        try:
            send_within(channel, message)
        except Undelivered as failure:
            done.append({"name": channel.name, "is_delivered": False, "error": str(failure)})
        else:
            done.append({"name": channel.name, "is_delivered": True, "error": None})
    return {"ok": all(one["is_delivered"] for one in done), "channels": done}


def describe_test(facts: dict[str, Any]) -> Iterator[str]:
    for channel in facts["channels"]:
        result = "delivered" if channel["is_delivered"] else f"NOT delivered: {channel['error']}"
        yield f"{channel['name']:8}  {result}"
    names = {channel["name"] for channel in facts["channels"]}
    if names == {"log"}:
        yield "neither ALPHAPULSE_ALERT_WEBHOOK nor ALPHAPULSE_ALERT_SMTP with _MAIL_TO is set"
