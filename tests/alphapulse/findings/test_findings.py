"""From facts to alerts: silence, collectors, disks, and where their links lead."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from alphapulse.alerts import Alert, Severity
from alphapulse.findings.collecting import Collecting, collecting_alerts
from alphapulse.findings.disk import Disk, Sample, add_sample, disk_alerts, hours_left, human
from alphapulse.findings.links import Links
from alphapulse.findings.silence import silence_alerts
from alphapulse.pauses import Limit, Silence

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LINKS = Links("http://d:3001")
GB = 10**9


def silence(symbol: str, seconds: float, exchange: str = "kraken") -> Silence:
    since = NOW - timedelta(seconds=seconds)
    return Silence(exchange, symbol, since, since, seconds, Limit(60.0, 500, "all hours"))


def found(*silences: Silence, standing: set[str] | None = None) -> dict[str, Alert]:
    alerts = silence_alerts(silences, standing or set(), LINKS)
    return {alert.key: alert for alert in alerts}


def test_a_market_beyond_its_limit_is_silent() -> None:
    alerts = found(silence("BTC/USD", 61), silence("ETH/USD", 59))
    (alert,) = alerts.values()
    assert alert.title == "kraken/BTC_USD is silent"
    assert "its own limit is 60 s (all hours: 500 pauses)" in alert.text
    assert alert.link == "http://d:3001/assets/trades?view=checks"


def test_a_whole_exchange_is_one_critical_alert() -> None:
    alerts = found(*(silence(f"M{n:02}", 90) for n in range(40)), silence("X", 1, "binance"))
    (alert,) = alerts.values()
    assert (alert.key, alert.severity) == ("silent/kraken", Severity.CRITICAL)
    assert "all 40 markets" in alert.title and "M09 and 30 more" in alert.text


def test_a_market_that_stood_before_its_exchange_goes_on_standing() -> None:
    both = [silence("BTC/USD", 90), silence("ETH/USD", 90)]
    alerts = found(*both, standing={"silent/kraken/BTC_USD"})
    assert set(alerts) == {"silent/kraken", "silent/kraken/BTC_USD"}


def test_an_exchange_of_one_market_is_that_market() -> None:
    assert set(found(silence("BTC/USD", 90))) == {"silent/kraken/BTC_USD"}


def words(**changed: Any) -> dict[str, Any]:
    return {
        "is_fresh": True,
        "feed": {"is_connected": True},
        "journal": {"state": "ready", "lag_bytes": 0},
        "is_behind": False,
    } | changed


@pytest.mark.parametrize(
    ("said", "holder", "heard", "expected"),
    [
        (words(), "collector", 0, []),
        (words(), None, 0, []),
        (None, None, 900, ["collector/kraken"]),
        (words(is_fresh=False), None, 900, ["collector/kraken"]),
        (None, "collector on another machine", 5, []),
        (None, "collector on another machine", 900, ["connected/kraken"]),
        (words(feed={"is_connected": False}), "collector", 5, ["connected/kraken"]),
        (words(journal={"state": "full", "why": "no space"}), "c", 5, ["journal/kraken"]),
        (words(is_behind=True), "c", 5, ["behind/kraken"]),
    ],
)
def test_an_exchange_is_collected_as_it_should_be_or_not(
    said: dict[str, Any] | None, holder: str | None, heard: int, expected: list[str]
) -> None:
    one = Collecting("kraken", said, holder, NOW - timedelta(seconds=heard))
    assert [alert.key for alert in collecting_alerts([one], NOW, LINKS)] == expected


def test_what_mends_itself_within_moments_needs_patience() -> None:
    (alert,) = collecting_alerts([Collecting("kraken", None, None, None)], NOW, LINKS)
    assert alert.patience > 0 and alert.severity is Severity.CRITICAL


def disks(free: int, *standing: str, least: int = 5 * GB) -> list[str]:
    disk = Disk("/data", free, 1000 * GB)
    return [alert.key for alert in disk_alerts([disk], 10, least, NOW, {}, standing)]


def test_a_disk_is_low_by_share_or_bytes_and_full_at_a_quarter_of_it() -> None:
    assert disks(101 * GB) == []
    assert disks(99 * GB) == ["disk low: /data"]
    assert disks(24 * GB) == ["disk low: /data", "disk full: /data"]
    assert disks(150 * GB, least=200 * GB) == ["disk low: /data"]


def test_what_is_low_stays_so_until_a_tenth_more_is_free() -> None:
    assert disks(105 * GB, "disk low: /data") == ["disk low: /data"]
    assert disks(111 * GB, "disk low: /data") == []


def test_it_says_when_the_disk_is_full() -> None:
    samples = add_sample((), 0.0, 100 * GB)
    assert hours_left(samples, 60.0, 99 * GB) is None, "too soon to say"
    assert hours_left(samples, 3600.0, 90 * GB) == pytest.approx(9.0)
    assert hours_left(samples, 3600.0, 110 * GB) is None
    disk = Disk("/data", GB, 1000 * GB)
    (alert, _) = disk_alerts([disk], 10, 0, NOW, {"/data": 9.0})
    assert "full in about 9 h" in alert.text


def test_samples_are_taken_now_and_then_and_bounded() -> None:
    samples: tuple[Sample, ...] = ()
    for n in range(1000):
        samples = add_sample(samples, n * 60.0, n)
    assert len(samples) == 36
    assert samples[-1].at - samples[-2].at >= 600


def test_sizes_are_spelt_for_people() -> None:
    assert [human(n) for n in (0, 999, 1500, 5_368_709_120, 2 * 10**13)] == [
        "0 B", "999 B", "1.5 kB", "5.37 GB", "20 TB",
    ]  # fmt: skip


def test_links_lead_to_dagsters_pages() -> None:
    assert LINKS.run("abc") == "http://d:3001/runs/abc"
    assert LINKS.instigator("sensors", "tell") == "http://d:3001/locations/alphapulse/sensors/tell"
    simulated = Links("http://d", is_simulated=True)
    assert "alphapulse-SIMULATED" in simulated.job("repair_gaps")
