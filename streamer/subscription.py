"""What a client may ask for: its requests, read strictly, and the markets that they mean. Pure."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Annotated, Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Meta, Struct

from alphapulse.cursor import Cursor, CursorError
from alphapulse.trade import Market, unspell

MOST_LAST = 1_000  # trades of each market in a backlog
MOST_MARKETS = 1_000  # names in one request
ANY = "*"

Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]


class BadRequest(ValueError):
    """A client's words that cannot be followed; the message tells it what is wrong."""


class Wanted(Struct, frozen=True, forbid_unknown_fields=True):
    """Markets by exchange and symbol; what is left out, or "*", means all."""

    exchange: Name = ANY
    symbol: Name = ANY

    def matches(self, market: Market) -> bool:
        return self.exchange in (ANY, market.exchange) and (
            self.symbol in (ANY, market.symbol) or unspell(self.symbol) == market.symbol
        )

    @property
    def is_exact(self) -> bool:
        return ANY not in (self.exchange, self.symbol)

    def __str__(self) -> str:
        return f"{self.exchange}/{self.symbol}"


Filter: TypeAlias = frozenset[Wanted]
EVERYTHING: Filter = frozenset([Wanted()])


class Subscribe(Struct, frozen=True, forbid_unknown_fields=True, tag="subscribe"):
    """Replaces whatever the client was subscribed to. No markets: all of them."""

    markets: (
        Annotated[tuple[Name | Wanted, ...], Meta(min_length=1, max_length=MOST_MARKETS)] | None
    ) = None
    last: Annotated[int, Meta(ge=0, le=MOST_LAST)] | None = None
    cursor: Annotated[str, Meta(max_length=4096)] | None = None

    @property
    def filter(self) -> Filter:
        if self.markets is None:
            return EVERYTHING
        return frozenset(read_wanted(w) if isinstance(w, str) else w for w in self.markets)

    @property
    def place(self) -> Cursor | None:
        return None if self.cursor is None else Cursor.parse(self.cursor)


class Unsubscribe(Struct, frozen=True, forbid_unknown_fields=True, tag="unsubscribe"):
    pass


class Ping(Struct, frozen=True, forbid_unknown_fields=True, tag="ping"):
    pass


class Token(Struct, frozen=True, forbid_unknown_fields=True, tag="token"):
    """What a client knows: its first frame, where it could not say so in a header."""

    token: str


Request: TypeAlias = Subscribe | Unsubscribe | Ping | Token

decoder = msgspec.json.Decoder(Request)
token_decoder = msgspec.json.Decoder(Token)


def read_request(text: str | bytes) -> Request:
    """A client's frame; raises BadRequest."""
    if isinstance(text, bytes):
        raise BadRequest("binary frames mean nothing here: send JSON in a text frame")
    try:
        return checked(decoder.decode(text))
    except msgspec.ValidationError as failure:
        raise BadRequest(f"{failure}; sent: {text[:100]!r}") from failure
    except (msgspec.DecodeError, UnicodeError, RecursionError) as failure:
        raise BadRequest(f"not readable as JSON ({failure}); sent: {text[:100]!r}") from failure


def read_token(text: str | bytes) -> str | None:
    """The token in a client's first frame; None if it is another frame. Told to nobody."""
    try:
        return token_decoder.decode(text).token
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def checked(request: Request) -> Request:
    if isinstance(request, Subscribe):
        try:
            _ = request.filter, request.place
        except CursorError as failure:
            raise BadRequest(
                f"{failure}: send one that a frame of ours carried, or none"
            ) from failure
    return request


def read_wanted(text: str) -> Wanted:
    """`kraken`, `kraken/*`, `*/BTC_USD`, `kraken/BTC_USD` (a key), `kraken/BTC/USD`, `*`."""
    exchange, _, symbol = text.partition("/")
    return Wanted(exchange or ANY, symbol or ANY)


def read_query(path: str) -> Subscribe | None:
    """What the address itself asks for (None: nothing); raises BadRequest.

    `?exchange=kraken&symbol=BTC/USD&market=kraken/ETH_USD&last=10&cursor=…`; the first three may
    repeat, and exchanges and symbols mean every combination of them.
    """
    try:
        pairs = parse_qsl(urlsplit(path).query, keep_blank_values=True, max_num_fields=MOST_MARKETS)
    except ValueError as failure:
        raise BadRequest(f"the address is not readable: {failure}") from failure
    if not pairs:
        return None
    refuse_unknown(name for name, _ in pairs)
    exchanges, symbols, markets = (
        [value for name, value in pairs if name == wanted]
        for wanted in ("exchange", "symbol", "market")
    )
    named: list[str | dict[str, str]] = list(markets)
    if exchanges or symbols:
        named += [
            {"exchange": e, "symbol": s} for e in exchanges or [ANY] for s in symbols or [ANY]
        ]
    words: dict[str, Any] = {name: value for name, value in pairs if name in {"last", "cursor"}}
    return convert(words | ({"markets": named} if named else {}))


def refuse_unknown(names: Iterable[str]) -> None:
    known = ("exchange", "symbol", "market", "last", "cursor")
    for name in names:
        if name not in known:
            raise BadRequest(f"the address asks for {name[:50]!r}; known are {', '.join(known)}")


def convert(words: dict[str, Any]) -> Subscribe:
    try:
        request = msgspec.convert(words | {"type": "subscribe"}, Subscribe, strict=False)
    except msgspec.ValidationError as failure:
        raise BadRequest(f"in the address: {failure}") from failure
    checked(request)
    return request


def similar_to(wanted: Wanted, markets: Iterable[Market]) -> list[str]:
    """Markets that the client may have meant: the symbol elsewhere, or a name that looks alike."""
    keys = {f"{market.exchange}/{market.symbol}": market for market in markets}
    elsewhere = [
        key
        for key, market in keys.items()
        if market.symbol in (wanted.symbol, unspell(wanted.symbol))
    ]
    alike = get_close_matches(f"{wanted.exchange}/{unspell(wanted.symbol)}", keys, n=3, cutoff=0.5)
    return list(dict.fromkeys(elsewhere[:3] + alike))[:3]
