"""Which days may leave PostgreSQL: those whose files were proven to hold every row of them. Pure.

A partition holds all markets of one UTC day, so a day leaves when each of its markets may. Whether
a day is complete is no condition: its file says what it lacks. Only while a gap of it is open it
stays, because repairs still write into it.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum

from msgspec import Struct

from alphapulse.day import MarketDay


class Why(StrEnum):
    """Why a market's day stays."""

    TOO_YOUNG = "too young"
    NOT_EXPORTED = "not exported"
    NOT_OVER = "exported before it was over"
    REOPENED = "reopened"
    LATE_ROWS = "late rows"
    LATE_AFTER_LEAVING = "late after leaving"
    GAPS_OPEN = "gaps open"
    FILE_MISSING = "file missing"
    FILE_DAMAGED = "file does not verify"
    STORE_DIFFERS = "file and store differ"
    NOT_BACKED_UP = "not backed up"
    ODD_CHUNK = "its chunk is not its day"
    CHANGED = "changed meanwhile"
    LOCKED = "locked"


class Refusal(Struct, frozen=True):
    """Why one day stays; `market` None: it is not about one market's rows. `words` name the facts
    and what to do.
    """

    day: date
    market: str | None
    why: Why
    words: str

    def __str__(self) -> str:
        return f"{self.day} {self.market or 'all markets'}: {self.why}: {self.words}"


class Sheet(Struct, frozen=True):
    """What the day's file is, read again now: `failures` name the checks that did not hold.

    `checksum` is what it certifies, `digest` one of every column of its rows, as read. `unfiled`
    counts the store's rows that are not in it, where the day had left before.
    """

    is_there: bool
    rows: int = 0
    checksum: str | None = None
    verdict: str | None = None
    digest: str | None = None
    failures: tuple[str, ...] = ()
    day_closed: bool = True
    unfiled: int = 0


class Held(Struct, frozen=True):
    """One market's day with rows in the store. `digest` is of those rows; it and `sheet` are None
    where nobody has looked yet. `late`: rows that the recorded export did not see. `copied` is the
    checksum of the backup's copy. `was_dropped`: it left before, and these rows came afterwards.
    """

    day: MarketDay
    market_id: int
    rows: int
    last_tx: int = 0
    late: int = 0
    exported_at: datetime | None = None
    certified_rows: int | None = None
    certified: str | None = None
    verdict: str | None = None
    reopened_at: datetime | None = None
    gaps: tuple[int, ...] = ()
    copied: str | None = None
    was_dropped: bool = False
    digest: str | None = None
    sheet: Sheet | None = None


class Policy(Struct, frozen=True):
    """`keep_days` whole UTC days stay besides `today`; 0: all. `backups`: files must be copied."""

    keep_days: int
    today: date
    backups: bool = False

    @property
    def limit(self) -> date:
        """The oldest day that stays."""
        return self.today - timedelta(days=self.keep_days) if self.keep_days else date.min

    def is_due(self, day: date) -> bool:
        return day < self.limit


class Decision(Struct, frozen=True):
    """A day of the store, the facts of each market with rows in it, and what speaks against it."""

    day: date
    held: Sequence[Held]
    refusals: Sequence[Refusal] = ()

    @property
    def may_leave(self) -> bool:
        """Nothing speaks against it, and every file was looked at."""
        return not self.refusals and all(one.sheet for one in self.held)

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.held)


def decide(
    day: date, held: Sequence[Held], policy: Policy, others: Iterable[Refusal] = ()
) -> Decision:
    """`others`: what speaks against the day besides its markets' rows."""
    found = [reason for one in held for reason in refusals(one, policy)]
    return Decision(day, tuple(held), (*others, *found))


def refusals(held: Held, policy: Policy) -> Iterator[Refusal]:
    """All that speaks against one market's day, as far as it was looked at."""
    found = [*by_record(held, policy), *by_file(held)]
    for why, words in found:
        yield Refusal(held.day.date, held.day.market.key, why, words)


def by_record(held: Held, policy: Policy) -> Iterator[tuple[Why, str]]:
    """What is known without reading a file."""
    if not policy.is_due(held.day.date):
        yield Why.TOO_YOUNG, f"days from {policy.limit} on stay"
    if held.exported_at is None or held.certified is None:
        yield Why.NOT_EXPORTED, "materialize its partition of trades_parquet"
        return
    if held.exported_at < held.day.ends_at:
        yield Why.NOT_OVER, f"its file is of {minute(held.exported_at)}: export it again"
    yield from by_late_rows(held)
    if held.gaps:
        listed = ", ".join(map(str, held.gaps))
        yield Why.GAPS_OPEN, f"repairs still write into it: gap {listed}"
    if policy.backups and held.copied != held.certified:
        copy = f"a copy of checksum {held.copied}" if held.copied else "no copy"
        yield Why.NOT_BACKED_UP, f"its file has checksum {held.certified}, and the backup {copy}"


def by_late_rows(held: Held) -> Iterator[tuple[Why, str]]:
    """Rows that no file has yet."""
    late = f"{held.late:,} rows came after"
    if held.was_dropped and (held.late or held.reopened_at):
        yield Why.LATE_AFTER_LEAVING, f"{late} the day had left: unite them with its file"
    elif held.reopened_at:
        yield Why.REOPENED, f"its file is out of date since {minute(held.reopened_at)}"
    elif held.late:
        yield Why.LATE_ROWS, f"{late} its export, which must see them"


def minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def by_file(held: Held) -> Iterator[tuple[Why, str]]:
    """What the file itself says against it."""
    sheet = held.sheet
    if sheet is None:
        return
    if not sheet.is_there:
        yield Why.FILE_MISSING, "export it again"
    elif sheet.failures:
        yield Why.FILE_DAMAGED, f"{'; '.join(sheet.failures)}: move it away and export again"
    elif not sheet.day_closed:
        yield Why.NOT_OVER, "its file says that the day was not over: export it again"
    else:
        yield from by_rows(held, sheet)


def by_rows(held: Held, sheet: Sheet) -> Iterator[tuple[Why, str]]:
    """Record, file and store must speak of the same rows; of a day that left before, the file has
    more than the store.
    """
    filed = (sheet.rows, sheet.checksum, sheet.verdict)
    recorded = (held.certified_rows, held.certified, held.verdict)
    if filed != recorded:
        yield Why.STORE_DIFFERS, f"the file certifies {filed}, and {recorded} was exported"
    if held.was_dropped:
        if sheet.unfiled:
            yield Why.LATE_AFTER_LEAVING, f"{sheet.unfiled:,} rows are not in its file"
    elif (sheet.rows, sheet.digest) != (held.rows, held.digest):
        stored = f"{held.rows:,} rows of digest {held.digest}"
        yield (
            Why.STORE_DIFFERS,
            f"the file has {sheet.rows:,} of {sheet.digest}, the store {stored}",
        )
