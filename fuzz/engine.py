"""One target for so many seconds: `python -m fuzz.engine NAME SECONDS CORPUS CRASHES`.

By atheris, which looks for inputs that reach new lines of our own code; where there is no atheris,
by drawing alone. A broken law leaves its input in CRASHES and a traceback on stderr.
"""

import importlib.util
import sys
from hashlib import sha256
from pathlib import Path
from random import Random
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # where atheris instruments, it must be imported later
    from fuzz.targets import Target

LONGEST = 16_384  # bytes of an input
PATIENCE = 10  # seconds in which every input must have its answer


def guided(name: str, seconds: int, corpus: Path, crashes: Path) -> None:
    """Does not come back: libFuzzer ends the process."""
    import atheris  # noqa: PLC0415 - not everywhere

    with atheris.instrument_imports(include=["alphapulse", "collectors", "streamer"]):
        from fuzz.targets import targets  # noqa: PLC0415 - imported to be instrumented
    target = targets()[name]

    def bent(data: bytes, most: int, seed: int) -> bytes:
        dice = Random(seed)
        if dice.random() < 0.6:
            return target.bend(data, dice)[:most]
        found: bytes = atheris.Mutate(data, most)
        return found

    options = [
        f"-max_total_time={seconds}",
        f"-timeout={PATIENCE}",
        f"-max_len={LONGEST}",
        f"-artifact_prefix={crashes}/{name}-",
        "-rss_limit_mb=1024",
        "-print_final_stats=1",
        str(corpus),
    ]
    atheris.Setup([name, *options], target.obey, custom_mutator=bent)
    atheris.Fuzz()


def drawn(name: str, target: "Target", seconds: float, crashes: Path) -> int:
    """How many inputs obeyed; raises what a broken law raises."""
    dice, count, end = Random(), 0, monotonic() + seconds
    while monotonic() < end:
        data = target.bend(dice.choice(target.seeds), dice)
        try:
            target.obey(data)
        except BaseException:
            (crashes / f"{name}-{sha256(data).hexdigest()[:16]}").write_bytes(data)
            raise
        count += 1
    return count


def main() -> None:
    name, seconds, corpus, crashes = sys.argv[1:]
    if importlib.util.find_spec("atheris"):
        guided(name, int(seconds), Path(corpus), Path(crashes))
    else:
        from fuzz.targets import targets  # noqa: PLC0415 - not before it can be instrumented

        count = drawn(name, targets()[name], int(seconds), Path(crashes))
        print(f"stat::number_of_executed_units: {count}", file=sys.stderr)


if __name__ == "__main__":
    main()
