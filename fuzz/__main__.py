"""`make fuzz SECONDS=60`, or `python -m fuzz --seconds 60 kraken.parse notice`: every decoder, or
the named ones, each for its share of the seconds: in a process of its own, or, where the share is
too short to be worth a start, here and by drawing alone.

What a broken law was broken by stays in .fuzz/crashes; `python -m fuzz NAME --input FILE` repeats
it. What was found to be interesting stays in .fuzz/corpus, and the next run begins there.
"""

import argparse
import faulthandler
import re
import subprocess
import sys
import traceback
from hashlib import sha256
from pathlib import Path

from fuzz.engine import PATIENCE, drawn
from fuzz.targets import Target, targets

PLACE = Path(__file__).parents[1] / ".fuzz"
CRASHES = PLACE / "crashes"
EXECUTED = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
WORTH = 2.0  # seconds of fuzzing that are worth the start of a process
STARTING = 60  # seconds that a process may take beside its fuzzing


def main() -> int:
    known = targets()
    words = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    words.add_argument("names", nargs="*", choices=[*known, []], help="which (all)")
    words.add_argument("--seconds", type=int, default=60, help="of fuzzing, in all")
    words.add_argument("--input", type=Path, help="give this file to the one that is named")
    given = words.parse_args()
    if given.input:
        for name in given.names:
            known[name].obey(given.input.read_bytes())
        return 0
    names = given.names or list(known)
    share = given.seconds / len(names)
    CRASHES.mkdir(parents=True, exist_ok=True)
    attend = run if share >= WORTH else run_here
    held = [attend(name, known[name], share) for name in names]
    return 0 if all(held) else 1


def run_here(name: str, target: Target, seconds: float) -> bool:
    """Whether the law held; an input that has no answer ends the whole."""
    faulthandler.dump_traceback_later(seconds + PATIENCE, exit=True)
    try:
        count = drawn(name, target, seconds, CRASHES)
    except Exception:  # noqa: BLE001 - whatever it is, the other targets are to run too
        tell(name, "stopped", "BROKEN")
        traceback.print_exc()
        return False
    finally:
        faulthandler.cancel_dump_traceback_later()
    tell(name, f"{count:,} inputs", "ok")
    return True


def tell(name: str, inputs: str, verdict: str) -> None:
    print(f"{name:32} {inputs:>20}  {verdict}", flush=True)


def run(name: str, target: Target, share: float) -> bool:
    """Whether the law held."""
    seconds, corpus = int(share), PLACE / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (corpus / sha256(seed).hexdigest()[:16]).write_bytes(seed)
    command = [sys.executable, "-m", "fuzz.engine", name, str(seconds), str(corpus), str(CRASHES)]
    try:
        done = subprocess.run(
            command,
            cwd=PLACE.parent,
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            timeout=seconds + PATIENCE + STARTING,
            check=False,
        )
    except subprocess.TimeoutExpired:
        tell(name, "did not end", "BROKEN")
        return False
    said = done.stderr.decode(errors="replace")
    counted = EXECUTED.search(said)
    inputs = f"{int(counted[1]):,} inputs" if counted else "stopped"
    tell(name, inputs, "BROKEN" if done.returncode else "ok")
    if done.returncode:
        print(said[-6_000:], flush=True)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
