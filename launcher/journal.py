"""`alphapulse journal`: look through the raw frames of an installation, and read them again."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from alphapulse.settings import Settings
from alphapulse.trade import Micros
from collectors.collector import journal_folder
from collectors.deadletters import read_letters
from collectors.exchange import Exchange
from collectors.journal_folder import lag, read_committed, sizes_of
from collectors.journal_reader import Damage, Reader, read_contents, read_header, read_totals
from collectors.segments import Batch, segment_numbers
from launcher.load import Frame, Loaded, load_frames


class NoJournal(LookupError):
    """There is none of this name; the message says which there are."""


class BadTime(ValueError):
    """No time that can be understood; the message says how to write it."""


class Verdict(Struct):
    """Of one journal. Torn bytes at an end are what a crash leaves; damage is not."""

    exchange: str
    segments: int
    frames: int
    damages: list[str]
    torn: list[str]


class Stats(Struct):
    """Of one journal; `ratio`: bytes of frames by bytes on disk."""

    exchange: str
    simulated: bool
    segments: int
    bytes: int
    ratio: float
    frames: int
    first_at: str
    last_at: str
    committed: tuple[int, int]
    lag_bytes: int
    dead_letters: int


def folders(settings: Settings, exchange: str | None) -> list[tuple[str, Path]]:
    """The journals of a home, or the one that was named; raises NoJournal."""
    home = journal_folder(settings, "")
    names = sorted(path.name for path in home.glob("*") if path.is_dir())
    wanted = [exchange] if exchange else names
    if not wanted or wanted[0] not in names:
        known = ", ".join(names) or "none yet"
        raise NoJournal(f"no journal of {exchange or 'any exchange'} in {home}; there are: {known}")
    return [(name, journal_folder(settings, name)) for name in wanted]


def verify(settings: Settings, exchange: str | None) -> list[Verdict]:
    """Reads and checks every byte. Raises NoJournal."""
    return [verify_one(name, folder) for name, folder in folders(settings, exchange)]


def verify_one(name: str, folder: Path) -> Verdict:
    verdict = Verdict(name, 0, 0, [], [])
    for number in segment_numbers(folder):
        with suppress(FileNotFoundError):  # retention took it
            contents = read_contents(folder, number)
            verdict.segments += 1
            verdict.frames += contents.totals.frames
            for damage in contents.damages:
                words = f"segment {number}, bytes {damage.start} to {damage.end}"
                (verdict.torn if damage.is_torn else verdict.damages).append(words)
    return verdict


def describe_verdict(verdict: Verdict) -> Iterator[str]:
    state = "DAMAGED" if verdict.damages else "whole"
    yield f"{verdict.exchange}: {state}, {verdict.frames:,} frames in {verdict.segments} segments"
    yield from (f"  torn by a crash, harmless: {words}" for words in verdict.torn)
    yield from (f"  DAMAGED: {words}" for words in verdict.damages)


def stats(settings: Settings, exchange: str | None) -> list[Stats]:
    """Raises NoJournal."""
    return [stats_of(name, folder) for name, folder in folders(settings, exchange)]


def stats_of(name: str, folder: Path) -> Stats:
    sizes, committed = sizes_of(folder), read_committed(folder)
    found = [read_totals(folder, number) for number in sorted(sizes)]
    header = read_header(folder, min(sizes)) if sizes else None
    held = [totals for totals in found if totals.records]
    return Stats(
        exchange=name,
        simulated=header.simulated if header else False,
        segments=len(sizes),
        bytes=sum(sizes.values()),
        ratio=round(sum(t.raw for t in held) / max(1, sum(sizes.values())), 2),
        frames=sum(t.frames for t in held),
        first_at=spell(held[0].first_at) if held else "",
        last_at=spell(held[-1].last_at) if held else "",
        committed=(committed.segment, committed.offset),
        lag_bytes=lag(sizes, committed),
        dead_letters=sum(1 for _ in read_letters(folder)),
    )


def describe_stats(found: Stats) -> Iterator[str]:
    mark = "SIMULATED " if found.simulated else ""
    yield f"{mark}{found.exchange}: {found.frames:,} frames, {found.first_at} to {found.last_at}"
    yield f"  {found.segments} segments, {found.bytes:,} bytes, compressed {found.ratio} to 1"
    segment, offset = found.committed
    yield f"  stored up to segment {segment}, byte {offset}; {found.lag_bytes:,} bytes wait"
    yield f"  {found.dead_letters:,} dead letters"


def replay(
    settings: Settings, url: str, exchange: Exchange, since: str | None, *, dead: bool
) -> Loaded:
    """Parse and store the frames again, from the instant `since`; `dead`: the dead letters alone.

    Raises NoJournal, BadTime, and what load_frames raises.
    """
    ((_, folder),) = folders(settings, exchange.NAME)
    start = instant(since) if since else 0
    read = dead_frames if dead else journal_frames
    return load_frames(url, exchange, read(folder, start))


def journal_frames(folder: Path, since: Micros) -> Iterator[Frame]:
    """Damaged stretches are passed over; `verify` tells of them."""
    for item in Reader(folder, first_segment(folder, since)).read():
        if isinstance(item, Batch) and item.received_at >= since:
            for raw in item.frames:
                yield frame(item.received_at, raw)
        elif isinstance(item, Damage):
            continue


def first_segment(folder: Path, since: Micros) -> int:
    """The last one that was opened before `since`."""
    first = 0
    for number in segment_numbers(folder):
        header = read_header(folder, number)
        if header and header.opened_at <= since:
            first = number
    return first


def dead_frames(folder: Path, since: Micros) -> Iterator[Frame]:
    for letter in read_letters(folder):
        if letter.received_at >= since:
            yield frame(letter.received_at, letter.raw)


def frame(received_at: Micros, raw: bytes) -> Frame:
    """No exchange sends what is no text, and no parser would take it."""
    return Frame(received_at * 1000, raw.decode(errors="replace"))


def instant(text: str) -> Micros:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadTime(f"{text!r} is no time; write it like 2026-08-08T12:00:00 (UTC)") from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1_000_000)


def spell(at: Micros) -> str:
    return datetime.fromtimestamp(at / 1_000_000, UTC).isoformat(timespec="seconds")
