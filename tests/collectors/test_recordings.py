"""Real frames of the three exchanges, where they are at hand (never a part of this repository)."""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from alphapulse.trade import Source, Trade
from collectors.action import Report
from collectors.backfill import Walk
from collectors.exchange import Exchange, UnexpectedMessage
from collectors.exchanges import binance, coinbase, kraken
from collectors.session import Session
from tests.collectors.golden import gap

RECORDINGS = Path(__file__).parents[3] / "shared" / "data" / "recordings"

pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(
        not RECORDINGS.is_dir(), reason="no recordings at ../shared/data/recordings"
    ),
]

BINANCE = "binance_spot_ws_20240808_09.jsonl.gz"
COINBASE = "coinbase_exchange_ws_20210417.jsonl.gz"
KRAKEN = "kraken_v2_ws_dev.jsonl.gz"
MIDNIGHT = int(datetime(2024, 8, 9, tzinfo=UTC).timestamp()) * 1_000_000


def recorded(file: str) -> Iterator[tuple[bytes, int]]:
    """Each frame, and when it was received in microseconds."""
    with gzip.open(RECORDINGS / file) as lines:
        for line in lines:
            entry = json.loads(line)
            yield entry["raw"].encode(), entry["recv_ns"] // 1000


def trades_in(exchange: Exchange, file: str) -> list[Trade]:
    """Every trade of a recording; a frame that is refused fails the test."""
    events = [event for frame, at in recorded(file) for event in exchange.parse(frame, at)]
    return [event for event in events if isinstance(event, Trade)]


def by_symbol(trades: list[Trade]) -> dict[str, list[int]]:
    ids = defaultdict(list)
    for trade in trades:
        ids[trade.symbol].append(trade.id)
    return ids


def test_binance_gives_back_what_its_readme_says() -> None:
    trades = trades_in(binance, BINANCE)
    assert len(trades) == 34_419
    assert by_symbol(trades) == {
        "BTCUSDT": list(range(3735683259, 3735703162 + 1)),
        "ETHUSDT": list(range(1520538925, 1520553439 + 1)),
    }
    next_day = [trade for trade in trades if trade.traded_at >= MIDNIGHT]
    assert (len(trades) - len(next_day), len(next_day)) == (15_836, 18_583)
    assert sum(trade.received_at < MIDNIGHT for trade in next_day) == 27


def test_coinbase_gives_back_what_its_readme_says() -> None:
    trades = trades_in(coinbase, COINBASE)
    assert Counter(trade.source for trade in trades) == {Source.LIVE: 97, Source.SNAPSHOT: 10}
    ids = by_symbol(trades)
    assert len(ids) == 10
    assert all(found == list(range(found[0], found[0] + len(found))) for found in ids.values())


def test_coinbase_sides_are_turned_to_the_takers() -> None:
    for frame, at in recorded(COINBASE):
        message = json.loads(frame)
        for event in coinbase.parse(frame, at):
            if isinstance(event, Trade):
                assert {message["side"], event.side.value} == {"buy", "sell"}


def test_kraken_gives_back_what_its_readme_says() -> None:
    trades = trades_in(kraken, KRAKEN)
    assert [trade.id for trade in trades] == list(range(10218208, 10218808))
    assert Counter(trade.source for trade in trades) == {Source.SNAPSHOT: 50, Source.LIVE: 550}


@pytest.mark.parametrize(
    ("exchange", "file", "symbols"),
    [
        (binance, BINANCE, ["BTCUSDT", "ETHUSDT"]),
        (coinbase, COINBASE, ["BAND-GBP"]),
        (kraken, KRAKEN, ["BTC/USDT"]),
    ],
    ids=["binance", "coinbase", "kraken"],
)
def test_a_session_finds_no_gap_and_refuses_no_frame(
    exchange: Exchange, file: str, symbols: list[str]
) -> None:
    session = Session(exchange, symbols, {}, 0.0)
    actions = [action for frame, at in recorded(file) for action in session.receive(frame, 1.0, at)]
    assert [action for action in actions if isinstance(action, Trade)] == trades_in(exchange, file)
    assert not [action for action in actions if isinstance(action, Report)]


def test_a_session_finds_exactly_the_frames_that_were_left_out() -> None:
    session, left_out, missing = Session(binance, ["BTCUSDT"], {}, 0.0), set(), set()
    for place, (frame, at) in enumerate(recorded(BINANCE)):
        (trade,) = binance.parse(frame, at)
        assert isinstance(trade, Trade)
        if 1000 < place < 34_000 and place % 97 < 5:
            left_out.add((trade.symbol, trade.id))
            continue
        for action in session.receive(frame, 1.0, at):
            if isinstance(action, Report):
                span = range(action.gap.after_id + 1, action.gap.before_id or 0)
                missing |= {(action.gap.market.symbol, id) for id in span}
    assert left_out
    assert missing == left_out


def meaning(trade: Trade) -> tuple[int, Decimal, Decimal, str, int]:
    return trade.id, trade.price, trade.size, trade.side.value, trade.traded_at


def test_krakens_rest_page_and_its_frames_tell_of_the_same_trades() -> None:
    body = (RECORDINGS / "kraken_rest_trades_dev.json").read_bytes()
    page = kraken.parse_page(gap("kraken", "BTC/USDT", 10218207), body, 7)
    live = trades_in(kraken, KRAKEN)
    assert [meaning(trade) for trade in page.trades] == [meaning(trade) for trade in live]
    assert page.cursor == "1762811695818506000"


def test_a_walk_over_a_real_kraken_page_fills_a_gap_at_once() -> None:
    body = (RECORDINGS / "kraken_rest_trades_dev.json").read_bytes()
    walk = Walk(kraken, gap("kraken", "BTC/USDT", 10218300, 10218700))
    assert [trade.id for trade in walk.take(body, 7)] == list(range(10218301, 10218700))
    assert walk.request is None


def test_coinbases_rest_page_is_whole() -> None:
    body = (RECORDINGS / "coinbase_exchange_rest_trades_BTC-EUR_20200217.json").read_bytes()
    page = coinbase.parse_page(gap("coinbase", "BTC-EUR", 1, 24169718), body, 7)
    assert [trade.id for trade in page.trades] == list(range(24169717, 24169617, -1))
    assert page.cursor == "24169618"
    newest = page.trades[0]
    assert (str(newest.price), str(newest.size)) == ("9042.88000000", "0.00846511")
    assert newest.side == "buy"  # the page says sell, of the maker
    assert newest.traded_at == 1_581_924_196_353_000
    assert newest.source is Source.BACKFILL


def test_a_protocol_without_trade_ids_is_refused_frame_by_frame() -> None:
    """Kraken v1 cannot be checked for gaps: it is not offered, and not mistaken for v2."""
    for frame, at in recorded("kraken_v1_ws_20210417.jsonl.gz"):
        with pytest.raises(UnexpectedMessage):
            kraken.parse(frame, at)
