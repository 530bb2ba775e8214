"""The journal's law: whatever stands in a segment, what is read was written so, and in its order.

Damage of bytes never passes the checksums; so `bend` also makes records that are damaged and yet
sealed, as a fault in the writer would.
"""

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from collectors.deadletters import FILE, read_letters
from collectors.journal_reader import (
    Damage,
    Reader,
    end_of,
    read_contents,
    read_header,
    read_totals,
)
from collectors.segments import (
    HEADER,
    Bad,
    Batch,
    Header,
    Packer,
    Position,
    Record,
    Totals,
    encode_header,
    scan,
    seal,
    segment_path,
)
from fuzz.mutation import damage, mutate

# Where files cost nothing; elsewhere making and removing a directory costs more than reading.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
FRAMES = [b'{"channel":"heartbeat"}', b"", b"\xa5J\0", "é".encode() * 50]


def seeds() -> list[bytes]:
    header = encode_header(Header("kraken", True, 7, {"BTC/USD": (5, 6)}))
    packer, totals, batches = Packer(), Totals(), []
    for number in range(5):
        frames = FRAMES[: number % 4 + 1]
        batches.append(packer.pack(1_700_000_000_000_000 + number, 3, frames))
        totals.add(1_700_000_000_000_000 + number, frames)
    return [header + b"".join(batches) + totals.encode(), header, b""]


def obey(data: bytes) -> list[Batch]:
    """The batches that are read, in order."""
    with TemporaryDirectory(dir=MEMORY) as name:
        folder = Path(name)
        segment_path(folder, 1).write_bytes(data)
        found = list(Reader(folder, 1).read())
        check_places(found, len(data))
        batches = [item for item in found if isinstance(item, Batch)]
        check_pieces(folder, batches)
        contents = read_contents(folder, 1)
        assert contents.totals.records == len(batches)
        assert isinstance(read_totals(folder, 1), Totals)
        assert isinstance(read_header(folder, 1), Header | None)
        assert 0 <= end_of(folder, 1) <= len(data)
        return batches


def check_places(found: list[Header | Batch | Damage], size: int) -> None:
    """Each behind the one before, none beyond the file."""
    at = 0
    for item in found:
        match item:
            case Batch(position, _, _, frames):
                assert at < position.offset <= size
                assert all(type(frame) is bytes for frame in frames)
                at = position.offset
            case Damage(_, start, end):
                assert at <= start < end <= size
                at = end


def check_pieces(folder: Path, batches: list[Batch]) -> None:
    """A reader that stops in the middle and goes on reads the same."""
    if batches:
        reader = Reader(folder, 1)
        middle = batches[len(batches) // 2].position
        first = list(reader.read(Position(1, middle.offset)))
        pieces = [*first, *reader.read()]
        assert [item for item in pieces if isinstance(item, Batch)] == batches


def bend(data: bytes, dice: Random) -> bytes:
    records = [record for record in scan(data) if not isinstance(record, Bad)]
    if not records or dice.random() < 0.4:
        return damage(data, dice)
    sealed = [seal(record.kind, record.payload) for record in records]
    at = dice.randrange(len(records))
    match dice.randrange(4):
        case 0:
            sealed[at] = resealed(records[at], dice)
        case 1:
            sealed.insert(dice.randrange(len(sealed)), sealed[at])
        case 2:
            del sealed[at]
        case 3:
            dice.shuffle(sealed)
    return b"".join(sealed)


LETTERS = b"""{"received_at":1,"connection":2,"reason":"no","frame":"{","left_out":3}
{"received_at":1,"connection":2,"reason":"no","base64":"/w=="}
"""


def obey_letters(data: bytes) -> None:
    """A line of the dead letters is one, with its frame, or passed over."""
    with TemporaryDirectory(dir=MEMORY) as name:
        (Path(name) / FILE).write_bytes(data)
        assert all(type(letter.raw) is bytes for letter in read_letters(Path(name)))


def resealed(record: Record, dice: Random) -> bytes:
    change = mutate if record.kind == HEADER else damage
    kind = record.kind if dice.random() < 0.8 else dice.randrange(16)
    return seal(kind, change(record.payload, dice))
