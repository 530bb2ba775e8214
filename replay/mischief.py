"""What faults do to one line's stream of trade frames. Pure: frames in, frames out."""

from collections.abc import Sequence

from replay.faults import Drop, Garbage, OfFrames, Reorder, Repeat
from replay.frames import payload, text_frame

MALFORMED = text_frame('{"type":"match","channel":"trade","data":[{"trade_id":')
UNKNOWN = text_frame('{"type":"surprise","channel":"surprise","e":"surprise","data":[]}')


class Mischief:
    """Pending faults of one line. Without any it gives frames back untouched."""

    def __init__(self) -> None:
        self.drops = 0
        self.repeats = 0
        self.cuts = 0
        self.extra: list[bytes] = []
        self.delays: list[int] = []  # the next frame waits for so many others
        self.held: list[tuple[int, bytes]] = []  # (frames still to pass, the frame that waits)

    @property
    def is_idle(self) -> bool:
        pending = self.drops or self.repeats or self.cuts
        return not (pending or self.extra or self.delays or self.held)

    def add(self, fault: OfFrames) -> None:
        match fault:
            case Drop():
                self.drops += fault.frames
            case Repeat():
                self.repeats += fault.frames
            case Reorder():
                self.delays.append(fault.frames)
            case Garbage(kind="truncated"):
                self.cuts += 1
            case Garbage():
                self.extra.append(MALFORMED if fault.kind == "malformed" else UNKNOWN)

    def bend(self, frames: Sequence[bytes]) -> list[bytes]:
        if self.is_idle:
            return list(frames)
        return [sent for frame in frames for sent in self.bend_one(frame)]

    def bend_one(self, frame: bytes) -> list[bytes]:
        before, self.extra = self.extra, []
        if self.drops:
            self.drops -= 1
            return before
        if self.delays:
            self.held.append((self.delays.pop(0), frame))
            return before
        return before + self.bent(frame) + self.released()

    def bent(self, frame: bytes) -> list[bytes]:
        if self.cuts:
            self.cuts -= 1
            text = payload(frame).decode()
            return [text_frame(text[: len(text) // 2])]
        if self.repeats:
            self.repeats -= 1
            return [frame, frame]
        return [frame]

    def released(self) -> list[bytes]:
        """Held frames for which enough others have passed now."""
        counted = [(left - 1, frame) for left, frame in self.held]
        self.held = [(left, frame) for left, frame in counted if left > 0]
        return [frame for left, frame in counted if left <= 0]
