"""The wheel takes the built dashboard along, as `api/static`, if it was built."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Dashboard(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """An editable install leaves it where it is: the API finds it in the checkout."""
        built = Path(self.root, "dashboard", "dist")
        if version == "editable":
            return
        if (built / "index.html").exists():
            build_data["force_include"][str(built)] = "api/static"
        else:
            self.app.display_warning("no dashboard in this wheel: `make dashboard` builds it")
