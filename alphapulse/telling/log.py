"""The log: the channel that needs no setting and is always there."""

import logging

from alphapulse.alerts import Severity
from alphapulse.telling.message import Kind, Message

log = logging.getLogger("alphapulse.alerts")


class Log:
    """A line for the subject and one for each line of the text."""

    name = "log"
    seconds = 5.0

    def send(self, message: Message) -> None:
        is_bad = message.kind in {Kind.RAISED, Kind.REMINDER}
        is_worse = is_bad and message.severity is Severity.CRITICAL
        level = logging.ERROR if is_worse else logging.WARNING if is_bad else logging.INFO
        log.log(level, "%s\n%s", message.subject, message.text)
