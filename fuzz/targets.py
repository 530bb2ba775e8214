"""Every decoder with its law and its first inputs. An exchange is here by being registered."""

from collections.abc import Callable, Sequence
from functools import partial
from random import Random

from msgspec import Struct
from msgspec.json import encode

from alphapulse.trade import Market
from collectors.exchanges import ALL
from fuzz import journal, laws
from fuzz.mutation import damage, mutate
from replay.dialect import Desk
from replay.protocols import DIALECTS
from replay.tape import Digits, Tape
from tests.collectors.golden import frames
from tests.replay.protocols.desk import NOW, twelve

NOTICES = [
    b"77|5,1,900,1700000000000001,2500,bl,100.10,0.50000000;6,2,3,0,-1,ss,1,1e5",
    b"77|5,1,900;6,1,901,0,0,bb,1,1",
    b"77|",
    b"@a1 b2",
    encode(
        {"gap_id": 1, "market_id": 3, "state": "suspected", "after_id": 10, "before_id": 20}
        | {"after_at": 5, "before_at": None, "cause": "disconnect", "filled": 0, "absent": 0}
    ),
]
REQUESTS = [
    b'{"type":"ping"}',
    b'{"type":"unsubscribe"}',
    b'{"type":"subscribe","markets":["kraken",{"symbol":"X"}],"last":5,"cursor":"a1-7,3:5;9.1"}',
]
QUERIES = [
    b"/?exchange=kraken&symbol=BTC/USD&symbol=ETH%2FUSD&last=10&cursor=a1-7,3;9.1",
    b"/stream?market=kraken/BTC_USD&market=*",
]
CURSORS = [b"a1-7", b"a1-70,3,5:9;9.1", b"zz-9223372036854775806;1.0"]


class Target(Struct, frozen=True):
    """`obey` fails where the law is broken; `bend` damages an input in ways that suit its form."""

    obey: Callable[[bytes], object]
    seeds: Sequence[bytes]
    bend: Callable[[bytes, Random], bytes] = mutate


def bend_line(data: bytes, dice: Random) -> bytes:
    lines = data.splitlines() or [b""]
    at = dice.randrange(len(lines))
    lines[at] = mutate(lines[at], dice)
    return b"\n".join(lines)


def desk(name: str, symbol: str) -> Desk:
    tape = Tape(Market(name, symbol), Digits(2, 8))
    for print in twelve():
        tape.add(print)
    return Desk({symbol: tape}, lambda: NOW)


def frame_seeds(name: str) -> list[bytes]:
    dialect = DIALECTS[name]
    own = dialect.trade_frames(dialect.FORM, dialect.MARKETS[0], twelve())
    return [*frames(name), *(text.encode() for text in own)]


def page_seeds(name: str) -> list[bytes]:
    """What replay answers to the exchange's own questions, and a complaint."""
    (exchange,) = [exchange for exchange in ALL if name == exchange.NAME]
    gap = laws.gaps_of(exchange)[0]
    request = exchange.page_request(gap, None)
    dialect = DIALECTS[name]
    counter = desk(name, gap.market.symbol)
    page = dialect.respond(request.path, request.params, counter)
    assert page.status == 200, page
    return [page.body, dialect.failure(429, 1.0).body, b"[]"]


def as_text(law: Callable[[str], object], data: bytes) -> object:
    return law(data.decode(errors="replace"))


def as_path(data: bytes) -> None:
    """Websockets hangs up on an address that is no ASCII."""
    laws.obey_query(data.decode("ascii", "ignore"))


def targets() -> dict[str, Target]:
    found: dict[str, Target] = {}
    for name in (exchange.NAME for exchange in ALL):
        found[f"{name}.parse"] = Target(partial(laws.obey_frame, name), frame_seeds(name))
        found[f"{name}.parse_page"] = Target(partial(laws.obey_page, name), page_seeds(name))
    return found | {
        "notice": Target(partial(as_text, laws.obey_notice), NOTICES),
        "request": Target(partial(as_text, laws.obey_request), REQUESTS),
        "address": Target(as_path, QUERIES, damage),
        "cursor": Target(partial(as_text, laws.obey_cursor), CURSORS, damage),
        "journal": Target(journal.obey, journal.seeds(), journal.bend),
        "letters": Target(journal.obey_letters, [journal.LETTERS], bend_line),
    }
