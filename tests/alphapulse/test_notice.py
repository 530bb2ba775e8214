"""The decoder alone; against the encoder in sql/ it is tested in test_announce."""

import json
from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alphapulse.notice import (
    Doorbell,
    GapNotice,
    GapState,
    Mark,
    NoticeError,
    Row,
    Rows,
    decode,
    mark,
)
from alphapulse.trade import Side, Source


def test_rows_keep_their_order_and_their_exact_texts() -> None:
    payload = "77|5,1,900,1700000000000001,2500,bl,100.10,0.50000000;6,2,-3,0,-1,ss,NaN,1e5"
    assert decode(payload) == Rows(
        77,
        (
            Row(
                seq=5,
                market_id=1,
                trade_id=900,
                traded_at=1_700_000_000_000_001,
                received_at=1_700_000_000_002_501,
                side=Side.BUY,
                source=Source.LIVE,
                price="100.10",
                size="0.50000000",
            ),
            Row(6, 2, -3, 0, -1, Side.SELL, Source.SNAPSHOT, "NaN", "1e5"),
        ),
    )


def test_a_row_that_is_only_named_makes_the_whole_notice_a_doorbell() -> None:
    assert decode("77|5,1,900;6,1,901,0,0,bb,1,1") == Doorbell(77, (5, 6))


def test_a_transaction_alone_is_a_doorbell_for_all_its_rows() -> None:
    assert decode("77|") == Doorbell(77, ())


def test_a_mark_comes_back_as_it_was() -> None:
    assert decode(mark("a1 b2")) == Mark("a1 b2")


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "|",
        "x|",
        "77",
        "77|5",
        "77|5,1",
        "77|5,1,900,0",
        "77|5,1,900,0,0,xl,1,1",
        "77|5,1,900,0,0,b,1,1",
        "77|5,1,900,0,0,bl,1,1,1",
        "77|5,1,900,soon,0,bl,1,1",
        "77|5,1,900,0,0,bl,1,1;",
        '77|5,1,900,0,0,bl,1","x":"2,1',
        "77|5,1,900,0,0,bl,1\\,1",
        "77|5,1,900,0,0,bl,1\n,1",
        "77|5,1,900,0,0,bl,é,1",
    ],
)
def test_what_the_encoder_never_makes_is_refused(payload: str) -> None:
    if payload == "77":
        assert decode(payload) == Doorbell(77)  # harmless: the store is asked
        return
    with pytest.raises(NoticeError, match="not a notice of trades"):
        decode(payload)


GAP = {
    "gap_id": 1,
    "market_id": 3,
    "state": "suspected",
    "after_id": 10,
    "before_id": 20,
    "after_at": 1_700_000_000_000_001,
    "before_at": 1_700_000_000_000_002,
    "cause": "disconnect",
    "filled": 0,
    "absent": 0,
}


def test_a_gap_comes_as_its_row_is() -> None:
    assert decode(json.dumps(GAP)) == GapNotice(
        gap_id=1,
        market_id=3,
        state=GapState.SUSPECTED,
        after_id=10,
        before_id=20,
        after_at=1_700_000_000_000_001,
        before_at=1_700_000_000_000_002,
        cause="disconnect",
        filled=0,
        absent=0,
    )


def test_a_gap_may_have_no_end_and_words_from_the_future() -> None:
    gap = decode(json.dumps(GAP | {"before_id": None, "before_at": None, "colour": "red"}))
    assert isinstance(gap, GapNotice)
    assert (gap.before_id, gap.before_at) == (None, None)


def test_a_gap_is_open_until_its_question_is_answered() -> None:
    assert [state.value for state in GapState if state.is_open] == ["suspected", "repairing"]


@pytest.mark.parametrize(
    "payload",
    [
        "{",
        "{}",
        pytest.param('{"a":' + "[" * 100_000, id="deep"),
        '{"a":"\ud800"}',
        json.dumps(GAP | {"gap_id": 0}),
        json.dumps(GAP | {"gap_id": 2**63}),
        json.dumps(GAP | {"gap_id": "1"}),
        json.dumps(GAP | {"state": "lost"}),
        json.dumps(GAP | {"after_id": None}),
        json.dumps(GAP | {"after_id": 10**30}),
        json.dumps(GAP | {"after_at": 1.5}),
        json.dumps(GAP | {"filled": -1}),
        pytest.param(json.dumps(GAP | {"cause": "x" * 3_000}), id="wide"),
        json.dumps({name: word for name, word in GAP.items() if name != "before_id"}),
        json.dumps(GAP) + ",",
    ],
)
def test_what_is_no_gap_is_refused(payload: str) -> None:
    with pytest.raises(NoticeError, match="not a notice of a gap"):
        decode(payload)


longs = st.integers(-(2**63), 2**63 - 1)
gaps = st.builds(
    GapNotice,
    gap_id=st.integers(1, 2**63 - 1),
    market_id=st.integers(1, 2**31 - 1),
    state=st.sampled_from(GapState),
    after_id=longs,
    before_id=st.none() | longs,
    after_at=longs,
    before_at=st.none() | longs,
    cause=st.text(max_size=100),
    filled=st.integers(0, 2**63 - 1),
    absent=st.integers(0, 2**63 - 1),
)


@given(gaps)
def test_every_gap_survives_the_way(gap: GapNotice) -> None:
    assert decode(msgspec.json.encode(gap).decode()) == gap


@given(st.dictionaries(st.sampled_from(sorted(GAP)), st.none() | st.integers() | st.text()))
def test_a_gap_with_anything_in_it_is_a_notice_or_a_notice_error(words: dict[str, object]) -> None:
    with suppress(NoticeError):
        decode(json.dumps(GAP | words))


@given(st.text() | st.text('0123456789|,;bls.-@{}:"', max_size=60))
def test_any_payload_is_a_notice_or_a_notice_error(payload: str) -> None:
    with suppress(NoticeError):
        decode(payload)


rows = st.builds(
    Row,
    seq=st.integers(1, 2**62),
    market_id=st.integers(1, 2**31 - 1),
    trade_id=st.integers(-(2**63), 2**63 - 1),
    traded_at=st.integers(0, 2**52),
    received_at=st.integers(0, 2**52),
    side=st.sampled_from(Side),
    source=st.sampled_from(Source),
    price=st.decimals(allow_nan=False, allow_infinity=False).map(lambda d: f"{d:f}"),
    size=st.decimals(0, 10**9, places=8).map(str),
)


@given(st.integers(1, 2**63), st.lists(rows, min_size=1, max_size=5))
def test_every_row_survives_the_way(tx: int, given_rows: list[Row]) -> None:
    lines = [
        f"{r.seq},{r.market_id},{r.trade_id},{r.traded_at},{r.received_at - r.traded_at},"
        f"{r.side.value[0]}{r.source.value[0]},{r.price},{r.size}"
        for r in given_rows
    ]
    assert decode(f"{tx}|{';'.join(lines)}") == Rows(tx, tuple(given_rows))
