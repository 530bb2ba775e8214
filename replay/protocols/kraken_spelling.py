"""How Kraken spells: three names of a pair in REST beside the WebSocket's own; bare numbers."""

ODD_NAMES = {"BTC": "XBT", "DOGE": "XDG"}  # REST's names
OLD_COINS = {"XBT", "ETH", "LTC", "XRP", "XLM", "XMR", "ZEC", "ETC", "REP", "MLN"}  # X… inside
OLD_MONEY = {"USD", "EUR", "GBP", "CAD", "JPY"}  # Z… beside an old coin


def old_name(symbol: str) -> tuple[str, str]:
    base, _, quote = symbol.partition("/")
    return ODD_NAMES.get(base, base), ODD_NAMES.get(quote, quote)


def key_of(symbol: str) -> str:
    """Kraken's internal name: XXBTZUSD, but XBTUSDT and SOLUSD."""
    base, quote = old_name(symbol)
    if base in OLD_COINS and quote in OLD_MONEY:
        return f"X{base}Z{quote}"
    return f"X{base}X{quote}" if {base, quote} <= OLD_COINS else base + quote


def names_of(symbol: str) -> set[str]:
    base, quote = old_name(symbol)
    return {symbol, base + quote, f"{base}/{quote}", key_of(symbol)}


def bare(text: str) -> str:
    """A JSON number without trailing zeros, but with a point: 105433.6, 40.0."""
    shorter = text.rstrip("0") if "." in text else text + "."
    return shorter + "0" if shorter.endswith(".") else shorter


def order_type(id: int) -> str:
    return "limit" if id % 3 else "market"
