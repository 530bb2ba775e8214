"""The schedule is a function of the seed, mixes its kinds evenly and ends before the run does."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from alphapulse.trade import Market
from chaos.faults import KillCollector
from chaos.plan import MARKETS
from chaos.schedule import ABSENCES, HEAVY, KINDS, LAST, Strike, schedule
from replay.faults import Hole, Refuse

SECONDS = 600.0


def make(seed: int = 1, count: int = 500, **words: object) -> list[Strike]:
    return schedule(seed, MARKETS, 4, SECONDS, count, **words)  # type: ignore[arg-type]  # of a test


def test_the_same_seed_gives_the_same_strikes_and_another_one_others() -> None:
    assert make(seed=7) == make(seed=7)
    assert make(seed=7) != make(seed=8)


@given(seed=st.integers(), count=st.integers(1, 300))
def test_strikes_come_in_order_of_time_and_at_least_as_many_as_asked_for(
    seed: int, count: int
) -> None:
    strikes = make(seed, count)
    assert count <= len(strikes) <= count + 1  # the last may be a refusal, with its restart
    assert [s.at for s in strikes] == sorted(s.at for s in strikes)
    assert all(0 < s.at < SECONDS for s in strikes)


def test_five_hundred_strikes_hold_every_kind_about_equally_often() -> None:
    counts = Counter(strike.kind for strike in make())
    restarts = counts["refuse"]
    counts["kill -9 collector"] -= restarts
    assert set(counts) == set(KINDS)
    light = [count for kind, count in counts.items() if kind not in HEAVY]
    heavy = [counts[kind] for kind in HEAVY]
    assert max(light) - min(light) <= 1
    assert max(heavy) - min(heavy) <= 1
    assert max(light) <= 2 * min(heavy) + 1


def test_each_kind_takes_every_exchange_in_turn() -> None:
    cut = Counter(strike.fault.exchange for strike in make() if strike.kind == "cut")  # type: ignore[union-attr]
    assert set(cut) == {"binance", "coinbase", "kraken"}


def test_the_end_of_the_run_is_quiet_so_that_trades_show_the_last_damage() -> None:
    late = [s for s in make() if s.at > LAST * SECONDS]
    assert all(isinstance(strike.fault, KillCollector) for strike in late)  # after a refusal


def test_holes_come_early_enough_to_be_believed() -> None:
    holes = [strike.at for strike in make() if isinstance(strike.fault, Hole)]
    assert holes
    assert max(holes) < (ABSENCES + 0.05) * SECONDS


def test_a_refused_market_gets_a_collector_that_starts_anew() -> None:
    strikes = make()
    for refusal in [s for s in strikes if isinstance(s.fault, Refuse)]:
        assert isinstance(refusal.fault, Refuse)
        kill = KillCollector(refusal.fault.exchange or "")
        after = refusal.at + refusal.fault.seconds
        assert any(s.fault == kill and after < s.at < after + 2 for s in strikes)


def test_what_cannot_be_done_here_is_left_out() -> None:
    kinds = {strike.kind for strike in make(without={"clock step", "disk full"})}
    assert kinds == set(KINDS) - {"clock step", "disk full"}


def test_only_coinbase_can_forget_its_last_trade_id() -> None:
    markets = [Market("kraken", "BTC/USD")]
    kinds = {strike.kind for strike in schedule(1, markets, 1, SECONDS, 100)}
    assert "last-trade-id zero" not in kinds


def test_no_faults_are_no_strikes() -> None:
    assert make(count=0) == []
