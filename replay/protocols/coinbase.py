"""Coinbase Exchange: channels `matches` and `heartbeat`, and REST trades. `side` is the MAKER's.

https://docs.cdp.coinbase.com/exchange/websocket-feed/channels
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta

import msgspec
from msgspec import Struct
from msgspec.json import decode, encode

from alphapulse.trade import Side
from replay.dialect import JSON, Answer, Desk, Manners, iso, micros, page_size
from replay.tape import Print, Tape

NAME = "coinbase"
MARKETS: Sequence[str] = ("BTC-USD", "ETH-USD")
FORM = "match"
MANNERS = Manners(subscribe_within=5.0)
CHANNELS = ("matches", "heartbeat")
MAKER = {Side.BUY: "sell", Side.SELL: "buy"}
TAKER = {"sell": Side.BUY, "buy": Side.SELL}
DATE = re.compile(r'(?<="time":")\d{4}-\d\d-\d\d(?=T)')


class Channel(Struct):
    name: str
    product_ids: list[str] = []


class Request(Struct):
    type: str
    product_ids: list[str] = []
    channels: list[str | Channel] = []

    def wishes(self) -> Iterator[tuple[str, str]]:
        """Every (channel, product) that is asked for."""
        for channel in self.channels:
            wanted = Channel(channel) if isinstance(channel, str) else channel
            for product in wanted.product_ids or self.product_ids:
                yield wanted.name, product


class CoinbaseLine:
    form = FORM

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.held: dict[str, set[str]] = {channel: set() for channel in CHANNELS}
        self.symbols = self.held["matches"]

    def stamp(self, frames: bytes) -> bytes:
        return frames

    def open(self) -> list[str]:
        return []

    def read(self, message: str) -> list[str]:
        try:
            request = decode(message, type=Request)
        except msgspec.DecodeError:
            return [error("Malformed JSON", "")]
        if request.type not in {"subscribe", "unsubscribe"}:
            return [error("Malformed message", f"{request.type} is not a valid type")]
        wishes = list(request.wishes())
        if refusal := self.refusal(request, wishes):
            return [refusal]
        return self.subscribe(wishes) if request.type == "subscribe" else self.leave(wishes)

    def refusal(self, request: Request, wishes: list[tuple[str, str]]) -> str | None:
        """One bad product or channel voids the whole request."""
        if not wishes:
            return error(f"Failed to {request.type}", "channels and product_ids must be given")
        for channel, product in wishes:
            if channel not in CHANNELS:
                return error(f"Failed to {request.type}", f"{channel} is not a valid channel")
            if not self.desk.serves(product):
                return error(f"Failed to {request.type}", f"{product} is not a valid product")
        return None

    def subscribe(self, wishes: list[tuple[str, str]]) -> list[str]:
        fresh = [p for channel, p in wishes if channel == "matches" and p not in self.symbols]
        for channel, product in wishes:
            self.held[channel].add(product)
        return [self.state(), *(frame for product in fresh for frame in self.last_match(product))]

    def last_match(self, product: str) -> list[str]:
        return [match("last_match", product, p) for p in self.desk.tapes[product].latest(1)]

    def leave(self, wishes: list[tuple[str, str]]) -> list[str]:
        for channel, product in wishes:
            self.held[channel].discard(product)
        return [self.state()]

    def state(self) -> str:
        channels = [
            {"name": name, "product_ids": sorted(products), "account_ids": None}
            for name, products in self.held.items()
            if products
        ]
        return encode({"type": "subscriptions", "channels": channels}).decode()

    def beat(self) -> list[str]:
        return [self.heartbeat(product) for product in sorted(self.held["heartbeat"])]

    def heartbeat(self, product: str) -> str:
        last = self.desk.tapes[product].last_id
        shown = 0 if self.desk.forgets_ids else last
        return (
            f'{{"type":"heartbeat","sequence":{sequence(last) + 1},"last_trade_id":{shown},'
            f'"product_id":"{product}","time":"{iso(self.desk.clock())}"}}'
        )

    def refuse(self, symbol: str) -> list[str]:
        holders = [products for products in self.held.values() if symbol in products]
        for products in holders:
            products.discard(symbol)
        return [error("Failed to subscribe", f"{symbol} is not a valid product")] if holders else []

    def farewell(self) -> list[str]:
        return []  # it closes without a word


def line(path: str, params: Mapping[str, str], desk: Desk) -> CoinbaseLine:
    return CoinbaseLine(desk)


def trade_frames(form: str, symbol: str, prints: Sequence[Print]) -> list[str]:
    return [match("match", symbol, print) for print in prints]


def match(kind: str, product: str, print: Print) -> str:
    number = print.id
    return (
        f'{{"type":"{kind}","trade_id":{number},'
        f'"maker_order_id":"{number:08x}-6d61-4b65-8000-6d616b657200",'
        f'"taker_order_id":"{number:08x}-7461-4b65-8000-74616b657200",'
        f'"side":"{MAKER[print.side]}","size":"{print.size}","price":"{print.price}",'
        f'"product_id":"{product}","sequence":{sequence(number)},"time":"{iso(print.traded_at)}"}}'
    )


def sequence(id: int) -> int:
    """Rises with the id but jumps: it counts the whole order book's messages."""
    return id * 17 + id % 11


def error(message: str, reason: str) -> str:
    return encode({"type": "error", "message": message, "reason": reason}).decode()


def respond(path: str, params: Mapping[str, str], desk: Desk) -> Answer:
    match path.strip("/").split("/"):
        case ["products"]:
            return answer([product(tape) for tape in desk.tapes.values()])
        case ["products", symbol, "trades"] if desk.serves(symbol):
            return page(desk.tapes[symbol], params)
    return answer({"message": "NotFound"}, status=404)


def page(tape: Tape, params: Mapping[str, str]) -> Answer:
    """Newest first. `after` walks to older ids; `before` gives the newest page above it."""
    size = page_size(params.get("limit"))
    cursors = [params[name] for name in ("after", "before") if name in params]
    if size is None or not all(cursor.isdecimal() for cursor in cursors):
        return answer({"message": "Bad Request"}, status=400)
    stop = tape.place(int(params["after"])) if "after" in params else len(tape)
    start = tape.place(int(params["before"]) + 1) if "before" in params else 0
    prints = tape.prints(max(start, stop - size), stop)[::-1]
    edges = {"CB-BEFORE": str(prints[0].id), "CB-AFTER": str(prints[-1].id)} if prints else {}
    return answer([row(print) for print in prints], headers=edges)


def row(print: Print) -> dict[str, object]:
    return {
        "trade_id": print.id,
        "side": MAKER[print.side],
        "size": print.size,
        "price": print.price,
        "time": iso(print.traded_at),
    }


def product(tape: Tape) -> dict[str, object]:
    base, _, quote = tape.market.symbol.partition("-")
    return {
        "id": tape.market.symbol,
        "base_currency": base,
        "quote_currency": quote,
        "quote_increment": f"{10.0**-tape.digits.price:.{tape.digits.price}f}",
        "base_increment": f"{10.0**-tape.digits.size:.{tape.digits.size}f}",
        "status": "online",
        "status_message": "",
        "trading_disabled": False,
    }


def failure(status: int, wait: float) -> Answer:
    words = {429: "Public rate limit exceeded"}.get(status, "Internal server error")
    return answer({"message": words}, status=status, headers={"Retry-After": f"{wait:g}"})


def answer(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, encode(body), {"Content-Type": JSON} | (headers or {}))


class Recorded(Struct):
    type: str = ""
    trade_id: int = 0
    side: str = ""
    size: str = ""
    price: str = ""
    product_id: str = ""
    time: str = ""


def read_frame(raw: str) -> list[tuple[str, Print]] | None:
    frame = decode(raw, type=Recorded)
    if frame.type in {"subscriptions", "error"}:
        return None
    if frame.type not in {"match", "last_match"}:
        return []
    side, at = TAKER[frame.side], micros(frame.time)
    return [(frame.product_id, Print(frame.trade_id, frame.price, frame.size, side, at))]


def shift(raw: str, days: int) -> str:
    return DATE.sub(lambda found: str(date.fromisoformat(found[0]) + timedelta(days)), raw)
