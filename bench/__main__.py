"""`make bench`, or `python -m bench ingest --rounds 3`: every benchmark, or the named ones."""

import argparse
from collections.abc import Callable

from bench import (
    api,
    archive,
    candles,
    dagster,
    export,
    fanout,
    ingest,
    latency,
    retention,
    statistics,
    watching,
)
from bench.stage import server

RUNS: dict[str, Callable[..., dict[str, float]]] = {
    "ingest": lambda found, rounds: ingest.run(found, rounds, 300_000),
    "latency": lambda found, rounds: latency.run(found, rounds, 10.0),
    "dagster": dagster.run,
    "fanout": lambda found, rounds: fanout.run(found, rounds, 40_000),
    "watching": watching.run,
    "candles": lambda _, rounds: candles.run(rounds, 1_000_000),
    "archive": archive.run,
    "export": lambda found, rounds, trades=5_000_000: export.run(found, rounds, trades),
    "statistics": statistics.run,
    "retention": lambda found, rounds: retention.run(found, rounds, 1_000_000),
    "api": api.run,
}


def main() -> None:
    words = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    words.add_argument("names", nargs="*", choices=[*RUNS, []], help="which (all)")
    words.add_argument(
        "--rounds", type=int, default=5, help="interleaved rounds, of which the median counts"
    )
    words.add_argument("--trades", type=int, help="of the export's day (5,000,000)")
    given = words.parse_args()
    with server() as found:
        for name in given.names or RUNS:
            print(f"{name}:")
            size = {"trades": given.trades} if given.trades and name == "export" else {}
            for what, value in RUNS[name](found, given.rounds, **size).items():
                print(f"  {what:20} {value:14,.2f}", flush=True)


if __name__ == "__main__":
    main()
