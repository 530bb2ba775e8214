"""What the dashboard is made of, and how it comes into the wheel."""

import json
import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

HOUSE = Path(__file__).parents[2]
DASHBOARD = HOUSE / "dashboard"
EXACT = re.compile(r"\d+\.\d+\.\d+")


def test_its_libraries_are_named_exactly() -> None:
    package = json.loads((DASHBOARD / "package.json").read_text())
    versions = package["dependencies"] | package["devDependencies"]
    assert [name for name, version in versions.items() if not EXACT.fullmatch(version)] == []


def test_its_lock_names_no_registry_but_holds_the_checksum_of_every_package() -> None:
    packages = json.loads((DASHBOARD / "package-lock.json").read_text())["packages"]
    libraries = {name: facts for name, facts in packages.items() if name}
    assert len(libraries) > 50
    assert [name for name, facts in libraries.items() if "resolved" in facts] == []
    assert [name for name, facts in libraries.items() if "integrity" not in facts] == []


def test_a_wheel_takes_it_along_where_it_was_built(tmp_path: Path) -> None:
    """A house with as much as the wheel needs, without a dashboard and then with one."""
    for name in ("pyproject.toml", "README.md", "LICENSE", "sql", "dagster.yaml", "workspace.yaml"):
        (tmp_path / name).symlink_to(HOUSE / name)
    (tmp_path / "alphapulse").symlink_to(HOUSE / "alphapulse")
    built = tmp_path / "dashboard" / "dist"
    built.mkdir(parents=True)
    (tmp_path / "dashboard" / "tools").symlink_to(DASHBOARD / "tools")
    assert "api/static/index.html" not in names_in_wheel(tmp_path)
    (built / "index.html").write_text("<!doctype html>")
    assert "api/static/index.html" in names_in_wheel(tmp_path)


def names_in_wheel(house: Path) -> list[str]:
    build = "import hatchling.build; print(hatchling.build.build_wheel('wheels'))"
    made = subprocess.run(
        [sys.executable, "-c", build], cwd=house, capture_output=True, text=True, check=True
    )
    with ZipFile(house / "wheels" / made.stdout.split()[-1]) as wheel:
        return wheel.namelist()
