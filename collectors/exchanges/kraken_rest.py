"""Kraken's past trades by REST: its own names of books, rows without names, seconds as numbers.

https://docs.kraken.com/api/docs/rest-api/get-recent-trades
"""

from msgspec import Raw, Struct
from msgspec.json import Decoder

from alphapulse.trade import Gap, Micros, Side, Trade
from collectors import exchange as say
from collectors import wire

PAGES = say.Pages("time", "since")
SIDE = {"b": Side.BUY, "s": Side.SELL}  # the taker's
REST_NAME = {"BTC": "XBT", "DOGE": "XDG"}
OVERLAP = 1_000_000_000  # ns asked again before a gap: after_at is cut, and ties may be left out


class PastRow(Struct, array_like=True, gc=False):
    price: Raw
    qty: Raw
    time: Raw  # seconds, a number of up to 7 decimals
    side: str
    kind: str
    misc: str
    trade_id: wire.Id


class Answer(Struct):
    error: list[str] = []
    result: dict[str, Raw] = {}


ANSWER = Decoder(Answer)
PAST = Decoder(list[PastRow])


def page_request(gap: Gap, cursor: str | None) -> say.Request:
    """Oldest first, from a nanosecond on: one before the last page's end, for its ties."""
    since = int(cursor) - 1 if cursor else gap.after_at * 1000 - OVERLAP
    pair = "".join(REST_NAME.get(asset, asset) for asset in gap.market.symbol.split("/"))
    return say.Request("/0/public/Trades", {"pair": pair, "since": str(since), "count": "1000"})


def parse_page(gap: Gap, body: bytes, received_at: Micros) -> say.Page:
    """The answer names the book in its own way: it is whatever is not `last`."""
    try:
        page = ANSWER.decode(body)
        if page.error:
            raise refusal(page.error)  # with HTTP status 200
        last = str(int(wire.text(page.result.pop("last"))))
        (rows,) = page.result.values()
        trades = [past_trade(row, gap, received_at) for row in PAST.decode(rows)]
    except wire.FAULTS as failure:
        raise say.UnexpectedMessage(body, str(failure)) from failure
    newest_id = max((trade.id for trade in trades), default=-1)
    is_end = not trades or (gap.before_id is not None and newest_id >= gap.before_id - 1)
    return say.Page(trades, None if is_end else last)


def refusal(words: list[str]) -> say.ExchangeError:
    """Such as `EQuery:Unknown asset pair`, which no second try mends, or a rate limit's."""
    is_final = any(word.startswith("EQuery:") for word in words)
    return (say.Rejected if is_final else say.ExchangeError)("; ".join(words))


def past_trade(row: PastRow, gap: Gap, received_at: Micros) -> Trade:
    exchange, symbol, id = gap.market.exchange, gap.market.symbol, row.trade_id
    price, size = wire.quantity(wire.text(row.price)), wire.quantity(wire.text(row.qty))
    side, at = SIDE[row.side], wire.micros_of_seconds(row.time)
    return Trade(exchange, symbol, id, price, size, side, at, received_at, wire.BACKFILL)
