import pytest

from replay.clock import Clock, wall


@pytest.mark.parametrize(("speed", "hours"), [(1.0, 1), (10.0, 10), (0.5, 0.5)])
def test_a_clock_runs_from_its_anchor_at_its_speed(speed: float, hours: float) -> None:
    hour = 3_600_000_000
    now = wall()  # not of the import: a long run comes here much later
    clock = Clock(begin=now - hour, anchor=now - hour, speed=speed)
    late = clock.now() - (now - hour + int(hours * hour))
    assert 0 <= late < 60_000_000 * speed


def test_a_clock_may_begin_elsewhere() -> None:
    clock = Clock(begin=1_000_000, anchor=wall(), speed=1.0)
    assert 1_000_000 <= clock.now() < 61_000_000


def test_waiting_is_measured_in_seconds_of_the_wall() -> None:
    clock = Clock(begin=0, anchor=wall(), speed=10.0)
    assert 540 < clock.until(6_000_000_000) <= 600
    assert clock.until(-1) < 0
