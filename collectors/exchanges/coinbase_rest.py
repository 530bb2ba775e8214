"""Coinbase's past trades by REST: one record, the same ids, behind both of its feeds.

https://docs.cdp.coinbase.com/api-reference/exchange-api/rest-api/products/get-product-trades
"""

from typing import Literal
from urllib.parse import quote

from msgspec import Struct
from msgspec.json import Decoder

from alphapulse.trade import Gap, Micros, Side, Trade
from collectors import exchange as say
from collectors import wire

REST = "https://api.exchange.coinbase.com"
REQUEST_PAUSE = 0.15  # 10 requests a second
PAGES = say.Pages("down", "after")

TAKER = {"buy": Side.SELL, "sell": Side.BUY}  # by the maker's side, which is what it publishes


class Row(Struct, gc=False):
    trade_id: wire.Id
    side: Literal["buy", "sell"]
    size: str
    price: str
    time: str


PAST = Decoder(list[Row])


def page_request(gap: Gap, cursor: str | None) -> say.Request:
    after = cursor or gap.before_id  # older than this; newest first
    params = {"limit": "1000"} | ({"after": str(after)} if after is not None else {})
    return say.Request(f"/products/{quote(gap.market.symbol, safe='')}/trades", params)


def parse_page(gap: Gap, body: bytes, received_at: Micros) -> say.Page:
    try:
        trades = [past_trade(row, gap, received_at) for row in PAST.decode(body)]
    except wire.FAULTS as failure:
        raise wire.page_error(body, failure) from failure
    oldest_id = min((trade.id for trade in trades), default=0)
    return say.Page(trades, str(oldest_id) if gap.after_id + 1 < oldest_id else None)


def past_trade(row: Row, gap: Gap, received_at: Micros) -> Trade:
    exchange, symbol, id = gap.market.exchange, gap.market.symbol, row.trade_id
    price, size = wire.quantity(row.price), wire.quantity(row.size)
    side, at = TAKER[row.side], wire.micros(row.time)
    return Trade(exchange, symbol, id, price, size, side, at, received_at, wire.BACKFILL)
