import socket

import pytest

from launcher.ports import PortTaken, refuse_taken_ports
from tests.launcher.stage import free_port


def test_a_taken_port_is_named_with_its_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} on 127.0.0.1 .* ALPHAPULSE_STREAM_PORT"):
            refuse_taken_ports("127.0.0.1", {"stream_port": port})


def test_free_ports_are_left_alone() -> None:
    refuse_taken_ports("127.0.0.1", {"stream_port": free_port(), "dagster_port": free_port()})
