"""`alphapulse retention`: which days leave PostgreSQL, and why others stay."""

from collections.abc import Iterator, Sequence
from typing import Any

import click
import msgspec

from alphapulse.archive.leaving import Outcome, let_go, policy_of, review
from alphapulse.archive.rejoining import Joined
from alphapulse.retention import Decision, Policy
from alphapulse.settings import Settings
from alphapulse.store.connect import connect
from alphapulse.store.judgements import today_of
from alphapulse.store.retention import Dropped
from launcher.ready import ready_database

REFUSALS: tuple[type[Exception], ...] = ()


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would leave, and why the others stay.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def retention(settings: Settings, dry_run: bool, as_json: bool) -> None:
    """Let days older than ALPHAPULSE_RETENTION_DAYS leave PostgreSQL.

    Only those whose Parquet files were read again and hold every row of them (and lie in the
    backup, where there is one). Dagster does the same each night.
    """
    with ready_database(settings) as url:
        with connect(url, "retention", read_only=True) as store:
            policy = policy_of(settings, today_of(store))
        work = review if dry_run else let_go
        outcomes: list[Outcome] = list(work(url, settings.parquet, policy))
    click.echo("\n".join(render(outcomes, policy, as_json=as_json)))


def render(outcomes: Sequence[Outcome], policy: Policy, *, as_json: bool) -> Iterator[str]:
    if as_json:
        yield msgspec.json.encode([facts_of(outcome) for outcome in outcomes]).decode()
        return
    for outcome in outcomes:
        yield from describe(outcome)
    yield summarise(outcomes, policy)


def describe(outcome: Outcome) -> Iterator[str]:
    if isinstance(outcome, Joined):
        yield f"{outcome.day.date}  united     {outcome.rows:,} rows with {outcome.day.market.key}"
        return
    if isinstance(outcome, Dropped):
        yield f"{outcome.day}  left       {outcome.rows:,} rows, {outcome.bytes:,} bytes"
        return
    word = "may leave" if outcome.may_leave else "stays    "
    yield f"{outcome.day}  {word}  {outcome.rows:,} rows"
    for refusal in outcome.refusals:
        yield f"    ! {refusal.market or 'all markets'}: {refusal.why}: {refusal.words}"


def summarise(outcomes: Sequence[Outcome], policy: Policy) -> str:
    if not policy.keep_days:
        return "every day stays (ALPHAPULSE_RETENTION_DAYS is 0)"
    older = [one for one in outcomes if not isinstance(one, Joined)]
    stay = sum(isinstance(one, Decision) and not one.may_leave for one in older)
    return f"days from {policy.limit} on stay; of {len(older):,} older ones {stay:,} may not leave"


def facts_of(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Joined):
        market = outcome.day.market.key
        return {"day": outcome.day.date, "rows": outcome.rows, "state": "united", "market": market}
    facts = {"day": outcome.day, "rows": outcome.rows}
    if isinstance(outcome, Decision):
        state = "may leave" if outcome.may_leave else "stays"
        return facts | {"state": state, "refusals": outcome.refusals}
    return facts | {"state": "left", "bytes": outcome.bytes, "refusals": ()}
