"""Whatever a client sends or dials: a request with a meaning, or a refusal that can be told it."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from fuzz import laws
from fuzz.mutation import STRANGE, mutate
from fuzz.targets import REQUESTS

dices = st.randoms(use_true_random=False)
NAMES = ["exchange", "symbol", "market", "last", "cursor", "", "LAST", "é"]
values = st.sampled_from(STRANGE) | st.text(max_size=20) | st.just("a1-7,3:5;9.1")
paths = st.text(st.characters(codec="ascii"), max_size=60)


@given(dices)
def test_a_bent_request_is_followed_or_refused(dice: Random) -> None:
    laws.obey_request(mutate(dice.choice(REQUESTS), dice).decode(errors="replace"))


@given(st.lists(st.tuples(st.sampled_from(NAMES), values), max_size=5))
def test_any_words_of_an_address_are_followed_or_refused(pairs: list[tuple[str, str]]) -> None:
    laws.obey_query("/?" + "&".join(f"{name}={value}" for name, value in pairs))


@given(paths, paths)
def test_any_characters_of_an_address_are_followed_or_refused(name: str, rest: str) -> None:
    laws.obey_query(f"/?exchange={name}&symbol={rest}")
    laws.obey_query(f"//[{name}?{rest}")


number = st.integers(0, 2**63).map(str)
spans = st.lists(st.tuples(number, number).map(":".join) | number, max_size=4)


@given(number, spans, number, number)
def test_a_cursor_that_is_read_is_written_the_same(
    xmax: str, pending: list[str], tx: str, seq: str
) -> None:
    laws.obey_cursor(f"a1-{','.join([xmax, *pending])};{tx}.{seq}")
