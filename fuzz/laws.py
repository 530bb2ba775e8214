"""What must hold of any input whatever: the typed error of its decoder, or a value without fault.

One function per decoder; a broken law is an AssertionError, or whatever else comes out.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from alphapulse.cursor import Cursor, CursorError
from alphapulse.notice import Doorbell, GapNotice, Mark, NoticeError, Row, Rows, decode
from alphapulse.trade import Gap, Market, Side, Source, Trade
from collectors.exchange import (
    Event,
    Exchange,
    ExchangeError,
    Farewell,
    Heartbeat,
    Numbered,
    Refused,
    Subscribed,
    UnexpectedMessage,
)
from collectors.exchanges import EXCHANGES
from fuzz import slow
from streamer import protocol
from streamer.subscription import BadRequest, Subscribe, read_query, read_request, similar_to

OLDEST, NEWEST = 1_230_768_000_000_000, 4_102_444_800_000_000  # 2009 and 2100, in microseconds
LARGEST = 2**63
SYMBOLS = {"binance": "BTCUSDT", "kraken": "BTC/USD"}
MARKETS = [Market("kraken", "BTC/USD"), Market("coinbase", "BTC-USD"), Market("gate", "BTC_USDT")]


def gaps_of(exchange: Exchange) -> list[Gap]:
    market = Market(exchange.NAME, SYMBOLS.get(exchange.NAME, "BTC-USD"))
    return [Gap(market, 102, 1_618_677_817_089_723, 110), Gap(market, 5, OLDEST)]


def obey_frame(name: str, frame: bytes) -> Sequence[Event]:
    """The events, all of them whole, and its trades as the slow reading has them."""
    exchange = EXCHANGES[name]
    try:
        events = list(exchange.parse(frame, 7))
    except UnexpectedMessage as refusal:
        assert refusal.frame == frame
        return []
    assert events, "a frame without an event"
    for event in events:
        check_event(event, exchange)
    trades = [event for event in events if isinstance(event, Trade)]
    if trades:
        compare(trades, lambda: slow.FRAMES[name](slow.load(frame)))
        for symbol in {trade.symbol for trade in trades}:
            ids = [trade.id for trade in trades if trade.symbol == symbol]
            assert ids == sorted(ids), "out of order"
    return events


def obey_page(name: str, body: bytes) -> None:
    exchange = EXCHANGES[name]
    for gap in gaps_of(exchange):
        try:
            page = exchange.parse_page(gap, body, 7)
        except ExchangeError as refusal:
            assert not isinstance(refusal, UnexpectedMessage) or refusal.frame == body
            continue
        symbol = gap.market.symbol
        for trade in page.trades:
            check_trade(trade, exchange)
            assert (trade.symbol, trade.source) == (symbol, Source.BACKFILL)
        if page.cursor is not None:
            request = exchange.page_request(gap, page.cursor)
            assert all(isinstance(value, str) and value for value in request.params.values())
        if page.trades:
            compare(page.trades, lambda: slow.PAGES[name](symbol, slow.load(body)))  # noqa: B023


def compare(trades: Sequence[Trade], reading: Any) -> None:
    try:
        fills: Iterable[slow.Fill] = list(reading())
    except slow.NoOpinion:
        return
    ours = [
        slow.Fill(t.symbol, t.id, t.price, t.size, str(t.side), t.traded_at, str(t.source))
        for t in trades
    ]
    assert sorted(map(exactly, ours)) == sorted(map(exactly, fills)), f"{ours} is not {fills}"


def exactly(fill: slow.Fill) -> tuple[object, ...]:
    """With every digit: Decimal("1.0") equals Decimal("1"), their texts do not."""
    return tuple(map(str, fill))


def check_event(event: Event, exchange: Exchange) -> None:
    match event:
        case Trade():
            check_trade(event, exchange)
        case Heartbeat(symbol, last_id):
            assert type(symbol) is str
            assert 0 <= last_id < LARGEST
        case Subscribed(symbols):
            assert type(symbols) is tuple
            assert all(type(symbol) is str for symbol in symbols)
        case Refused(symbol, reason):
            assert symbol is None or type(symbol) is str
            assert type(reason) is str
        case Farewell(reason):
            assert type(reason) is str
        case Numbered(number):
            assert 0 <= number < LARGEST
        case _:
            raise AssertionError(f"{event!r} is no event")


def check_trade(trade: Trade, exchange: Exchange) -> None:
    assert trade.exchange == exchange.NAME
    assert 0 < len(trade.symbol) <= 64
    assert 0 <= trade.id < LARGEST - 1
    for number in (trade.price, trade.size):
        assert number.is_finite()
        assert number > 0
        assert -40 <= number.adjusted() <= 40
        assert len(number.as_tuple().digits) <= 60
    assert isinstance(trade.side, Side)
    assert isinstance(trade.source, Source)
    assert OLDEST <= trade.traded_at < NEWEST
    assert trade.received_at == 7


def obey_notice(payload: str) -> None:
    """A row that is accepted becomes a frame of which every client reads the same again."""
    try:
        notice = decode(payload)
    except NoticeError:
        return
    match notice:
        case Rows(tx, rows):
            assert type(tx) is int
            assert rows
            for row in rows:
                check_row(row)
        case Doorbell(tx, seqs):
            assert type(tx) is int
            assert all(type(seq) is int for seq in seqs)
        case Mark(text):
            assert payload == f"@{text}"
        case GapNotice():
            check_gap(notice)
        case _:
            raise AssertionError(f"{notice!r} is no notice")


def words_of(frame: bytes) -> Any:
    """What a client reads; the frame's own length must be right."""
    short = frame[1]
    start = {126: 4, 127: 10}.get(short, 2)
    size = short if start == 2 else int.from_bytes(frame[2:start], "big")
    assert (frame[0], len(frame)) == (0x81, start + size)
    return json.loads(frame[start:])


HEAD = protocol.trade_head(MARKETS[0], simulated=False)


def check_row(row: Row) -> None:
    words = words_of(protocol.trade_frame("a1-7;9.5", HEAD, row))
    assert (words["id"], words["price"], words["size"]) == (str(row.trade_id), row.price, row.size)
    assert (words["side"], words["source"]) == (row.side.value, row.source.value)


def check_gap(gap: GapNotice) -> None:
    words = words_of(protocol.gap_frame(HEAD, gap))
    assert (words["after_id"], words["state"]) == (str(gap.after_id), gap.state.value)


def obey_request(text: str) -> None:
    try:
        request = read_request(text)
    except BadRequest as refusal:
        words_of(protocol.error("bad_request", str(refusal)))
        return
    if isinstance(request, Subscribe):
        check_subscription(request)


def obey_query(path: str) -> None:
    try:
        request = read_query(path)
    except BadRequest as refusal:
        words_of(protocol.error("bad_request", str(refusal)))
        return
    if request:
        check_subscription(request)


def check_subscription(request: Subscribe) -> None:
    assert request.filter
    assert request.last is None or 0 <= request.last <= 1_000
    place = request.place
    assert place is None or Cursor.parse(str(place)) == place
    for wanted in list(request.filter)[:5]:
        assert [wanted.matches(market) for market in MARKETS]
        words = words_of(protocol.unknown_market(str(wanted), similar_to(wanted, MARKETS)))
        assert words["market"] == str(wanted)


def obey_cursor(text: str) -> None:
    try:
        cursor = Cursor.parse(text)
    except CursorError:
        return
    assert Cursor.parse(str(cursor)) == cursor
    assert 0 <= cursor.xmin <= cursor.xmax < LARGEST
