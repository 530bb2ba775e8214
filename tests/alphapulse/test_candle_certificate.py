from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import ValidationError
from msgspec.structs import replace

from alphapulse.candle_certificate import (
    CANDLES_VERSION,
    CandleCertificate,
    is_rounding,
    is_stale,
    read_candle_pairs,
    surely_follow,
)
from alphapulse.candles import BarSize
from alphapulse.certificate import Certificate
from tests.alphapulse.test_lake import certify
from tests.conftest import ROOT
from tests.stored import DAY

TRADES = certify(certificate_version=2, checksum="77")
CANDLES = CandleCertificate(
    exchange="coinbase",
    symbol="BTC-USD",
    date=DAY,
    size=BarSize.ONE_HOUR,
    bars=1,
    trades=2,
    first_id=1,
    last_id=2,
    volume_sum="4",
    quote_volume_sum="6",
    trades_checksum="77",
    trades_exported_at=TRADES.exported_at,
    simulated=False,
    day_closed=True,
    made_at=datetime(2024, 8, 9, 0, 11, tzinfo=UTC),
)
LATER = TRADES.exported_at + timedelta(hours=1)


def pairs_of(words: CandleCertificate) -> dict[bytes, bytes]:
    return {key.encode(): value.encode() for key, value in words.metadata().items()}


@given(
    size=st.sampled_from(BarSize),
    trades_checksum=st.none() | st.integers(0, 2**60).map(str),
    first_id=st.integers(-(2**63), 2**63 - 1),
    simulated=st.booleans(),
    date=st.dates(),
    made_at=st.datetimes(timezones=st.just(UTC)),
)
def test_a_certificate_survives_its_pairs(**words: Any) -> None:
    certificate = replace(CANDLES, **words)
    assert read_candle_pairs(pairs_of(certificate)) == certificate


def test_the_document_lists_every_key() -> None:
    document = (ROOT / "docs" / "archive.md").read_text()
    assert not [key for key in CANDLES.metadata() if f"`{key}`" not in document]


def test_pairs_of_a_trades_file_are_refused() -> None:
    with pytest.raises(ValidationError):
        read_candle_pairs({k.encode(): v.encode() for k, v in TRADES.metadata().items()})


def test_candles_of_these_trades_are_not_stale() -> None:
    assert not is_stale(CANDLES, TRADES)
    assert is_stale(None, TRADES)


@pytest.mark.parametrize(
    "words",
    [
        {"checksum": "78"},
        {"rows": 3},
        {"simulated": True},
        {"day_closed": False},
        {"date": date(2024, 8, 9)},
        {"symbol": "ETH-USD"},
        {"checksum": None},
    ],
)
def test_what_the_candles_repeat_must_be_so_still(words: dict[str, Any]) -> None:
    assert is_stale(CANDLES, replace(TRADES, **words))


@given(
    made=st.fixed_dictionaries(
        {},
        optional={
            "trades": st.sampled_from([2, 3]),
            "trades_checksum": st.sampled_from(["77", "78", None]),
            "simulated": st.booleans(),
            "candles_version": st.sampled_from([CANDLES_VERSION, CANDLES_VERSION + 1]),
        },
    ),
    told=st.fixed_dictionaries(
        {},
        optional={
            "checksum": st.sampled_from(["77", "78", None]),
            "day_closed": st.booleans(),
            "exported_at": st.just(LATER),
        },
    ),
)
def test_what_surely_follows_is_not_stale(made: dict[str, Any], told: dict[str, Any]) -> None:
    candles, trades = replace(CANDLES, **made), replace(TRADES, **told)
    sure = surely_follow(candles.metadata(), trades.metadata())
    assert sure == (not is_stale(candles, trades) and trades.checksum is not None)
    assert not surely_follow({}, trades.metadata())


def test_another_export_of_the_same_rows_leaves_the_candles_as_they_are() -> None:
    assert not is_stale(CANDLES, replace(TRADES, exported_at=LATER))


def test_without_a_checksum_another_export_makes_them_stale() -> None:
    old: Certificate = replace(TRADES, checksum=None)
    made = replace(CANDLES, trades_checksum=None)
    assert not is_stale(made, old)
    assert is_stale(made, replace(old, exported_at=LATER))


@pytest.mark.parametrize(
    ("found", "holds"),
    [
        ("6", True),
        ("6.000000000000000001", True),
        ("6.000000000000000002", False),
        ("5.999999999999999999", True),
        ("5.999999999999999998", False),
    ],
)
def test_two_trades_may_be_rounded_by_half_a_unit_each(found: str, holds: bool) -> None:
    assert is_rounding(found, replace(TRADES, notional_sum="6")) is holds
    assert is_rounding(found, replace(TRADES, notional_sum=None))


def test_other_arithmetic_makes_them_stale() -> None:
    assert is_stale(replace(CANDLES, candles_version=CANDLES_VERSION + 1), TRADES)
