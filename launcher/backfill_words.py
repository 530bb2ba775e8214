"""What `alphapulse backfill` says: facts for programs, lines for people."""

from collections.abc import Iterator
from typing import Any

import msgspec

from alphapulse.spelling import write_time
from alphapulse.store.backfills import Wish
from collectors.backfilling import Outcome
from collectors.crossing import Progress
from collectors.history import Plan


def plan_facts(plan: Plan | None, wish: Wish) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "market": wish.market.key,
        "from": write_time(wish.from_at),
        "to": write_time(wish.to_at),
    }
    if plan is None:
        return facts | {"expected": 0, "stored": 0, "missing": 0, "requests": 0, "seconds": 0.0}
    return facts | {
        "first_id": plan.whole.after_id + 1,
        "last_id": (plan.whole.before_id or 0) - 1,
        "expected": plan.expected,
        "stored": plan.stored,
        "absent": plan.absent,
        "missing": plan.missing,
        "stretches": len(plan.stretches),
        "requests": plan.requests,
        "seconds": None if plan.seconds is None else round(plan.seconds, 1),
        "planning_requests": plan.looks,
        "resumes": plan.is_resumed,
        "doubts": list(plan.doubts),
    }


def plan_text(facts: dict[str, Any]) -> str:
    return "\n".join(plan_lines(facts))


def plan_lines(facts: dict[str, Any]) -> Iterator[str]:
    yield f"{facts['market']} from {facts['from']} to {facts['to']} (UTC)"
    if "first_id" not in facts:
        yield "  nothing was traded then, as far as the exchange shows"
        return
    if facts["resumes"]:
        yield "  goes on where an earlier run ended; the numbers are of what is left"
    yield f"  ids       {facts['first_id']:,} to {facts['last_id']:,}"
    yield (
        f"  rows      {number(facts['expected'])}, of these {facts['stored']:,} stored, "
        f"{facts['absent']:,} known to be absent at the exchange, {number(facts['missing'])} to ask"
    )
    if facts["requests"] == 0:
        yield "  nothing is left to ask for"
        return
    many = "" if facts["stretches"] == 1 else "es"
    yield f"  requests  {number(facts['requests'])} for {facts['stretches']:,} stretch{many}"
    yield f"            ({facts['planning_requests']} were made for this plan)"
    seconds = facts["seconds"]
    yield f"  time      {'unknown' if seconds is None else 'about ' + duration(seconds)}"
    for doubt in facts["doubts"]:
        yield f"  unknown   {doubt}"


def progress_text(plan: Plan, progress: Progress, seconds: float) -> str:
    part = progress.requests / max(1, plan.requests or 0) if plan.requests else 0.0
    left = duration(seconds / part - seconds) + " left" if 0 < part <= 1 else ""
    share = f"{min(part, 1.0):.1%}" if plan.requests else ""
    return (
        f"{write_time(progress.at)[:19]}  {share}  {progress.trades:,} rows, "
        f"{progress.new:,} new, {progress.requests:,} requests  {left}"
    )


def outcome_facts(outcome: Outcome, seconds: float) -> dict[str, Any]:
    facts = msgspec.to_builtins(outcome)
    totals = facts.pop("totals")
    return {
        **facts,
        "seconds": round(seconds, 1),
        "total_requests": totals["requests"],
        "rows": totals["trades"],
        "new": totals["new"],
    }


def outcome_text(facts: dict[str, Any]) -> str:
    what = (
        f"{facts['state']}: {facts['rows']:,} rows read, {facts['new']:,} of them new, in "
        f"{facts['total_requests']:,} requests; this run {facts['requests']:,} requests, "
        f"{duration(facts['seconds'])}"
    )
    lines = [what]
    if facts["absent"]:
        lines.append(f"the exchange itself lacks {facts['absent']:,} ids: `absent` in market_gaps")
    if facts["open"]:
        lines.append(
            f"{facts['open']:,} ids are still missing: open in market_gaps, for the repair worker"
        )
    return "\n".join(lines)


def number(count: int | None) -> str:
    return "unknown" if count is None else f"{count:,}"


def duration(seconds: float) -> str:
    whole = round(seconds)
    hours, minutes = whole // 3600, whole % 3600 // 60
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole % 60} s" if minutes else f"{max(1, whole)} s"
