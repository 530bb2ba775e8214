"""What is wrong, and the life of it: raised once, told once, resolved once. Pure.

    rising ──(holds for its patience)──> standing ──(not seen)──> clearing ──(for long)──> resolved
       │                                     ^                        │
       └──(not seen)──> forgotten            └───────(seen again)─────┘

What flaps stays one alert: it is raised once and resolved when it has been over for long enough.
The same thing found wrong again after that is another alert.
"""

from collections.abc import Container, Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace


class Severity(StrEnum):
    """WARNING: look at it in daytime. CRITICAL: data is being lost, or soon will be."""

    WARNING = "warning"
    CRITICAL = "critical"


class State(StrEnum):
    RISING = "rising"
    STANDING = "standing"
    CLEARING = "clearing"
    RESOLVED = "resolved"


class Alert(Struct, frozen=True):
    """Something that is wrong. `key` tells it from all others; `link` is where to act.

    `since`: from when on what it says is so. `patience`: seconds for which it must be seen before
    anybody is told, for what often mends itself.
    """

    key: str
    severity: Severity
    title: str
    text: str
    since: datetime
    link: str | None = None
    patience: float = 0.0


class Episode(Struct, frozen=True):
    """One alert's life so far. `seen_at`: since when it is seen; `clear_at`: since when no more."""

    alert: Alert
    state: State
    seen_at: datetime
    raised_at: datetime | None = None
    clear_at: datetime | None = None
    resolved_at: datetime | None = None
    resolution: str | None = None


class Round(Struct, frozen=True):
    """What one look changes: episodes that begin or changed, and keys that never rose."""

    changed: dict[str, Episode]
    forgotten: tuple[str, ...]


def begin(alert: Alert, now: datetime) -> Episode:
    return rise(Episode(alert, State.RISING, now), now)


def see(episode: Episode, alert: Alert, now: datetime) -> Episode:
    """It is still so, or so again; what is said of it may have changed, but not since when."""
    same = replace(episode, alert=replace(alert, since=episode.alert.since))
    if episode.state is State.CLEARING:
        return replace(same, state=State.STANDING, clear_at=None)
    return rise(same, now)


def rise(episode: Episode, now: datetime) -> Episode:
    held = now - episode.seen_at
    if episode.state is State.RISING and held >= timedelta(seconds=episode.alert.patience):
        return replace(episode, state=State.STANDING, raised_at=now)
    return episode


def miss(
    episode: Episode, now: datetime, damping: float, resolution: str | None = None
) -> Episode | None:
    """It is not so now. None: nobody was told, and nobody needs to be.

    `damping`: seconds for which it must not be seen before it is over.
    """
    if episode.state is State.RISING:
        return None
    clear_at = episode.clear_at or now
    if now - clear_at >= timedelta(seconds=damping):
        return replace(
            episode,
            state=State.RESOLVED,
            clear_at=clear_at,
            resolved_at=now,
            resolution=resolution,
        )
    return replace(episode, state=State.CLEARING, clear_at=clear_at)


def look(
    alive: Mapping[str, Episode],
    found: Iterable[Alert],
    now: datetime,
    *,
    damping: float = 0.0,
    resolutions: Mapping[str, str] | None = None,
    judged: Container[str] | None = None,
) -> Round:
    """What one watch's look at the world changes; `alive` are its alerts that are not resolved.

    `judged`: the keys that were looked at; None: all, so that what was not found is over.
    """
    wrong = {alert.key: alert for alert in found}
    changed: dict[str, Episode] = {}
    forgotten = []
    for key, alert in wrong.items():
        former = alive.get(key)
        now_so = see(former, alert, now) if former else begin(alert, now)
        if now_so != former:
            changed[key] = now_so
    for key, former in alive.items():
        if key in wrong or (judged is not None and key not in judged):
            continue
        after = miss(former, now, damping, (resolutions or {}).get(key))
        if after is None:
            forgotten.append(key)
        elif after != former:
            changed[key] = after
    return Round(changed, tuple(forgotten))
