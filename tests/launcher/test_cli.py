"""The command as a user meets it: a process, its words, its exit code."""

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from alphapulse.store.connect import connect
from tests.launcher.stage import environment, run

MATCH = (
    '{"type":"match","trade_id":%d,"maker_order_id":"m","taker_order_id":"t","side":"sell","size":"0.10",'
    '"price":"61000.50","product_id":"BTC-USD","sequence":9,"time":"2024-08-08T23:59:59.%06dZ"}'
)
ROWS = "SELECT trade_id, price::text, size::text, side, source FROM market_trades ORDER BY trade_id"


def frames(ids: range) -> str:
    lines = [{"recv_ns": 1_723_161_600_000_000_000 + id, "raw": MATCH % (id, id)} for id in ids]
    return "".join(json.dumps(line) + "\n" for line in lines)


def test_load_stores_frames_once_from_plain_gzip_and_zstandard(
    tmp_path: Path, database_url: str
) -> None:
    env = environment(tmp_path / "home", database_url=database_url)
    (tmp_path / "plain.jsonl").write_text(frames(range(1, 4)))
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(frames(range(3, 6)).encode()))
    (tmp_path / "b.jsonl.zst").write_bytes(zstandard.compress(frames(range(5, 8)).encode()))
    files = [str(tmp_path / name) for name in ("plain.jsonl", "a.jsonl.gz", "b.jsonl.zst")]
    first = run(env, "load", "--exchange", "coinbase", *files)
    assert json.loads(first.stdout) == {
        "frames": 9,
        "trades": 9,
        "new": 7,
        "repeated": 2,
        "rejected": 0,
    }
    second = run(env, "load", "--exchange", "coinbase", *files)
    assert json.loads(second.stdout) == {
        "frames": 9,
        "trades": 9,
        "new": 0,
        "repeated": 9,
        "rejected": 0,
    }
    with connect(database_url, "test") as store:
        rows = store.execute(ROWS).fetchall()
    assert rows == [(id, "61000.50", "0.10", "buy", "live") for id in range(1, 8)]


def test_load_counts_frames_that_the_parser_refuses_and_keeps_the_rest(
    tmp_path: Path, database_url: str
) -> None:
    path = tmp_path / "mixed.jsonl"
    path.write_text(
        frames(range(1, 3)) + '{"recv_ns": 5, "raw": "{broken"}\n' + frames(range(3, 4))
    )
    done = run(
        environment(tmp_path, database_url=database_url),
        "load",
        "--exchange",
        "coinbase",
        str(path),
    )
    assert json.loads(done.stdout) == {
        "frames": 4,
        "trades": 3,
        "new": 3,
        "repeated": 0,
        "rejected": 1,
    }


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"price,size\n1,2\n", "line 1: not a recorded frame"),
        (b'{"recv_ns":1,"raw":"\xff"}', "line 1: not a recorded frame"),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xff\xff\xff", "ends early"),
        (b"", "no frames"),
    ],
    ids=["a table", "no UTF-8", "a broken gzip", "an empty file"],
)
def test_load_names_the_file_that_is_no_recording(
    tmp_path: Path, database_url: str, content: bytes, complaint: str
) -> None:
    path = tmp_path / "no-recording.jsonl"
    path.write_bytes(content)
    done = run(
        environment(tmp_path, database_url=database_url),
        "load",
        "--exchange",
        "coinbase",
        str(path),
    )
    assert done.returncode == 1
    assert str(path) in done.stderr and complaint in done.stderr
    assert "Traceback" not in done.stderr


def test_load_of_a_file_that_was_cut_short_stores_what_came_before_the_cut(
    tmp_path: Path, database_url: str
) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(gzip.compress(frames(range(1, 2001)).encode())[:-2000])
    done = run(
        environment(tmp_path, database_url=database_url),
        "load",
        "--exchange",
        "coinbase",
        str(path),
    )
    assert done.returncode == 1
    assert "ends early" in done.stderr or "not a recorded frame" in done.stderr
    with connect(database_url, "test") as store:
        ids = [row[0] for row in store.execute(ROWS).fetchall()]
    assert ids == list(range(1, len(ids) + 1)) and len(ids) > 100


def test_an_unknown_setting_refuses_to_start_and_names_the_known_ones(tmp_path: Path) -> None:
    done = run(environment(tmp_path, strem_port=1), "status")
    assert done.returncode == 1
    assert "strem_port" in done.stderr and "stream_port" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_database_that_does_not_answer_is_one_clear_line(tmp_path: Path) -> None:
    done = run(
        environment(tmp_path, database_url="postgresql://nobody@127.0.0.1:1/none"), "migrate"
    )
    assert done.returncode == 1
    assert "cannot reach PostgreSQL" in done.stderr and "Traceback" not in done.stderr


def test_migrate_says_what_it_applied_and_then_that_all_is_done(
    tmp_path: Path, empty_database: str
) -> None:
    env = environment(tmp_path, database_url=empty_database)
    assert "0001_trades" in run(env, "migrate").stdout
    assert run(env, "migrate").stdout == "the schema is up to date\n"


def test_real_and_simulated_trades_never_share_a_database(
    tmp_path: Path, database_url: str
) -> None:
    done = run(environment(tmp_path, database_url=database_url, simulated=True), "migrate")
    assert done.returncode == 1
    assert "never share one" in done.stderr


def test_status_as_json_says_what_is_wrong_when_nothing_runs(tmp_path: Path) -> None:
    done = run(environment(tmp_path), "status", "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == 1
    assert facts["database"] == {"state": "stopped"}
    assert facts["problems"] == ["database: stopped"]


def test_status_lists_markets_and_gaps_of_a_database(tmp_path: Path, database_url: str) -> None:
    env = environment(tmp_path, database_url=database_url)
    (tmp_path / "f.jsonl").write_text(frames(range(1, 4)))
    run(env, "load", "--exchange", "coinbase", str(tmp_path / "f.jsonl"))
    done = run(env, "status", "--json")
    facts = json.loads(done.stdout)
    assert done.returncode == 0
    assert [(m["exchange"], m["symbol"]) for m in facts["database"]["markets"]] == [
        ("coinbase", "BTC-USD")
    ]
    assert "postgres" in run(env, "status").stdout


@pytest.mark.embedded
def test_a_command_starts_the_embedded_database_and_stops_it_again(tmp_path: Path) -> None:
    env = environment(tmp_path / "home")
    assert "0001_trades" in run(env, "migrate").stdout
    assert json.loads(run(env, "status", "--json").stdout)["database"] == {"state": "stopped"}
