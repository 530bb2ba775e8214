"""The readings that exchange files share: exact, or refused."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from collectors.exchange import ExchangeError, UnexpectedMessage
from collectors.wire import (
    FAULTS,
    NEWEST,
    OLDEST,
    encode,
    id_of,
    micros,
    micros_of_seconds,
    page_error,
    quantity,
    text,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("digits", ["1", "0.00001305", "61837.63000000", "5e3", "1E-30", "9" * 38])
def test_a_quantity_keeps_its_digits(digits: str) -> None:
    assert str(quantity(digits)) == str(Decimal(digits))


NO_QUANTITIES = [
    *("0", "0.000", "0e99", "-1", "+1", "NaN", "sNaN", "-Infinity", "Infinity", "inf"),
    *("1e999999", "1e-999999", "1e41", "1e-41", "1" * 61, "1" * 100_000),
    *("", ".", " 1", "1.0.0", "0x10", "1_000", "one", '"1"'),
]


@pytest.mark.parametrize("digits", NO_QUANTITIES)
def test_what_is_no_quantity_is_refused(digits: str) -> None:
    with pytest.raises(FAULTS):
        quantity(digits)


@given(st.decimals(min_value="1e-18", max_value="1e20", places=18))
def test_every_market_quantity_survives(number: Decimal) -> None:
    assert quantity(str(number)).as_tuple() == number.as_tuple()


@given(st.text())
def test_any_text_is_a_quantity_above_zero_or_a_fault(digits: str) -> None:
    try:
        number = quantity(digits)
    except FAULTS:
        return
    assert number.is_finite()
    assert number > 0
    assert -40 <= number.adjusted() <= 40


@pytest.mark.parametrize(
    ("written", "at"),
    [
        ("2026-01-01T00:00:00Z", 1_767_225_600_000_000),
        ("2026-01-01T00:00:00.5Z", 1_767_225_600_500_000),
        ("2026-01-01T00:00:00.1234Z", 1_767_225_600_123_400),
        ("2026-01-01T00:00:00.123456Z", 1_767_225_600_123_456),
        ("2026-01-01T00:00:00.1234569Z", 1_767_225_600_123_456),
        ("2026-01-01T00:00:00.999999999Z", 1_767_225_600_999_999),
        ("2026-01-01T01:00:00+01:00", 1_767_225_600_000_000),
    ],
)
def test_a_time_is_cut_to_microseconds(written: str, at: int) -> None:
    assert micros(written) == at


@given(st.integers(OLDEST, NEWEST - 1))
def test_every_microsecond_is_read_back(at: int) -> None:
    moment = EPOCH + timedelta(microseconds=at)
    assert micros(moment.isoformat()) == at
    assert micros(moment.isoformat().replace("+00:00", "Z")) == at
    assert micros_of_seconds(Raw(b"%d.%06d9" % divmod(at, 1_000_000))) == at


NO_TIMES = [
    *("", "now", "0" * 10_000, "2026-01-01T00:00:00", "2026-13-01T00:00:00Z"),
    *("0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
    *("2100-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
]


@pytest.mark.parametrize("written", NO_TIMES)
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises(FAULTS):
        micros(written)


@pytest.mark.parametrize(
    ("number", "at"),
    [
        (b"1762795433.9717445", 1_762_795_433_971_744),
        (b"1762795433.9999999", 1_762_795_433_999_999),
        (b"1762795433.1", 1_762_795_433_100_000),
        (b"1762795433", 1_762_795_433_000_000),
        (b'"1762795433.25"', 1_762_795_433_250_000),
    ],
)
def test_seconds_are_cut_from_their_digits(number: bytes, at: int) -> None:
    assert micros_of_seconds(Raw(number)) == at


NO_SECONDS = b"""null 1.7e9 1762795433.123456e3 -1762795433.0 0 1e999 [] 1762795433.1.2 4102444800
\xff""".split()


@pytest.mark.parametrize("number", [*NO_SECONDS, b"", b"9" * 5000])
def test_what_is_no_time_in_seconds_is_refused(number: bytes) -> None:
    with pytest.raises(FAULTS):
        micros_of_seconds(Raw(number))


@pytest.mark.parametrize("written", ["0", "7", "007", str(2**63 - 2)])
def test_an_id_may_come_as_text(written: str) -> None:
    assert id_of(written) == int(written)


NO_IDS = ["", "-1", "+1", " 1", "1_0", "1.0", "1e3", "0x1", "\u0665", str(2**63 - 1), "9" * 5000]


@pytest.mark.parametrize("written", NO_IDS, ids=lambda written: written[:20])
def test_what_is_no_id_is_refused(written: str) -> None:
    with pytest.raises(FAULTS):
        id_of(written)


def test_text_is_what_was_written() -> None:
    assert text(Raw(b"1.500")) == "1.500"
    assert text(Raw(b'"1.500"')) == "1.500"


def test_messages_are_plain_json() -> None:
    assert encode({"method": "SUBSCRIBE", "id": 1}) == '{"method":"SUBSCRIBE","id":1}'


@pytest.mark.parametrize(
    ("body", "words"),
    [(b'{"code":-1121,"msg":"Invalid symbol."}', "Invalid symbol."), (b'{"message":"No"}', "No")],
)
def test_a_complaint_keeps_the_exchanges_words(body: bytes, words: str) -> None:
    error = page_error(body, ValueError("no list"))
    assert type(error) is ExchangeError
    assert str(error) == words


@pytest.mark.parametrize("body", [b"", b"<html>", b"{}", b"[1]", b'{"message":7}'])
def test_any_other_body_is_kept_for_a_look(body: bytes) -> None:
    error = page_error(body, ValueError("no list"))
    assert isinstance(error, UnexpectedMessage)
    assert error.frame == body
    assert "no list" in str(error)
