"""A taken port is told before anything starts, with its number and the setting that moves it."""

import errno
import socket
from collections.abc import Mapping

from alphapulse.settings import PREFIX


class PortTaken(Exception):
    """Another program listens there; the message names port and setting."""


def refuse_taken_ports(host: str, ports: Mapping[str, int]) -> None:
    """`ports`: name of the setting -> port. Raises PortTaken for the first that cannot be bound."""
    for setting, port in ports.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as failure:
                if failure.errno not in (errno.EADDRINUSE, errno.EACCES, errno.EADDRNOTAVAIL):
                    raise
                raise PortTaken(
                    f"port {port} on {host} cannot be used ({failure.strerror}); "
                    f"stop what uses it or set {PREFIX}{setting.upper()} to another port"
                ) from failure
