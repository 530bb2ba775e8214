"""What chaos does to the platform's own processes; what it does to exchanges is `replay.faults`."""

from typing import Literal, TypeAlias

from msgspec import Struct

from replay.faults import Fault as ExchangeFault

Moment: TypeAlias = Literal["starting", "writing"]


class KillCollector(Struct, frozen=True):
    """kill -9; its supervisor starts another."""

    exchange: str


class KillStreamer(Struct, frozen=True):
    pass


class KillPostgres(Struct, frozen=True):
    """kill -9 of the postmaster: the server recovers from its log."""


class KillSupervisor(Struct, frozen=True):
    """kill -9 of `alphapulse up` itself; chaos stands in for systemd and starts it again."""


class KillExport(Struct, frozen=True):
    """A Dagster run of the export is started, and killed after `seconds` or as it writes a file."""

    moment: Moment
    seconds: float


class KillBackfill(Struct, frozen=True):
    """`alphapulse backfill` of a stretch of history is started and killed after `seconds`."""

    exchange: str
    seconds: float


class KillClient(Struct, frozen=True):
    """kill -9 of a stream client; it comes back with the cursor of its log."""

    client: int


class CutClient(Struct, frozen=True):
    """A stream client drops its line and comes back with its cursor."""

    client: int


class StallClient(Struct, frozen=True):
    """SIGSTOP: it does not read, the streamer's buffer for it fills."""

    client: int
    seconds: float


class StallCollector(Struct, frozen=True):
    exchange: str
    seconds: float


class StallStreamer(Struct, frozen=True):
    seconds: float


class StallPostgres(Struct, frozen=True):
    """SIGSTOP of every process of the server."""

    seconds: float


class Outage(Struct, frozen=True):
    """PostgreSQL is killed and may not come back for so long."""

    seconds: float


class SecondCollector(Struct, frozen=True):
    """Another collector of an exchange that has one: it must refuse to start and say why."""

    exchange: str


class ClockStep(Struct, frozen=True):
    """The collectors' clock jumps by `step` seconds, and back after `seconds`."""

    step: int
    seconds: float


class FullDisk(Struct, frozen=True):
    """The disk under the collectors' journal is full for so long."""

    seconds: float


OwnFault: TypeAlias = (
    KillCollector
    | KillStreamer
    | KillPostgres
    | KillSupervisor
    | KillExport
    | KillBackfill
    | KillClient
    | CutClient
    | StallClient
    | StallCollector
    | StallStreamer
    | StallPostgres
    | Outage
    | SecondCollector
    | ClockStep
    | FullDisk
)
Fault: TypeAlias = OwnFault | ExchangeFault
