"""Our own hand-written frames, and short ways to make trades and gaps for the collectors' tests."""

from decimal import Decimal
from pathlib import Path

from alphapulse.trade import Gap, Market, Micros, Side, Source, Trade

FRAMES = Path(__file__).parent / "frames"
NEW_YEAR: Micros = 1_767_225_600_000_000  # 2026-01-01 00:00 UTC


def frames(exchange: str) -> list[bytes]:
    return (FRAMES / f"{exchange}.jsonl").read_bytes().splitlines()


def trade(
    exchange: str,
    symbol: str,
    id: int,
    price: str,
    size: str,
    side: str,
    after: Micros,
    source: str = "live",
) -> Trade:
    """A trade `after` microseconds into 2026, received at 7."""
    return Trade(
        exchange,
        symbol,
        id,
        Decimal(price),
        Decimal(size),
        Side(side),
        NEW_YEAR + after,
        7,
        Source(source),
    )


def gap(exchange: str, symbol: str, after_id: int, before_id: int | None = None) -> Gap:
    return Gap(Market(exchange, symbol), after_id, NEW_YEAR, before_id)


def digits(trade: Trade) -> tuple[str, str]:
    """Price and size as text: Decimal("1.0") equals Decimal("1"), their texts do not."""
    return str(trade.price), str(trade.size)
