"""`make chaos`, or `python -m chaos`: exit code 0 when nothing was lost, 1 when anything was.

A failure keeps its directory, prints where it is, and the command that repeats the run.
"""

import argparse
import asyncio
import logging
import random
import shutil
import signal
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import uvloop

from chaos.markdown import with_report
from chaos.means import lacking
from chaos.plan import Plan, around_midnight
from chaos.report import Report, lines
from chaos.run import play
from chaos.stage import StageError

STOPPED = 130  # exit code after Ctrl-C


def main() -> None:
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    logging.getLogger("replay").setLevel(logging.ERROR)
    given = parser().parse_args()
    home = given.home or Path(tempfile.mkdtemp(prefix="alphapulse-chaos-"))
    home.mkdir(parents=True, exist_ok=True)
    plan = plan_of(given)
    say(f"chaos: {plan.trades:,} trades in {plan.seconds:g} s, {len(plan.strikes)} faults; {home}")
    say(f"chaos: {plan.command}")
    try:
        report = uvloop.run(until_told(plan, home))
    except (KeyboardInterrupt, asyncio.CancelledError):
        say(f"stopped; {home} is left")
        sys.exit(STOPPED)
    except StageError as failure:
        say(f"FAILED before it began: {failure}")
        sys.exit(1)
    tell(report, given)
    if report.is_good and not given.keep:
        shutil.rmtree(home, ignore_errors=True)
    else:
        say(f"the directory is left for a look: {home}")
    sys.exit(0 if report.is_good else 1)


async def until_told(plan: Plan, home: Path) -> Report:
    """Ctrl-C and SIGTERM take the stage down in order."""
    task = asyncio.ensure_future(play(plan, home, say))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    return await task


def tell(report: Report, given: argparse.Namespace) -> None:
    for line in lines(report):
        say(line)
    if given.json:
        given.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)))
    if given.docs:
        given.docs.write_text(with_report(given.docs.read_text(), report))


def say(line: str) -> None:
    print(line, flush=True)


def plan_of(given: argparse.Namespace) -> Plan:
    seed = random.randrange(10**6) if given.seed is None else given.seed
    start = given.start or datetime.now(UTC)
    at = int(start.timestamp() * 1e6) if given.start else around_midnight(start, given.seconds)
    return Plan(
        seed=seed,
        seconds=given.seconds,
        trades=given.trades,
        faults=given.faults,
        start=at,
        without=lacking() | dict.fromkeys(given.without, "as asked for"),
        outage=given.outage,
    )


def parser() -> argparse.ArgumentParser:
    words = argparse.ArgumentParser(prog="python -m chaos", description=__doc__)
    words.add_argument("--seed", type=int, help="of trades and faults (a new one)")
    words.add_argument("--seconds", type=float, default=40.0, help="of trading (40)")
    words.add_argument("--trades", type=int, default=80_000, help="over all markets (80,000)")
    words.add_argument("--faults", type=int, default=40, help="to inject (40)")
    words.add_argument(
        "--start",
        type=datetime.fromisoformat,
        help="first instant by the exchanges' clock, with offset (the last midnight in the middle)",
    )
    words.add_argument("--without", nargs="*", default=[], help="kinds of fault to leave out")
    words.add_argument(
        "--outage", type=float, default=0.0, help="seconds that PostgreSQL is away once (0)"
    )
    words.add_argument("--home", type=Path, help="directory for everything (a temporary one)")
    words.add_argument("--json", type=Path, help="write the report here too")
    words.add_argument(
        "--docs", type=Path, help="write it into this page's section of the long run"
    )
    words.add_argument("--keep", action="store_true", help="leave the directory after a success")
    return words


if __name__ == "__main__":
    main()
