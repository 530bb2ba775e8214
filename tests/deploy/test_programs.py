"""Files for other programs, read by those programs: systemd, Prometheus, Caddy, nginx."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from collectors.exchanges import DEFAULT, EXCHANGES
from launcher.cli import main
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
PROGRAM = "/opt/alphapulse/bin/alphapulse"
EXPOSED = 20  # tenths of 10, by systemd's own reckoning; what a bare unit has is 96


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """What a checking program says; skipped where it is not to be had (CI fetches all four)."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not here: bash .ci/programs DIRECTORY")
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False,
        timeout=60,
    )  # fmt: skip
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


# -- systemd


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units with a program that is here."""
    place = tmp_path_factory.mktemp("units")
    for path in (DEPLOY / "systemd").iterdir():
        (place / path.name).write_text(path.read_text().replace(PROGRAM, "/bin/true"))
    return place


def test_systemd_finds_nothing_wrong_with_the_units(units: Path) -> None:
    names = [path.name.replace("@", "@kraken") for path in sorted(units.iterdir())]
    for name in names:
        template = units / name.replace("@kraken", "@")
        if template.name != name:
            (units / name).symlink_to(template)
    said = run("systemd-analyze", "verify", "--man=no", *(units / name for name in names))
    ours = [line for line in said.splitlines() if "alphapulse" in line]
    assert ours == []


def test_systemd_reckons_that_little_is_exposed(units: Path) -> None:
    files = [units / path.name for path in UNITS]
    run("systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSED}", *files)


@pytest.mark.parametrize("path", UNITS, ids=[path.stem for path in UNITS])
def test_a_unit_runs_a_word_of_ours_as_nobody_special(path: Path) -> None:
    text = path.read_text()
    (words,) = re.findall(rf"^ExecStart={PROGRAM} (.+)$", text, re.MULTILINE)
    assert words.split()[0] in {*main.commands, "api"}
    assert "\nUser=alphapulse\n" in text
    assert re.search(r"^EnvironmentFile=/etc/alphapulse/(owner|writer|streamer|api)\.env$", text,
                     re.MULTILINE)  # fmt: skip
    assert "PASSWORD" not in text


# -- Prometheus


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    place = DEPLOY / "prometheus"
    said = run("promtool", "check", "config", "prometheus.yml", cwd=place)
    assert "8 rules found" in said
    run("promtool", "test", "rules", "rules_test.yml", cwd=place)


def test_prometheus_asks_each_process_at_its_port() -> None:
    text = (DEPLOY / "prometheus/prometheus.yml").read_text()
    for name in DEFAULT:
        port = 9412 + list(EXCHANGES).index(name)
        assert f'targets: ["127.0.0.1:{port}"]\n        labels: {{exchange: {name}}}' in text


# -- proxies


def test_caddy_takes_its_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    file = DEPLOY / "proxy/Caddyfile"
    run("caddy", "validate", "--adapter", "caddyfile", "--config", file)


def test_nginx_takes_its_example(tmp_path: Path) -> None:
    """In an http block of its own, with a certificate made for the occasion."""
    certificate, key = tmp_path / "fullchain.pem", tmp_path / "privkey.pem"
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
        "-subj", "/CN=data.example.org", "-keyout", key, "-out", certificate)  # fmt: skip
    example = (DEPLOY / "proxy/nginx.conf").read_text()
    example = example.replace("/etc/letsencrypt/live/data.example.org/", f"{tmp_path}/")
    (tmp_path / "example.conf").write_text(example)
    logs = f"error_log {tmp_path}/error.log; pid {tmp_path}/pid;"
    paths = "".join(
        f"{kind}_temp_path {tmp_path}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    whole = (
        f"{logs} events {{}} http {{ access_log off; {paths} include {tmp_path}/example.conf; }}"
    )
    (tmp_path / "nginx.conf").write_text(whole)
    run("nginx", "-t", "-q", "-p", tmp_path, "-c", tmp_path / "nginx.conf")


def test_every_metric_in_a_rule_is_one_that_a_process_tells() -> None:
    """docs/statistics.md has them all; tests of collectors and streamer hold it to what is told."""
    promised = set(re.findall(r"alphapulse_\w+", (ROOT / "docs/statistics.md").read_text()))
    rules = (DEPLOY / "prometheus/rules.yml").read_text()
    asked = {name.removesuffix("_bucket") for name in re.findall(r"\balphapulse_\w+", rules)}
    assert asked
    assert asked <= promised | {name.removesuffix("_total") for name in promised}
