"""The life of an alert, driven at random: raised once, told once, resolved once."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from alphapulse.alerts import Alert, Episode, Severity, State, begin, look, miss, see
from alphapulse.telling.message import Kind, Untold, compose

START = datetime(2026, 11, 28, 12, tzinfo=UTC)
KEYS = ("a", "b", "c")
DAMPING = 60.0


def alert(key: str = "a", text: str = "so it is", patience: float = 0.0) -> Alert:
    return Alert(key, Severity.WARNING, f"{key} is wrong", text, START, None, patience)


def after(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_what_is_seen_stands_at_once_unless_it_asks_for_patience() -> None:
    assert begin(alert(), START).state is State.STANDING
    rising = begin(alert(patience=30), START)
    assert (rising.state, rising.raised_at) == (State.RISING, None)
    assert see(rising, alert(patience=30), after(29)).state is State.RISING
    risen = see(rising, alert(patience=30), after(30))
    assert (risen.state, risen.raised_at) == (State.STANDING, after(30))


def test_what_is_over_before_it_rose_is_forgotten() -> None:
    rising = begin(alert(patience=30), START)
    assert look({"a": rising}, [], after(5)).forgotten == ("a",)


def test_it_must_be_over_for_some_time() -> None:
    standing = begin(alert(), START)
    clearing = miss(standing, after(10), DAMPING)
    assert clearing and clearing.state is State.CLEARING
    assert see(clearing, alert(), after(20)).state is State.STANDING
    still = miss(clearing, after(69), DAMPING)
    assert still and still.state is State.CLEARING
    over = miss(clearing, after(70), DAMPING, "all is well")
    assert over and (over.state, over.resolved_at) == (State.RESOLVED, after(70))
    assert over.resolution == "all is well"


def test_without_damping_it_is_over_at_once() -> None:
    over = miss(begin(alert(), START), after(1), 0.0)
    assert over and over.state is State.RESOLVED


def test_what_is_said_may_change_but_not_since_when() -> None:
    now_so = see(begin(alert(), START), replace(alert(text="worse"), since=after(9)), after(9))
    assert (now_so.alert.text, now_so.alert.since) == ("worse", START)


def test_nothing_new_changes_nothing() -> None:
    standing = begin(alert(), START)
    assert look({"a": standing}, [alert()], after(5)).changed == {}


def test_only_what_was_judged_can_be_over() -> None:
    alive = {key: begin(alert(key), START) for key in KEYS}
    change = look(alive, [alert("a")], after(1), judged=["a", "b"])
    assert {key: one.state for key, one in change.changed.items()} == {"b": State.RESOLVED}


@given(st.lists(st.sampled_from(KEYS), unique=True), st.lists(st.sampled_from(KEYS), unique=True))
def test_a_look_leaves_what_was_found_and_ends_the_rest(
    before: list[str], found: list[str]
) -> None:
    alive = {key: begin(alert(key), START) for key in before}
    change = look(alive, [alert(key) for key in found], after(1))
    states = {key: one.state for key, one in change.changed.items()}
    assert states == {key: State.STANDING for key in found if key not in before} | {
        key: State.RESOLVED for key in before if key not in found
    }


class Life(RuleBasedStateMachine):
    """The world is right or wrong as it likes; one channel tells, fails, and dies in between.

    `rows` and `told` are what the store would hold: all that survives a restart.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.wrong: set[str] = set()
        self.alive: dict[str, Episode] = {}
        self.ids: dict[str, int] = {}
        self.rows: dict[int, Episode] = {}
        self.told: dict[int, list[Kind]] = {}

    @rule(key=st.sampled_from(KEYS))
    def goes_wrong(self, key: str) -> None:
        self.wrong.add(key)

    @rule(key=st.sampled_from(KEYS))
    def goes_right(self, key: str) -> None:
        self.wrong.discard(key)

    @rule(seconds=st.sampled_from([1, 20, 40, 90]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(patience=st.sampled_from([0.0, 30.0]))
    def is_looked_at(self, patience: float) -> None:
        found = [alert(key, patience=patience) for key in self.wrong]
        change = look(self.alive, found, self.now, damping=DAMPING)
        for key in change.forgotten:
            assert self.alive.pop(key).raised_at is None
            self.rows.pop(self.ids.pop(key))
        for key, episode in change.changed.items():
            if key not in self.ids:
                self.ids[key] = 1 + max([*self.rows, *self.told], default=0)
            self.rows[self.ids[key]] = self.alive[key] = episode
            if episode.state is State.RESOLVED:
                del self.alive[key], self.ids[key]

    @rule(fate=st.sampled_from(["taken", "refused", "died before it was noted"]))
    def is_told(self, fate: str) -> None:
        message = compose(self.untold(), is_simulated=False)
        if message is None or fate != "taken":
            return
        for one in message.alerts:
            self.told.setdefault(one.alert_id, []).append(message.kind)

    def untold(self) -> list[Untold]:
        found = []
        for id, row in self.rows.items():
            told = self.told.get(id, [])
            is_due = not told or (row.resolved_at and Kind.RESOLVED not in told)
            if row.raised_at and is_due:
                mark = "earlier" if told else None
                at = START if told else None
                one = Untold(id, row.alert, row.raised_at, row.resolved_at, None, mark, at)
                found.append(one)
        return found

    @invariant()
    def nothing_is_told_twice_and_the_end_never_first(self) -> None:
        for kinds in self.told.values():
            assert kinds in (
                [Kind.RAISED],
                [Kind.RESOLVED],
                [Kind.RAISED, Kind.RESOLVED],
            )

    @invariant()
    def only_what_rose_was_told_and_only_what_ended_is_called_so(self) -> None:
        for id, kinds in self.told.items():
            assert self.rows[id].raised_at is not None
            assert (Kind.RESOLVED in kinds) <= (self.rows[id].state is State.RESOLVED)

    @invariant()
    def what_ended_was_over_for_long_enough(self) -> None:
        for row in self.rows.values():
            if row.state is State.RESOLVED:
                assert row.clear_at and row.resolved_at
                assert row.resolved_at - row.clear_at >= timedelta(seconds=DAMPING)

    def teardown(self) -> None:
        """In the end, when all is well again and channels work, everything was told to its end."""
        self.wrong.clear()
        for _ in range(2):
            self.is_looked_at(0.0)
            self.now += timedelta(seconds=DAMPING)
        for _ in range(3):
            self.is_told("taken")
        assert not self.alive
        assert set(self.told) == set(self.rows)
        assert all(kinds[-1] is Kind.RESOLVED for kinds in self.told.values())


TestLife = Life.TestCase
