"""`python -m launcher.knock URL`: exit code 0 if it answers with 2xx. No curl is needed."""

import sys
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

PATIENCE = 5.0  # seconds


def answers(url: str) -> bool:
    """Straight there: no proxy of the environment is asked."""
    try:
        with build_opener(ProxyHandler({})).open(url, timeout=PATIENCE) as answer:
            return bool(200 <= answer.status < 300)
    except (URLError, OSError, ValueError):
        return False


if __name__ == "__main__":
    sys.exit(not answers(sys.argv[1]))
