import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from replay.frames import payload, text_frame


def parsed(data: bytes) -> Frame:
    """What the websockets library reads from bytes of a server."""
    reader = StreamReader()
    reader.feed_data(data)
    steps = Frame.parse(reader.read_exact, mask=False)
    with pytest.raises(StopIteration) as end:
        next(steps)
    frame: Frame = end.value.value
    return frame


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_a_frame_is_what_a_client_expects(size: int) -> None:
    frame = parsed(text_frame("x" * size))
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, b"x" * size)


@given(st.text(max_size=300))
def test_a_payload_comes_back(text: str) -> None:
    assert payload(text_frame(text)).decode() == text
    assert bytes(parsed(text_frame(text)).data).decode() == text
