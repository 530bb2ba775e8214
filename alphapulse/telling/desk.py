"""One round of telling: each channel gets what it has not told yet, or waits its time.

A message counts as told when its channel took it and the transaction that says so is committed. We
may die between the two: then it is told again, under the same reference. It is never lost.
"""

import logging
from collections.abc import Sequence

from msgspec import Struct

from alphapulse.alerts import Alert, Severity
from alphapulse.settings import Settings
from alphapulse.store.alerts import now_of, observe
from alphapulse.store.connect import Store
from alphapulse.store.messages import (
    Turn,
    channels,
    claim_channel,
    note_failed,
    note_held,
    note_sent,
    untold,
)
from alphapulse.telling.channel import Channel, Undelivered, send_within
from alphapulse.telling.log import Log
from alphapulse.telling.mail import Mail
from alphapulse.telling.message import compose, pause_after
from alphapulse.telling.webhook import Webhook

log = logging.getLogger(__name__)

AT_ONCE = 3  # messages of one channel in a round: what rose, what still stands, what ended
BROKEN = 3  # tries in a row after which the other channels are told of it
WATCH = "channels"


class Rules(Struct, frozen=True):
    """`per_hour`: messages that a channel sends at the most; `remind`: seconds, 0: never."""

    per_hour: int = 20
    remind: float = 0.0
    is_simulated: bool = False

    @classmethod
    def of(cls, settings: Settings) -> "Rules":
        remind = settings.alert_remind_hours * 3600.0
        return cls(settings.alert_messages_per_hour, remind, settings.simulated)


class Outcome(Struct, frozen=True):
    """What a round did with one channel; `error`: why a message was not taken."""

    channel: str
    messages: int = 0
    alerts: int = 0
    held: int = 0
    error: str | None = None


def channels_of(settings: Settings) -> list[Channel]:
    """The log, and what the settings name."""
    found: list[Channel] = [Log()]
    if settings.alert_webhook:
        found.append(Webhook(settings.alert_webhook))
    if settings.alert_smtp and settings.alert_mail_to:
        found.append(Mail(settings.alert_smtp, settings.alert_mail_from, settings.alert_mail_to))
    return found


def tell(store: Store, by: Sequence[Channel], rules: Rules) -> list[Outcome]:
    """Tell what is to be told by each of these channels; one that fails costs no other."""
    done = [tell_by(store, channel, rules) for channel in by]
    watch_channels(store, [channel.name for channel in by])
    return done


def tell_by(store: Store, channel: Channel, rules: Rules) -> Outcome:
    whole = Outcome(channel.name)
    for _ in range(AT_ONCE):
        step = tell_one(store, channel, rules)
        whole = Outcome(
            channel.name,
            whole.messages + step.messages,
            whole.alerts + step.alerts,
            step.held,
            step.error,
        )
        if not step.messages:
            break
    return whole


def tell_one(store: Store, channel: Channel, rules: Rules) -> Outcome:
    """The next message of a channel, in a transaction of its own."""
    with claim_channel(store, channel.name) as turn:
        waiting = untold(store, channel.name, rules.remind) if turn else []
        if not turn or not waiting:
            return Outcome(channel.name)
        if turn.sent_lately >= rules.per_hour:
            note_held(store, channel.name, len(waiting))
            return Outcome(channel.name, held=len(waiting))
        message = compose(waiting, is_simulated=rules.is_simulated, held=turn.held)
        assert message
        try:
            send_within(channel, message)
        except Undelivered as failure:
            return fail(store, channel, turn, failure)
        note_sent(store, channel.name, message)
        return Outcome(channel.name, messages=1, alerts=len(message.alerts))


def fail(store: Store, channel: Channel, turn: Turn, failure: Undelivered) -> Outcome:
    pause = pause_after(turn.attempts + 1, failure.seconds)
    note_failed(store, channel.name, str(failure), pause)
    log.warning("alerts wait %.0f s for the %s: %s", pause, channel.name, failure)
    return Outcome(channel.name, error=str(failure))


def watch_channels(store: Store, names: Sequence[str]) -> None:
    """A channel that fails again and again is an alert itself, for the others to tell."""
    now = now_of(store)
    found = [
        Alert(
            key=f"channel/{channel.name}",
            severity=Severity.WARNING,
            title=f"the {channel.name} takes no alerts",
            text=f"{channel.error}. What is to be told waits and is tried again; "
            "`alphapulse alerts --test` tries it now.",
            since=now,
        )
        for channel in channels(store)
        if channel.name in names and channel.attempts >= BROKEN
    ]
    observe(store, WATCH, found, now=now)
