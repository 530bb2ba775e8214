"""What the store says of market-days in one snapshot: sums, coverage, and whether to go on."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from alphapulse import lake
from alphapulse.archive.outcome import Exported, ExportError, Failed
from alphapulse.certificate import CERTIFICATE_VERSION, Certificate, with_coverage
from alphapulse.coverage import Coverage
from alphapulse.day import MarketDay
from alphapulse.extent import Jump
from alphapulse.lake import LakeError
from alphapulse.store.connect import Store
from alphapulse.store.coverage import as_of, judge_day
from alphapulse.store.shipping import Summary, is_simulated, summaries, unfit_id


class Wanted(Struct, frozen=True):
    """A market-day to export; the store knows its market by that number."""

    day: MarketDay
    market_id: int


class Judged(Struct, frozen=True):
    """A day with trades: what its file is to certify, of which snapshot, and what is missing."""

    wanted: Wanted
    certificate: Certificate
    snapshot: str
    found: Coverage
    unexplained: list[Jump]

    @property
    def day(self) -> MarketDay:
        return self.wanted.day


class Look(Struct, frozen=True):
    """The transaction that looks: its snapshot, that one's instant, and whose data it is."""

    store: Store
    snapshot: str
    at: datetime
    is_simulated: bool


def judge_days(
    store: Store, name: str, at: datetime, parquet: Path, wanted: Sequence[Wanted]
) -> list[Judged | Exported | Failed]:
    """Each day, all of one date, as the snapshot `name` has it, taken at the instant `at`.

    Exported: it has no trade. Failed: it must not be exported.
    """
    with as_of(store, name) as seen:
        look = Look(store, seen, at, is_simulated(store))
        ids = [one.market_id for one in wanted]
        found = {one.market_id: one for one in summaries(store, ids, wanted[0].day)}
        return [judge_one(look, parquet, one, found.get(one.market_id)) for one in wanted]


def judge_one(
    look: Look, parquet: Path, wanted: Wanted, summary: Summary | None
) -> Judged | Exported | Failed:
    day = wanted.day
    try:
        refuse_loss(lake.path_of(parquet, day), day, summary.rows if summary else 0)
        if summary is None:
            return Exported(day)
        refuse_rounding(look.store, wanted, summary)
    except (ExportError, LakeError, OSError) as failure:
        return Failed(day, str(failure))
    found, names = judge_day(look.store, wanted.market_id, day, summary.rows)
    certificate = with_coverage(certify(look, day, summary), found)
    return Judged(wanted, certificate, look.snapshot, found, names)


def refuse_loss(path: Path, day: MarketDay, rows: int) -> None:
    """The archive never shrinks by itself: the store may have let go of rows since."""
    known = lake.certificate_at(path)  # its own file may have gone into the month's
    archived = known.rows if known else 0
    if rows < archived:
        raise ExportError(
            f"{day.key}: the store has {rows} trades and {path} has {archived}: the file stays. "
            "If the store is right, move the file away and export again"
        )


def refuse_rounding(store: Store, wanted: Wanted, summary: Summary) -> None:
    if not summary.fits:
        unfit = unfit_id(store, wanted.market_id, wanted.day)
        raise ExportError(
            f"{wanted.day.key}: price or size of trade {unfit} does not fit numeric(38,18) exactly "
            "(18 decimals, below 1e20): nothing was rounded and nothing written"
        )


def certify(look: Look, day: MarketDay, summary: Summary) -> Certificate:
    return Certificate(
        exchange=day.market.exchange,
        symbol=day.market.symbol,
        date=day.date,
        rows=summary.rows,
        first_id=summary.first_id,
        last_id=summary.last_id,
        price_sum=summary.price_sum,
        size_sum=summary.size_sum,
        simulated=look.is_simulated,
        day_closed=look.at >= day.ends_at,
        exported_at=look.at,
        certificate_version=CERTIFICATE_VERSION,
        notional_sum=summary.notional_sum,
        checksum=summary.checksum,
    )
