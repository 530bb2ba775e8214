"""What a second collector said, and whether that is what it should have said."""

from pathlib import Path

import pytest

from alphapulse.store.claims import AlreadyCollected
from chaos.plan import Plan
from chaos.rivals import Rivals
from chaos.stage import Stage

HELD = "Error: kraken is already being collected by alphapulse collector kraken, pid 7; stop that"


@pytest.fixture
def rivals(tmp_path: Path) -> Rivals:
    return Rivals(Stage(Plan(1, 10.0, 1000, 0, 10**15), tmp_path))


def test_the_named_error_with_its_exit_code_is_right(rivals: Rivals) -> None:
    assert AlreadyCollected.__name__  # whose words these are
    assert rivals.judge("kraken", 1, HELD) == "refused"
    assert (rivals.refused, rivals.stage.violations) == (1, [])


@pytest.mark.parametrize("code", [0, 2, -9])
def test_any_other_exit_code_is_a_violation(rivals: Rivals, code: int) -> None:
    assert rivals.judge("kraken", code, HELD) == "not refused"
    assert rivals.refused == 0
    assert f"ended with {code}" in rivals.stage.violations[0]


def test_words_that_do_not_name_the_holder_are_a_violation(rivals: Rivals) -> None:
    assert rivals.judge("kraken", 1, "Traceback …\nKeyError: 'kraken'") == "not refused"
    assert "KeyError" in rivals.stage.violations[0]


def test_while_the_database_is_away_nobody_can_say(rivals: Rivals) -> None:
    assert rivals.judge("kraken", 1, "Error: cannot reach PostgreSQL: refused") == ""
    assert rivals.stage.violations == []
