"""Where to act: pages of Dagster's own UI. Pure."""

from urllib.parse import quote

from msgspec import Struct

LOCATION = "alphapulse"  # of workspace.yaml; the demo's is marked
SIMULATED = "alphapulse-SIMULATED"


class Links(Struct, frozen=True):
    """`base`: the UI's address without a slash at its end."""

    base: str
    is_simulated: bool = False

    def run(self, run_id: str) -> str:
        return f"{self.base}/runs/{run_id}"

    def asset(self, *path: str) -> str:
        return f"{self.base}/assets/{'/'.join(quote(part, safe='') for part in path)}"

    def checks(self, *path: str) -> str:
        return f"{self.asset(*path)}?view=checks"

    def job(self, name: str) -> str:
        return f"{self.base}/locations/{self.location}/jobs/{quote(name)}"

    def instigator(self, kind: str, name: str) -> str:
        """`kind`: sensors or schedules."""
        return f"{self.base}/locations/{self.location}/{kind}/{quote(name)}"

    @property
    def location(self) -> str:
        return SIMULATED if self.is_simulated else LOCATION
