import gzip
import json
from pathlib import Path

import pytest
import zstandard

from replay.feed import RecordedFeed
from replay.protocols import binance, coinbase
from replay.protocols.kraken_rest import row
from replay.recording import Recording, RecordingError, read_recording
from tests.replay.protocols.desk import twelve

ROOM = Path(__file__).parents[3] / "shared" / "data" / "recordings"
DAY = 86_400_000_000


def frames() -> list[str]:
    return coinbase.trade_frames("match", "BTC-USD", twelve())


def lines(raws: list[str]) -> bytes:
    rows = [{"recv_ns": (1000 + n) * 1_000_000, "raw": raw} for n, raw in enumerate(raws)]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def written(path: Path, raws: list[str]) -> Path:
    path.write_bytes(lines(raws))
    return path


def recorded(name: str) -> Path:
    path = ROOM / name
    if not path.exists():
        pytest.skip(f"{name} is not among the recordings of this machine")
    return path


def test_a_recording_is_read_plain_gzipped_or_zstandard(tmp_path: Path) -> None:
    plain = written(tmp_path / "a.jsonl", frames())
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(lines(frames())))
    (tmp_path / "c.jsonl.zst").write_bytes(zstandard.compress(lines(frames())))
    found = [read_recording(tmp_path / n) for n in ("b.jsonl.gz", "c.jsonl.zst")]
    assert [r.frames for r in found] == [read_recording(plain).frames] * 2
    assert found[0].dialect is coinbase


def test_frames_keep_their_text_their_time_and_their_order(tmp_path: Path) -> None:
    recording = read_recording(written(tmp_path / "a.jsonl", frames()))
    assert [frame.raw for frame in recording.frames] == frames()
    assert [frame.at for frame in recording.frames][:2] == [1_000_000, 1_001_000]


def test_answers_to_requests_are_left_out_but_broken_frames_are_kept(tmp_path: Path) -> None:
    raws = ['{"type":"subscriptions"}', '{"type":"mat', frames()[0], '{"type":"heartbeat"}']
    recording = read_recording(written(tmp_path / "a.jsonl", raws))
    assert [frame.raw for frame in recording.frames] == raws[1:]
    assert [len(frame.trades) for frame in recording.frames] == [0, 1, 0]


def test_a_shift_moves_days_but_not_ids(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", frames())
    plain, moved = read_recording(path), read_recording(path, shift_days=3)
    assert [f.at - g.at for f, g in zip(moved.frames, plain.frames, strict=True)] == [3 * DAY] * 12
    before, after = plain.frames[0].trades[0][1], moved.frames[0].trades[0][1]
    assert (after.id, after.traded_at - before.traded_at) == (before.id, 3 * DAY)


def test_a_file_of_no_known_exchange_is_refused_by_name(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", ['{"hello":"world"}'])
    with pytest.raises(RecordingError, match=r"a\.jsonl: none of its first 500 frames is a trade"):
        read_recording(path)


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(lines(frames()) + b"nonsense\n")
    with pytest.raises(RecordingError, match=r"a\.jsonl, line 13: "):
        read_recording(path)


def test_a_feed_publishes_frames_when_their_time_has_come(tmp_path: Path) -> None:
    feed = RecordedFeed([read_recording(written(tmp_path / "a.jsonl", frames()))])
    assert feed.origin == feed.next_at() == 1_000_000
    assert len(feed.advance(1_004_000)) == 5
    assert [p.id for p in feed.tapes["BTC-USD"]] == [101, 102, 103, 104, 105]
    assert len(feed.advance(10**12)) == 7
    assert feed.next_at() is None
    assert list(feed.tapes["BTC-USD"]) == twelve()


def test_a_hole_swallows_recorded_frames(tmp_path: Path) -> None:
    feed = RecordedFeed([read_recording(written(tmp_path / "a.jsonl", frames()))])
    feed.withhold("BTC-USD", 2)
    assert len(feed.advance(10**12)) == 10
    assert feed.tapes["BTC-USD"][0].id == 103


def test_several_recordings_are_merged_and_repeats_stand_on_the_tape_once(tmp_path: Path) -> None:
    one = read_recording(written(tmp_path / "a.jsonl", frames()))
    feed = RecordedFeed([one, one])
    assert len(feed.advance(10**12)) == 24
    assert list(feed.tapes["BTC-USD"]) == twelve()


@pytest.mark.recordings
@pytest.mark.parametrize(
    ("name", "markets", "trades"),
    [
        ("coinbase_exchange_ws_20210417.jsonl.gz", 10, 107),
        ("kraken_v2_ws_dev.jsonl.gz", 1, 600),
        ("binance_spot_ws_20240808_09.jsonl.gz", 2, 34_419),
    ],
)
def test_a_real_recording_gives_its_trades(name: str, markets: int, trades: int) -> None:
    recording = read_recording(recorded(name))
    feed = RecordedFeed([recording])
    feed.advance(2**62)
    assert len(feed.tapes) == markets
    assert sum(len(tape) for tape in feed.tapes.values()) == trades


@pytest.mark.recordings
def test_the_ids_of_binances_recording_are_those_that_were_counted() -> None:
    feed = RecordedFeed([read_recording(recorded("binance_spot_ws_20240808_09.jsonl.gz"))])
    feed.advance(2**62)
    edges = {name: (tape[0].id, tape.last_id) for name, tape in feed.tapes.items()}
    assert edges["BTCUSDT"] == (3735683259, 3735703162)
    assert edges["ETHUSDT"] == (1520538925, 1520553439)


@pytest.mark.recordings
def test_our_own_reading_of_krakens_rest_agrees_with_a_real_page() -> None:
    """The tape of the recorded frames, asked by REST, gives the page that Kraken gave."""
    page = json.loads(recorded("kraken_rest_trades_dev.json").read_bytes())["result"]["XBTUSDT"]
    feed = RecordedFeed([read_recording(recorded("kraken_v2_ws_dev.jsonl.gz"))])
    feed.advance(2**62)
    rows = [row(print) for print in feed.tapes["BTC/USDT"]]
    assert [(r[0], r[1], r[3], r[6]) for r in rows] == [(r[0], r[1], r[3], r[6]) for r in page]


@pytest.mark.recordings
def test_our_own_writing_of_binances_frames_agrees_with_real_ones() -> None:
    recording: Recording = read_recording(recorded("binance_spot_ws_20240808_09.jsonl.gz"))
    for frame in recording.frames[:2000]:
        ((symbol, print),) = frame.trades
        (ours,) = binance.trade_frames("stream", symbol, [print])
        theirs = json.loads(frame.raw)
        theirs["data"]["E"] = theirs["data"]["T"] + 1
        assert json.loads(ours) == theirs


@pytest.mark.recordings
def test_our_own_writing_of_coinbases_frames_agrees_with_real_ones() -> None:
    recording = read_recording(recorded("coinbase_exchange_ws_20210417.jsonl.gz"))
    invented = {"maker_order_id", "taker_order_id", "sequence", "type"}
    for frame in recording.frames:
        for symbol, print in frame.trades:
            ours = json.loads(coinbase.match("match", symbol, print))
            theirs = json.loads(frame.raw)
            assert list(ours) == list(theirs)
            assert {k: v for k, v in ours.items() if k not in invented} == {
                k: v for k, v in theirs.items() if k not in invented
            }
