"""Valid JSON bent a little: the kinds of damage that a byte flipped at random hardly ever makes.

Pure but for its dice, which may be random.Random or hypothesis's.
"""

import json
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, TypeAlias


class Token(str):
    """JSON text that is written as it stands: a number with its digits, or nonsense."""

    __slots__ = ()


class Pairs(list[tuple[str, Any]]):
    """A JSON object that keeps its order, and may hold a key twice."""


Place: TypeAlias = tuple[Any, int]  # a Pairs or a list, and which of its entries

NUMBERS = [  # with the edges of a bigint, and of the times that can be
    *("0", "-0", "0.0", "-1", "1e0", "1E+2", "1e999", "-1e999", "1e-999", "1.5", "NaN"),
    *("Infinity", "-Infinity", "1e41", "1e-41", "1e18"),
    *("9223372036854775806", "9223372036854775807", "9223372036854775808", "18446744073709551616"),
    *("00", "+1", "1.", ".5", "1_0", "0x10"),
    *("4102444799999", "4102444800000", "1230768000000", "1230767999999"),
    *("4102444800", "1230768000.9999999"),
]
TIMES = [
    *("2026-01-01T00:00:00", "2026-01-01T00:00:00z", "2026-01-01T00:00:00.999999999Z"),
    *("2026-02-30T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T23:59:60Z"),
    *("2026-01-01T00:00:00+23:59", "9999-12-31T23:59:59.9-23:59", "0001-01-01T00:00:00+23:59"),
    *("1969-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "2026-W01-4T00:00Z"),
    *("20260101T000000,5Z", "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00.\u0661Z"),
]
TEXTS = ["", " ", "\0", "'", '"', "\\", "\u0665", "\uff11", "\U0001f980", "x" * 300, "buy", "SELL"]
STRANGE = [
    *NUMBERS,
    *map(json.dumps, [*NUMBERS, *TIMES, *TEXTS]),
    *('"\\ud800"', "null", "true", "false", "[]", "{}", "[[]]", '{"":{}}', "", "nul"),
    *("9" * 400, "0." + "0" * 100 + "1", "[" * 500 + "]" * 500, '{"a":' * 99 + "1" + "}" * 99),
]


def mutate(text: bytes, dice: Random) -> bytes:
    """One to four changes of its values, or of its bytes where it is no JSON."""
    for _ in range(dice.randint(1, 4)):
        tree = read(text)
        is_plain = tree is None or dice.random() < 0.15
        text = damage(text, dice) if is_plain else bend(tree, dice)
    return text


def read(text: bytes) -> Any:
    """None: no JSON, or not worth the name."""
    kept: dict[str, Any] = {"parse_int": Token, "parse_float": Token, "parse_constant": Token}
    try:
        tree = json.loads(text, object_pairs_hook=Pairs, **kept)
    except (ValueError, RecursionError):
        return None
    return tree if isinstance(tree, list) else None


def bend(tree: Any, dice: Random) -> bytes:
    places = list(places_of(tree))
    if places:
        dice.choice(OF_VALUES)(places, dice)
    try:
        return written(tree).encode(errors="surrogatepass")
    except RecursionError:
        return b"["


def places_of(tree: Any) -> Iterator[Place]:
    for number, entry in enumerate(tree):
        yield tree, number
        inner = entry[1] if isinstance(tree, Pairs) else entry
        if isinstance(inner, list):
            yield from places_of(inner)


def written(value: Any) -> str:
    if isinstance(value, Token):
        return value
    if isinstance(value, Pairs):
        return "{" + ",".join(f"{json.dumps(key)}:{written(each)}" for key, each in value) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(written, value)) + "]"
    return json.dumps(value)


def value_at(place: Place) -> Any:
    holder, number = place
    return holder[number][1] if isinstance(holder, Pairs) else holder[number]


def put(place: Place, value: Any) -> None:
    holder, number = place
    holder[number] = (holder[number][0], value) if isinstance(holder, Pairs) else value


def replace(places: list[Place], dice: Random) -> None:
    put(dice.choice(places), Token(dice.choice(STRANGE)))


def tweak(places: list[Place], dice: Random) -> None:
    """A character of a value is left out, doubled or another; its kind stays."""
    place = dice.choice(places)
    value = value_at(place)
    if not isinstance(value, str) or not value:
        return
    at = dice.randrange(len(value))
    new = dice.choice(["", value[at] * 2, *"0129.-+eEZ:T, "])
    put(place, type(value)(value[:at] + new + value[at + 1 :]))


def unquote(places: list[Place], dice: Random) -> None:
    """A number becomes text, a text becomes whatever it says."""
    place = dice.choice(places)
    value = value_at(place)
    if isinstance(value, str):
        put(place, str(value) if isinstance(value, Token) else Token(value))


def drop(places: list[Place], dice: Random) -> None:
    holder, number = dice.choice(places)
    del holder[number]


def repeat(places: list[Place], dice: Random) -> None:
    """A key twice, or an element many times."""
    holder, number = dice.choice(places)
    if isinstance(holder, Pairs):
        value = dice.choice([Token(dice.choice(STRANGE)), holder[number][1]])
        holder.insert(dice.randint(0, len(holder)), (holder[number][0], value))
    else:
        holder.extend([holder[number]] * dice.choice([1, 2, 50]))


def swap(places: list[Place], dice: Random) -> None:
    """Not one into its own inside, which would be a circle."""
    plain = [place for place in places if not isinstance(value_at(place), list)]
    if plain:
        one, other = dice.choice(plain), dice.choice(plain)
        first, second = value_at(one), value_at(other)
        put(one, second)
        put(other, first)


def add(places: list[Place], dice: Random) -> None:
    holder, number = dice.choice(places)
    value = Token(dice.choice(STRANGE))
    holder.insert(number, ("surprise", value) if isinstance(holder, Pairs) else value)


def shuffle(places: list[Place], dice: Random) -> None:
    dice.shuffle(dice.choice(places)[0])


def cut(text: bytes, dice: Random) -> bytes:
    return text[: dice.randint(0, len(text))]


def flip(text: bytes, dice: Random) -> bytes:
    at = dice.randint(0, len(text))
    return text[:at] + bytes([dice.randrange(256)]) + text[at + dice.randint(0, 1) :]


def wrap(text: bytes, dice: Random) -> bytes:
    opening, closing = dice.choice(
        [(b"[", b"]"), (b" ", b"\n"), (b"\xef\xbb\xbf", b""), (b"", b"\0")]
    )
    return opening + text + closing


def double(text: bytes, dice: Random) -> bytes:
    return text + text


OF_VALUES: list[Callable[[list[Place], Random], None]] = [
    replace, replace, tweak, tweak, unquote, drop, repeat, swap, add, shuffle,
]  # fmt: skip
OF_BYTES: list[Callable[[bytes, Random], bytes]] = [cut, flip, flip, wrap, double]


def damage(text: bytes, dice: Random) -> bytes:
    return dice.choice(OF_BYTES)(text, dice)
