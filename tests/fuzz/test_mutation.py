import json
from random import Random

import pytest

from fuzz.mutation import mutate, read, written

FRAME = b'{"a":[1.50,{"b":"x"}],"a":2,"c":1e3,"d":null,"e":true}'


def test_what_is_read_is_written_to_the_digit_and_with_keys_that_come_twice() -> None:
    assert written(read(FRAME)).encode() == FRAME


@pytest.mark.parametrize("text", [b"", b"{", b"1", b'"x"', b"\xff", b"[" * 100_000])
def test_what_has_no_values_to_bend_is_bent_as_bytes(text: bytes) -> None:
    assert read(text) is None
    assert {mutate(text, Random(seed)) for seed in range(50)} - {text}


def test_the_same_dice_give_the_same_damage() -> None:
    assert [mutate(FRAME, Random(seed)) for seed in range(200)] == [
        mutate(FRAME, Random(seed)) for seed in range(200)
    ]


def test_most_of_what_is_bent_is_json_still_so_that_it_gets_past_the_first_check() -> None:
    bent = [mutate(FRAME, Random(seed)) for seed in range(500)]
    assert len(set(bent)) > 400
    assert sum(map(is_json, bent)) > 150


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
