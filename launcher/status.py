"""How the platform is: its parts' own words, the database, and the supervisor if we run it."""

import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx

from alphapulse.postgres import Server
from alphapulse.settings import Settings
from alphapulse.status import read_status
from alphapulse.store.connect import StoreUnavailable, connect
from alphapulse.store.summary import count_gaps, newest_trades
from launcher.supervisor import Supervisor

WAIT = 0.3  # seconds for a port to answer
READY_WAIT = 1.0  # seconds for the API to say that it is ready


def gather(settings: Settings) -> dict[str, Any]:
    """Facts about this home, without starting anything."""
    url = settings.database_url
    if not url:
        server = Server(settings.home, settings.postgres_port)
        url = server.url() if server.is_running() else None
    database = look_at_database(url)
    parts = read_status(settings.home)
    answers = {
        "streamer": answers_at(settings.host, settings.stream_port),
        "api": is_ready(settings),
        "dagster": answers_at(settings.host, settings.dagster_port),
    }
    problems = list(find_problems(database, parts))
    return {
        "ok": not problems,
        "simulated": settings.simulated or bool(database.get("simulated")),
        "home": str(settings.home),
        "database": database,
        "parts": parts,
        "answers": answers,
        "backup_to": settings.backup_to,
        "problems": problems,
    }


def gather_running(platform: Supervisor) -> dict[str, Any]:
    """The same, with what the supervisor knows of its processes."""
    facts = gather(platform.settings)
    facts["restarts"] = {keeper.part.name: keeper.restarts for keeper in platform.keepers}
    facts["database"]["restarts"] = platform.database_restarts
    return facts


def look_at_database(url: str | None) -> dict[str, Any]:
    if not url:
        return {"state": "stopped"}
    try:
        with connect(url, "status", read_only=True) as store:
            row = store.execute("SELECT layout, simulated FROM instance").fetchone() or ("", False)
            markets = [
                market | {"newest_trade_at": market["newest_trade_at"]}
                for market in newest_trades(store)
            ]
            return {
                "state": "ready",
                "version": store.info.server_version,
                "layout": row[0],
                "simulated": row[1],
                "markets": markets,
                "gaps": count_gaps(store),
            }
    except StoreUnavailable as failure:
        return {"state": "unreachable", "why": str(failure)}
    except Exception as failure:  # noqa: BLE001  # status must speak whatever the database's condition
        return {"state": "without schema", "why": str(failure).splitlines()[0]}


def find_problems(database: dict[str, Any], parts: dict[str, dict[str, Any]]) -> Iterator[str]:
    if database["state"] != "ready":
        yield f"database: {database['state']} {database.get('why', '')}".strip()
    for name, facts in parts.items():
        if not facts["is_fresh"]:
            yield f"{name} has said nothing for {time.time() - facts['at']:.0f} s"
        elif facts.get("feed", {}).get("is_connected") is False:
            yield f"{name} is not connected"
        if (journal := facts.get("journal")) and journal["state"] == "full":
            yield f"{name} cannot write its journal: {journal['why']}"
    for market in database.get("markets", []):
        if market["refusal"]:
            yield f"{market['exchange']} refuses {market['symbol']}: {market['refusal']}"


def describe(facts: dict[str, Any]) -> Iterator[str]:
    """One readable line per part."""
    mark = "SIMULATED " if facts["simulated"] else ""
    yield f"--- {mark}{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC ---"
    database = facts["database"]
    yield line(
        "postgres",
        database["state"],
        database.get("layout", database.get("why", "")),
        gaps_text(database),
    )
    for name, part in facts["parts"].items():
        yield line(
            name,
            "ready" if part["is_fresh"] else "silent",
            part_text(part),
            restarts_text(facts, name),
        )
    yield line(
        "dagster",
        "ready" if facts["answers"]["dagster"] else "not yet",
        "",
        restarts_text(facts, "dagster-webserver"),
    )
    yield line(
        "backups",
        "each night" if facts["backup_to"] else "NONE",
        facts["backup_to"] or "set ALPHAPULSE_BACKUP_TO",
    )
    for problem in facts["problems"]:
        yield f"  ! {problem}"


def line(name: str, state: str, *words: str) -> str:
    return f"{name:20} {state:12} " + "  ".join(word for word in words if word)


def part_text(part: dict[str, Any]) -> str:
    if "feed" in part:
        feed, sink = part["feed"], part["sink"]
        where = "connected" if feed["is_connected"] else "NOT CONNECTED"
        return (
            f"{where}  {len(part['symbols'])} markets  {sink['stored']:,} stored  "
            f"{sink['repeated']:,} repeated  {feed['rejected']:,} rejected  "
            f"{part['queued']:,} waiting{journal_text(part)}"
        )
    if "requests" in part:
        return f"http://…:{part['port']}  {part['requests']:,} requests answered"
    if "clients" in part:
        return f"{part['state']}  {part['clients']:,} clients  {part['frames']:,} frames sent"
    return ""


def journal_text(part: dict[str, Any]) -> str:
    """What is out of the ordinary with it."""
    journal, letters = part.get("journal") or {}, part.get("dead_letters") or {}
    words = [
        f"{journal.get('lag_bytes', 0):,} bytes wait in the journal"
        if part.get("is_behind")
        else "",
        "JOURNAL FULL" if journal.get("state") == "full" else "",
        f"{letters['kept']:,} dead letters" if letters.get("kept") else "",
    ]
    return "".join(f"  {word}" for word in words if word)


def gaps_text(database: dict[str, Any]) -> str:
    gaps = ", ".join(f"{count} {state}" for state, count in database.get("gaps", {}).items())
    return f"gaps: {gaps}" if gaps else ""


def restarts_text(facts: dict[str, Any], name: str) -> str:
    restarts = facts.get("restarts", {}).get(name, 0)
    return f"started again {restarts} times" if restarts else ""


def answers_at(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=WAIT):
            return True
    except OSError:
        return False


def is_ready(settings: Settings) -> bool:
    """Whether the API says that it can answer data."""
    try:
        with httpx.Client(timeout=READY_WAIT, trust_env=False) as client:
            return client.get(api_address(settings) + "/v1/health/ready").status_code == 200
    except httpx.HTTPError:
        return False


def api_address(settings: Settings) -> str:
    """Where this machine reaches the API."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.host, settings.host)  # noqa: S104
    return f"http://{host}:{settings.api_port}"
