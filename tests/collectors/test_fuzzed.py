"""Whatever an exchange may send: a typed error, or exactly what a second, slow reading says."""

import json
from collections.abc import Sequence
from decimal import Decimal
from operator import attrgetter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import astuple

from alphapulse.trade import Side, Trade
from collectors.action import Report
from collectors.exchange import UnexpectedMessage
from collectors.exchanges import ALL, EXCHANGES
from collectors.session import Session
from fuzz import laws, slow
from fuzz.mutation import Pairs, Token, mutate, read, written
from fuzz.targets import frame_seeds, page_seeds
from replay.protocols import DIALECTS
from replay.tape import Print

each_exchange = pytest.mark.parametrize("name", EXCHANGES)
quickly = settings(max_examples=40)  # `make fuzz` goes deep
dices = st.randoms(use_true_random=False)


def test_every_exchange_has_its_slow_reading() -> None:
    assert set(slow.FRAMES) == set(slow.PAGES) == {exchange.NAME for exchange in ALL}


@each_exchange
@quickly
@given(dice=dices)
def test_a_bent_frame_is_refused_or_means_what_it_says(name: str, dice: Random) -> None:
    laws.obey_frame(name, mutate(dice.choice(frame_seeds(name)), dice))


@each_exchange
@quickly
@given(dice=dices)
def test_a_bent_page_is_refused_or_means_what_it_says(name: str, dice: Random) -> None:
    laws.obey_page(name, mutate(dice.choice(page_seeds(name)), dice))


def quantities(digits: int) -> st.SearchStrategy[str]:
    return st.decimals("0.00000001", 10**9, places=digits).map(lambda number: f"{number:f}")


prints = st.builds(
    Print,
    id=st.integers(0, 2**63 - 2),
    price=quantities(8),
    size=quantities(18),
    side=st.sampled_from(Side),
    # whole milliseconds: Binance tells no more
    traded_at=st.integers(laws.OLDEST // 1000, laws.NEWEST // 1000 - 1).map(lambda at: at * 1000),
)
tapes = st.lists(prints, min_size=1, max_size=5, unique_by=attrgetter("id"))


def valid_frames(name: str, tape: Sequence[Print]) -> list[bytes]:
    dialect = DIALECTS[name]
    oldest_first = sorted(tape, key=attrgetter("traded_at", "id"))
    texts = dialect.trade_frames(dialect.FORM, dialect.MARKETS[0], oldest_first)
    return [text.encode() for text in texts]


def trades_of(name: str, frames: Sequence[bytes]) -> list[Trade]:
    events = [event for frame in frames for event in laws.obey_frame(name, frame)]
    return [event for event in events if isinstance(event, Trade)]


@each_exchange
@quickly
@given(tape=tapes)
def test_every_valid_trade_is_read_as_it_happened(name: str, tape: list[Print]) -> None:
    """Against the tape; digit by digit `obey_frame` compares it with the slow reading."""
    found = {trade.id: trade for trade in trades_of(name, valid_frames(name, tape))}
    assert found.keys() == {print.id for print in tape}
    for print in tape:
        trade = found[print.id]
        assert (trade.price, trade.size) == (Decimal(print.price), Decimal(print.size))
        assert (trade.side, trade.traded_at) == (print.side, print.traded_at)


@each_exchange
@quickly
@given(tape=tapes, dice=dices)
def test_neither_order_nor_blanks_nor_new_words_change_a_trade(
    name: str, tape: list[Print], dice: Random
) -> None:
    frames = valid_frames(name, tape)
    rewritten = [reordered(frame, dice) for frame in frames]
    assert list(map(astuple, trades_of(name, rewritten))) == list(
        map(astuple, trades_of(name, frames))
    )


def reordered(frame: bytes, dice: Random) -> bytes:
    tree = read(frame)
    rearrange(tree, dice)
    return b" " + written(tree).encode().replace(b'":', b'" :\n') + b"\t"


def rearrange(tree: object, dice: Random) -> None:
    if isinstance(tree, Pairs):
        tree.append(("brand_new", Token(json.dumps({"e": ["x", 1.5, None]}))))
        dice.shuffle(tree)
        for _, value in tree:
            rearrange(value, dice)
    elif isinstance(tree, list):
        for value in tree:
            rearrange(value, dice)


@each_exchange
@quickly
@given(dice=dices)
def test_a_session_survives_any_sequence_of_frames(name: str, dice: Random) -> None:
    session = Session(EXCHANGES[name], EXCHANGES[name].MARKETS, {}, 0.0)
    session.open(0.0)
    for second in range(8):
        frame = dice.choice(frame_seeds(name))
        try:
            actions = session.receive(mutate(frame, dice) if second % 2 else frame, second, 7)
        except UnexpectedMessage:
            continue
        for action in [*actions, *session.tick(second)]:
            if isinstance(action, Report):
                gap = action.gap
                assert gap.before_id is None or gap.after_id < gap.before_id
