"""`python -m grafana`: write every dashboard as JSON; `--check`: say which files are behind."""

import json
import sys
from pathlib import Path

from grafana_foundation_sdk.cog.encoder import JSONEncoder

from grafana import coverage, gaps, ingestion, latency, markets

PLACE = Path(__file__).parent / "dashboards"
DASHBOARDS = (ingestion, latency, coverage, gaps, markets)


def files() -> dict[Path, str]:
    """What every file of PLACE has to hold."""
    made = [dashboard.make() for dashboard in DASHBOARDS]
    return {
        PLACE / f"{one.uid}.json": json.dumps(one, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for one in made
    }


def behind() -> list[Path]:
    """Files that are not what they have to be, those that nobody makes any more included."""
    wanted = files()
    strays = [path for path in PLACE.glob("*.json") if path not in wanted]
    return strays + [
        path for path, text in wanted.items() if not path.exists() or path.read_text() != text
    ]


def main() -> int:
    if "--check" in sys.argv[1:]:
        late = behind()
        print(*(f"{path} is behind: run python -m grafana" for path in late), sep="\n")
        return 1 if late else 0
    PLACE.mkdir(exist_ok=True)
    for path, text in files().items():
        path.write_text(text)
        print(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
