"""A WebSocket client that costs next to nothing: a blocking socket, parsed afterwards."""

import json
import os
import socket
import struct
from typing import Any


def dial(port: int, path: str = "/") -> tuple[socket.socket, bytes]:
    """A connected socket after the handshake, and what already came behind it."""
    line = socket.create_connection(("127.0.0.1", port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    line.sendall(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        "Upgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AQIDBAUGBwgJCgsMDQ4PEA==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += line.recv(65536)
    head, _, rest = answer.partition(b"\r\n\r\n")
    assert b" 101 " in head.split(b"\r\n")[0], head
    return line, rest


def send_text(line: socket.socket, text: str) -> None:
    payload, mask = text.encode(), os.urandom(4)
    masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
    size = (
        bytes([0x80 | len(payload)])
        if len(payload) < 126
        else b"\xfe" + struct.pack("!H", len(payload))
    )
    line.sendall(b"\x81" + size + mask + masked)


class Frames:
    """Cuts a stream of bytes into the text frames of a server."""

    def __init__(self) -> None:
        self.rest = b""

    def take(self, data: bytes) -> list[bytes]:
        self.rest += data
        found, place, end = [], 0, len(self.rest)
        while end - place >= 2:
            size, head = self.rest[place + 1] & 127, 2
            if size == 126:
                if end - place < 4:
                    break
                (size,), head = struct.unpack_from("!H", self.rest, place + 2), 4
            elif size == 127:
                if end - place < 10:
                    break
                (size,), head = struct.unpack_from("!Q", self.rest, place + 2), 10
            if end - place < head + size:
                break
            if self.rest[place] & 15 == 1:
                found.append(self.rest[place + head : place + head + size])
            place += head + size
        self.rest = self.rest[place:]
        return found


def read_until(line: socket.socket, frames: Frames, kind: str, data: bytes = b"") -> dict[str, Any]:
    """The first frame of that type."""
    while True:
        for frame in frames.take(data):
            message: dict[str, Any] = json.loads(frame)
            if message["type"] == kind:
                return message
        data = line.recv(65536)
