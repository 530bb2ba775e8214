"""`alphapulse api`: a process of its own, with a clean end."""

import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from alphapulse.store.connect import Store
from tests.api.conftest import ASKED_ONCE
from tests.launcher.stage import ROOT, command, environment, free_port, run, wait_until
from tests.stored import BTC, store_day

pytestmark = ASKED_ONCE


@pytest.mark.slow
def test_the_command_serves_until_told_to_stop_and_says_who_has_its_port(
    store: Store, database_url: str, tmp_path: Path
) -> None:
    store_day(store, BTC)
    port = free_port()
    env = environment(tmp_path, database_url=database_url, api_port=port)
    address = f"http://127.0.0.1:{port}/v1"

    def answers() -> bool:
        try:
            return httpx.get(f"{address}/health/ready", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    with subprocess.Popen(
        command("api"), cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True
    ) as served:
        wait_until(answers, 60, "the API is ready")
        found = httpx.get(f"{address}/markets/coinbase/BTC-USD/trades", trust_env=False).json()
        assert [one["id"] for one in found["trades"]] == ["1", "2", "3"]
        second = run(env, "api")
        assert second.returncode == 1 and "ALPHAPULSE_API_PORT" in second.stderr
        served.send_signal(signal.SIGTERM)
        _, said = served.communicate(timeout=30)
    assert served.returncode == 0, said
    assert "Traceback" not in said
    assert '"path":"/v1/markets/coinbase/BTC-USD/trades"' in said
