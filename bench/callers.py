"""Pages that poll: each asks the API for something once a second. Prints what came of it as JSON.

python -m bench.callers PORT CLIENTS SECONDS
"""

import http.client
import json
import sys
import threading
import time

ASKED = (
    "/v1/markets",
    "/v1/markets/binance/BTCUSDT/ticker",
    "/v1/markets/binance/BTCUSDT/trades?limit=200&order=desc",
    "/v1/markets/binance/BTCUSDT/candles?limit=300",
    "/v1/stats/ingestion?window=15m",
    "/v1/stats/latency?window=15m",
    "/v1/stats/feeds",
)


class Caller(threading.Thread):
    def __init__(self, port: int, number: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.number, self.seconds = number, seconds
        self.took: list[float] = []
        self.refused: list[str] = []

    def run(self) -> None:
        began = time.monotonic() + self.number % 50 / 50
        for turn in range(int(self.seconds)):
            time.sleep(max(0.0, began + turn - time.monotonic()))
            self.ask(ASKED[(self.number + turn) % len(ASKED)])

    def ask(self, path: str) -> None:
        started = time.perf_counter()
        try:
            self.line.request("GET", path)
            answer = self.line.getresponse()
            answer.read()
        except OSError as failure:
            self.line.close()
            self.refused.append(f"{path}: {failure}")
            return
        self.took.append(time.perf_counter() - started)
        if answer.status != 200:
            self.refused.append(f"{path}: {answer.status}")


def await_market(port: int) -> None:
    """Until the market has its first trade, there is nothing to ask for."""
    while True:
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        line.request("GET", ASKED[1])
        if line.getresponse().status == 200:
            return
        line.close()
        time.sleep(0.2)


def main(port: int, clients: int, seconds: float) -> None:
    await_market(port)
    callers = [Caller(port, number, seconds) for number in range(clients)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    took = [one for caller in callers for one in caller.took]
    refused = [one for caller in callers for one in caller.refused]
    print(json.dumps({"took": took, "refused": refused}), flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
