"""WebSocket text frames as a server writes them: unmasked, whole, built once and joined freely."""

TEXT = 0x81  # FIN and opcode 1


def text_frame(text: str) -> bytes:
    payload = text.encode()
    return header(len(payload)) + payload


def header(size: int) -> bytes:
    """RFC 6455, 5.2."""
    if size < 126:
        return bytes((TEXT, size))
    if size < 65_536:
        return bytes((TEXT, 126)) + size.to_bytes(2, "big")
    return bytes((TEXT, 127)) + size.to_bytes(8, "big")


def payload(frame: bytes) -> bytes:
    """What a frame of `text_frame` carries."""
    return frame[{126: 4, 127: 10}.get(frame[1], 2) :]
