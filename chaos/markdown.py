"""A report as a section of docs/reliability.md, between two marks. Pure."""

import re
from collections.abc import Iterator

from chaos.report import COLUMNS, Report, sums_of

BEGIN, END = "<!-- the long run: written by chaos --docs -->", "<!-- end of the long run -->"
SECTION = re.compile(f"{BEGIN}.*?{END}", re.DOTALL)


class NoSection(ValueError):
    """The page has no such marks; the message names them."""


def with_report(page: str, report: Report) -> str:
    """The page with its section replaced; raises NoSection."""
    section = "\n".join([BEGIN, *paragraphs(report), END])
    written, count = SECTION.subn(lambda _: section, page)
    if count != 1:
        raise NoSection(f"the page needs one section between {BEGIN!r} and {END!r}, it has {count}")
    return written


def paragraphs(report: Report) -> Iterator[str]:
    faults = sum(report.faults.values())
    yield f"`{report.command}`\n"
    verdict = "nothing was lost" if report.is_good else "FAILED"
    yield f"{report.served:,} trades, {faults} faults, {report.seconds:.0f} s: **{verdict}**.\n"
    yield "| place | " + " | ".join(COLUMNS) + " |"
    yield "|---" * (len(COLUMNS) + 1) + "|"
    for place, sums in sums_of(report.places).items():
        yield f"| {place} | " + " | ".join(f"{sums[name]:,}" for name in COLUMNS) + " |"
    yield ""
    ids = f"Ids withheld and told as absent: {report.absent}; unexplained ids: "
    yield f"{ids}{report.unexplained}."
    found = report.gap_healing
    gaps = ", ".join(f"{count} {state}" for state, count in report.gaps.items())
    yield f"Gaps: {gaps}; found to repaired p50 {found.p50:.1f} s, max {found.longest:.1f} s."
    yield f"Second collectors that were refused: {report.rivals_refused}.\n"
    yield "| fault | injected | healed p50, s | max, s |\n|---|---|---|---|"
    for kind, count in report.faults.items():
        times = report.fault_healing.get(kind)
        yield f"| {kind} | {count} | " + (
            f"{times.p50:.1f} | {times.longest:.1f} |" if times else "| |"
        )
    yield from (f"| {kind} | - | left out: {why} | |" for kind, why in report.left_out.items())
    yield from (f"\nPROBLEM: {problem}" for problem in report.problems)
