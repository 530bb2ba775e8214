import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.trade import Market
from replay.dialect import Desk, iso, micros, page_size
from replay.protocols import ALL, DIALECTS
from replay.tape import Digits, Tape
from tests.replay.protocols.desk import NOW, desk_of, twelve


@given(st.integers(0, 4_000_000_000_000_000))
def test_a_time_is_the_same_after_writing_and_reading(at: int) -> None:
    assert micros(iso(at)) == at
    assert len(iso(at)) == len("2021-04-17T16:43:37.089723Z")


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2021-04-17T16:43:37.089723Z", NOW),
        ("2021-04-17T16:43:37.0897Z", NOW - 23),
        ("2021-04-17T16:43:37Z", NOW - 89_723),
        ("2021-04-17T16:43:37.089723999Z", NOW),
    ],
)
def test_a_time_is_read_with_any_number_of_digits_and_cut(text: str, at: int) -> None:
    assert micros(text) == at


@pytest.mark.parametrize(
    ("text", "size"), [(None, 1000), ("0", 1), ("7", 7), ("5000", 1000), ("x", None), ("-1", None)]
)
def test_a_page_has_between_one_and_a_thousand_rows(text: str | None, size: int | None) -> None:
    assert page_size(text) == size


def test_a_desk_serves_what_it_has_unless_it_refuses() -> None:
    desk = Desk({"A": Tape(Market("kraken", "A"), Digits(1, 1))}, lambda: 0)
    assert desk.serves("A") and not desk.serves("B")
    desk.refused.add("A")
    assert not desk.serves("A")


def test_every_dialect_is_known_by_its_name() -> None:
    assert list(DIALECTS) == ["binance", "coinbase", "coinbase-advanced", "kraken"]
    assert {name: dialect.NAME for name, dialect in DIALECTS.items()} == {n: n for n in DIALECTS}


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.NAME)
def test_each_dialect_reads_what_it_writes(dialect: object) -> None:
    """Laws that hold for all, so that a new dialect is tested by being registered."""
    assert dialect in ALL
    for known in ALL:
        if known is not dialect:
            continue
        symbol = known.MARKETS[0]
        prints = twelve()
        texts = known.trade_frames(known.FORM, symbol, prints)
        read = [found for text in texts for found in known.read_frame(text) or []]
        assert [(s, p.id, p.side, float(p.price)) for s, p in read] == [
            (symbol, p.id, p.side, float(p.price)) for p in prints
        ]
        assert all(
            abs(p.traded_at - q.traded_at) < 1000 for (_, p), q in zip(read, prints, strict=True)
        )


@pytest.mark.parametrize("dialect", ALL, ids=lambda dialect: dialect.NAME)
def test_a_shift_by_no_days_changes_nothing(dialect: object) -> None:
    for known in ALL:
        for text in known.trade_frames(known.FORM, known.MARKETS[0], twelve()):
            assert known.shift(text, 0) == text
            assert known.shift(known.shift(text, 40), -40) == text


@pytest.mark.parametrize("name", list(DIALECTS))
def test_a_line_begins_without_markets_in_the_usual_form(name: str) -> None:
    dialect = DIALECTS[name]
    one, other = dialect.MARKETS
    line = dialect.line("stream", {}, desk_of(name, one, other, twelve()))
    assert (line.form, line.symbols) == (dialect.FORM, set())


@pytest.mark.parametrize("name", list(DIALECTS))
@pytest.mark.parametrize("nonsense", ["", "{", "[]", "null", '{"type":5}', '{"method":[]}', "\x00"])
def test_no_message_of_a_client_breaks_a_line(name: str, nonsense: str) -> None:
    dialect = DIALECTS[name]
    one, other = dialect.MARKETS
    line = dialect.line("stream", {}, desk_of(name, one, other, twelve()))
    assert len(line.read(nonsense)) == 1
    assert not line.symbols
