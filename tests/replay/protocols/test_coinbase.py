import json

import pytest

from alphapulse.trade import Side
from replay.dialect import Desk
from replay.protocols import coinbase
from replay.protocols.coinbase import CoinbaseLine
from replay.tape import Print
from tests.replay.protocols.desk import NOW, desk_of, twelve


@pytest.fixture
def desk() -> Desk:
    return desk_of("coinbase", "BTC-USD", "ETH-USD", twelve())


@pytest.fixture
def line(desk: Desk) -> CoinbaseLine:
    return coinbase.line("", {}, desk)


def say(
    line: CoinbaseLine, type: str, *products: str, channels: object = ("matches",)
) -> list[dict[str, object]]:
    request = {"type": type, "product_ids": products, "channels": channels}
    return [json.loads(frame) for frame in line.read(json.dumps(request))]


def test_a_match_is_written_as_coinbase_writes_it_with_the_makers_side() -> None:
    print = Print(280232, "0.00001305", "985", Side.BUY, NOW)
    assert coinbase.trade_frames("match", "SKL-BTC", [print]) == [
        (
            '{"type":"match","trade_id":280232,'
            '"maker_order_id":"000446a8-6d61-4b65-8000-6d616b657200",'
            '"taker_order_id":"000446a8-7461-4b65-8000-74616b657200",'
            '"side":"sell","size":"985","price":"0.00001305","product_id":"SKL-BTC",'
            '"sequence":4763951,"time":"2021-04-17T16:43:37.089723Z"}'
        )
    ]


def test_every_trade_has_a_frame_of_its_own() -> None:
    assert len(coinbase.trade_frames("match", "BTC-USD", twelve())) == 12


def test_a_time_keeps_its_trailing_zeros() -> None:
    """As all 107 trades of the recording do; it is Advanced Trade that strips them."""
    (frame,) = coinbase.trade_frames("match", "BTC-USD", [Print(1, "1", "1", Side.BUY, NOW - 23)])
    assert json.loads(frame)["time"] == "2021-04-17T16:43:37.089700Z"


def test_a_subscription_is_answered_by_the_whole_state_and_the_last_match(
    line: CoinbaseLine,
) -> None:
    ack, last = say(line, "subscribe", "BTC-USD", "ETH-USD", channels=["matches", "heartbeat"])
    assert ack == {
        "type": "subscriptions",
        "channels": [
            {"name": "matches", "product_ids": ["BTC-USD", "ETH-USD"], "account_ids": None},
            {"name": "heartbeat", "product_ids": ["BTC-USD", "ETH-USD"], "account_ids": None},
        ],
    }
    assert (last["type"], last["trade_id"], last["side"]) == ("last_match", 112, "sell")
    assert line.symbols == {"BTC-USD", "ETH-USD"}


def test_the_form_per_channel_works_and_a_second_wish_sends_no_second_last_match(
    line: CoinbaseLine,
) -> None:
    channels = [{"name": "matches", "product_ids": ["BTC-USD"]}]
    assert len(say(line, "subscribe", channels=channels)) == 2
    assert len(say(line, "subscribe", channels=channels)) == 1


def test_one_bad_product_voids_the_whole_request(line: CoinbaseLine) -> None:
    assert say(line, "subscribe", "BTC-USD", "XYZ-USD") == [
        {
            "type": "error",
            "message": "Failed to subscribe",
            "reason": "XYZ-USD is not a valid product",
        }
    ]
    assert not line.symbols


def test_what_is_no_request_is_an_error(line: CoinbaseLine) -> None:
    assert json.loads(line.read("{")[0])["message"] == "Malformed JSON"
    assert say(line, "buy", "BTC-USD")[0]["reason"] == "buy is not a valid type"
    assert say(line, "subscribe")[0]["type"] == "error"
    assert say(line, "subscribe", "BTC-USD", channels=["full"])[0]["reason"] == (
        "full is not a valid channel"
    )


def test_leaving_a_product_stops_its_trades(line: CoinbaseLine) -> None:
    say(line, "subscribe", "BTC-USD", "ETH-USD")
    (state,) = say(line, "unsubscribe", "BTC-USD")
    assert line.symbols == {"ETH-USD"}
    assert "BTC-USD" not in str(state)


def test_heartbeats_carry_the_last_id_of_each_product(line: CoinbaseLine, desk: Desk) -> None:
    say(line, "subscribe", "BTC-USD", channels=["heartbeat"])
    (beat,) = map(json.loads, line.beat())
    assert beat == {
        "type": "heartbeat",
        "sequence": 112 * 17 + 2 + 1,
        "last_trade_id": 112,
        "product_id": "BTC-USD",
        "time": "2021-04-17T16:43:37.089723Z",
    }
    desk.forgets_ids = True
    assert json.loads(line.beat()[0])["last_trade_id"] == 0


def test_a_line_without_heartbeats_gets_none_and_is_greeted_with_silence(
    line: CoinbaseLine,
) -> None:
    assert line.open() == line.beat() == line.farewell() == []


def test_a_product_that_is_refused_leaves_the_line_with_an_error(line: CoinbaseLine) -> None:
    say(line, "subscribe", "BTC-USD")
    assert "BTC-USD is not a valid product" in line.refuse("BTC-USD")[0]
    assert line.refuse("BTC-USD") == []
    assert not line.symbols


def get(desk: Desk, **params: str) -> tuple[list[int], dict[str, str]]:
    answer = coinbase.respond("/products/BTC-USD/trades", params, desk)
    assert answer.status == 200
    return [row["trade_id"] for row in json.loads(answer.body)], answer.headers


def test_a_page_is_newest_first_and_says_how_to_go_on(desk: Desk) -> None:
    ids, headers = get(desk, limit="3")
    assert ids == [112, 111, 110]
    assert (headers["CB-BEFORE"], headers["CB-AFTER"]) == ("112", "110")


def test_a_row_has_the_makers_side_and_exact_text(desk: Desk) -> None:
    answer = coinbase.respond("products/BTC-USD/trades", {"limit": "1"}, desk)
    assert json.loads(answer.body) == [
        {
            "trade_id": 112,
            "side": "sell",
            "size": "0.02000000",
            "price": "112.50",
            "time": "2021-04-17T16:43:37.145723Z",
        }
    ]


@pytest.mark.parametrize("limit", [1, 5, 12, 1000])
def test_walking_backwards_gives_every_id_once(desk: Desk, limit: int) -> None:
    found: list[int] = []
    params = {"limit": str(limit)}
    while (page := get(desk, **params))[0]:
        found += page[0]
        params["after"] = page[1]["CB-AFTER"]
    assert found == list(range(112, 100, -1))


def test_before_gives_the_newest_page_above_it(desk: Desk) -> None:
    assert get(desk, before="103", limit="2")[0] == [112, 111]
    assert get(desk, before="110")[0] == [112, 111]
    assert get(desk, before="112") == ([], {"Content-Type": "application/json; charset=utf-8"})


@pytest.mark.parametrize(
    ("path", "params", "status"),
    [
        ("products/XYZ-USD/trades", {}, 404),
        ("orders", {}, 404),
        ("products/BTC-USD/trades", {"limit": "many"}, 400),
        ("products/BTC-USD/trades", {"after": "-1"}, 400),
    ],
)
def test_a_wrong_request_is_refused(
    desk: Desk, path: str, params: dict[str, str], status: int
) -> None:
    answer = coinbase.respond(path, params, desk)
    assert (answer.status, list(json.loads(answer.body))) == (status, ["message"])


def test_products_are_listed_with_their_increments(desk: Desk) -> None:
    first = json.loads(coinbase.respond("/products", {}, desk).body)[0]
    assert first["id"] == "BTC-USD" and first["status"] == "online"
    assert (first["quote_increment"], first["base_increment"]) == ("0.01", "0.00000001")


def test_too_many_requests_say_when_to_come_back() -> None:
    answer = coinbase.failure(429, 2.5)
    assert (answer.status, answer.headers["Retry-After"]) == (429, "2.5")


def test_a_recorded_match_is_read_with_the_takers_side() -> None:
    raw = coinbase.trade_frames("match", "SKL-BTC", [twelve()[0]])[0]
    assert coinbase.read_frame(raw) == [("SKL-BTC", twelve()[0])]
    assert coinbase.read_frame('{"type":"heartbeat"}') == []
    assert coinbase.read_frame('{"type":"subscriptions"}') is None


def test_a_shifted_frame_keeps_everything_but_its_day() -> None:
    raw = coinbase.trade_frames("match", "BTC-USD", twelve()[:1])[0]
    assert coinbase.shift(raw, 14) == raw.replace("2021-04-17T", "2021-05-01T")
