"""Kraken's REST: Trades, oldest first, by a cursor of nanoseconds; and the list of pairs. Pure.

https://docs.kraken.com/api/docs/rest-api/get-recent-trades
"""

from collections.abc import Mapping

import msgspec
from msgspec.json import encode

from alphapulse.trade import Micros, Side
from replay.dialect import JSON, Answer, Desk, page_size
from replay.protocols.kraken_spelling import bare, key_of, names_of, old_name, order_type
from replay.tape import Print, Tape

SIDE_LETTER = {Side.BUY: "b", Side.SELL: "s"}


def respond(path: str, params: Mapping[str, str], desk: Desk) -> Answer:
    """The HTTP status is 200 even where it failed."""
    match path.strip("/"):
        case "0/public/Trades":
            return page(params, desk)
        case "0/public/AssetPairs":
            pairs = {key_of(symbol): pair(tape) for symbol, tape in desk.tapes.items()}
            return answer(pairs)
        case "0/public/Time":
            return answer({"unixtime": desk.clock() // 1_000_000})
    return refused("EGeneral:Unknown method")


def page(params: Mapping[str, str], desk: Desk) -> Answer:
    """Oldest first. `since` is exclusive: trades of that very nanosecond are not repeated."""
    tape = next((t for s, t in desk.tapes.items() if params.get("pair") in names_of(s)), None)
    if tape is None or not desk.serves(tape.market.symbol):
        return refused("EQuery:Unknown asset pair")
    count = page_size(params.get("count"))
    since = since_nanos(params.get("since"))
    if count is None or since is None:
        return refused("EGeneral:Invalid arguments")
    start = place_since(tape, since) if since else max(0, len(tape) - count)
    prints = tape.prints(start, start + count)
    last = nanos(prints[-1].traded_at) if prints else since
    return answer({key_of(tape.market.symbol): [row(p) for p in prints], "last": str(last)})


def since_nanos(text: str | None) -> int | None:
    """Nanoseconds; short numbers are seconds. 0 where none is given, None where it is no number."""
    if not text:
        return 0
    whole, _, fraction = text.partition(".")
    if not whole.isdecimal() or (fraction and not fraction.isdecimal()):
        return None
    if len(whole) > 12:
        return int(whole)
    return int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))


def place_since(tape: Tape, since: int) -> int:
    """Where the first trade later than `since` stands."""
    place = tape.place_after(since // 1000 - 1)
    while place < len(tape) and nanos(tape.columns.times[place]) <= since:
        place += 1
    return place


def nanos(at: Micros) -> int:
    """REST has one digit more than the WebSocket: invented, but equal for equal instants."""
    return at * 1000 + at % 7 * 100


def row(print: Print) -> list[object]:
    second, rest = divmod(nanos(print.traded_at), 1_000_000_000)
    time = msgspec.Raw(bare(f"{second}.{rest // 100:07d}").encode())
    letter, kind = SIDE_LETTER[print.side], order_type(print.id)[0]
    return [print.price, print.size, time, letter, kind, "", print.id]


def pair(tape: Tape) -> dict[str, object]:
    base, quote = old_name(tape.market.symbol)
    return {
        "altname": base + quote,
        "wsname": f"{base}/{quote}",
        "base": base,
        "quote": quote,
        "pair_decimals": tape.digits.price,
        "lot_decimals": tape.digits.size,
        "status": "online",
    }


def failure(status: int, wait: float) -> Answer:
    """200: as Kraken does it. Anything else comes from the wall in front of it."""
    if status == 200:
        return refused("EGeneral:Too many requests")
    plain = {"Content-Type": "text/html", "Retry-After": f"{wait:g}"}
    return Answer(status, b"<html>error</html>", plain)


def refused(words: str) -> Answer:
    return Answer(200, encode({"error": [words]}), {"Content-Type": JSON})


def answer(result: object) -> Answer:
    return Answer(200, encode({"error": [], "result": result}), {"Content-Type": JSON})
