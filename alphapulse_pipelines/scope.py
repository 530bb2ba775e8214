"""What the watching sensors share: which markets the settings name, and where links lead."""

from alphapulse.findings.links import Links
from alphapulse.settings import Settings
from collectors.exchanges import DEFAULT, EXCHANGES


def exchanges_of(settings: Settings) -> tuple[str, ...]:
    """Those that the platform collects."""
    return tuple(settings.markets) or DEFAULT


def markets_of(settings: Settings) -> set[tuple[str, str]]:
    """(exchange, symbol) of each market that it collects."""
    return {
        (name, symbol)
        for name in exchanges_of(settings)
        for symbol in settings.markets.get(name) or EXCHANGES[name].MARKETS
        if name in EXCHANGES
    }


def links_of(settings: Settings) -> Links:
    base = settings.alert_link or f"http://{settings.host}:{settings.dagster_port}"
    return Links(base.rstrip("/"), settings.simulated)
