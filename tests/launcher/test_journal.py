"""`alphapulse journal`: what an owner sees of the raw frames, and how they are read again."""

import json
from pathlib import Path

import pytest

from alphapulse.settings import Settings
from alphapulse.store.connect import connect
from alphapulse.trade import Trade
from collectors.collector import journal_folder
from collectors.deadletters import DeadLetters
from collectors.exchanges import coinbase
from collectors.journal import Journal
from collectors.segments import segment_path
from launcher.journal import BadTime, NoJournal, describe_stats, instant, stats, verify
from launcher.journal import replay as replay_journal
from tests.launcher.stage import environment, run
from tests.launcher.test_cli import MATCH, ROWS

AT = 1_723_161_600_000_000


def written(home: Path, ids: range, *, segment_bytes: int = 600) -> Journal:
    """A coinbase journal with one frame per read, one second apart."""
    folder = journal_folder(Settings(home=home), "coinbase")
    journal = Journal(folder, "coinbase", 2**30, segment_bytes=segment_bytes)
    journal.open("test")
    for id in ids:
        journal.append(AT + id * 1_000_000, 7, [(MATCH % (id, id)).encode()])
    journal.close()
    return journal


def stored(url: str) -> list[int]:
    with connect(url, "test") as store:
        return [row[0] for row in store.execute(ROWS).fetchall()]


def test_a_journal_is_verified_counted_and_replayed_by_the_command(
    tmp_path: Path, database_url: str
) -> None:
    home = tmp_path / "home"
    written(home, range(1, 21))
    env = environment(home, database_url=database_url)
    done = run(env, "journal", "verify")
    assert (done.returncode, done.stdout.split(",")[0]) == (0, "coinbase: whole")
    (facts,) = json.loads(run(env, "journal", "stats", "coinbase", "--json").stdout)
    assert (facts["frames"], facts["simulated"]) == (20, False)
    assert facts["segments"] > 1
    assert facts["lag_bytes"] == facts["bytes"]  # nothing was committed
    assert facts["first_at"] == "2024-08-09T00:00:01+00:00"
    since = run(env, "journal", "replay", "coinbase", "--since", "2024-08-09T00:00:16")
    counts = {"frames": 5, "trades": 5, "new": 5, "repeated": 0, "rejected": 0}
    assert json.loads(since.stdout) == counts
    whole = json.loads(run(env, "journal", "replay", "coinbase").stdout)
    assert (whole["frames"], whole["new"], whole["repeated"]) == (20, 15, 5)
    assert stored(database_url) == list(range(1, 21))


def test_damage_is_named_and_the_exit_code_says_so(tmp_path: Path) -> None:
    journal = written(tmp_path, range(1, 21))
    path = segment_path(journal.folder, 1)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0x10
    path.write_bytes(data)
    done = run(environment(tmp_path), "journal", "verify", "coinbase")
    assert done.returncode == 1
    assert "DAMAGED: segment 1, bytes " in done.stdout


def test_a_torn_end_is_told_but_no_error(tmp_path: Path) -> None:
    journal = written(tmp_path, range(1, 4), segment_bytes=10**6)
    path = segment_path(journal.folder, 1)
    path.write_bytes(path.read_bytes()[:-70])  # the totals, and the end of the last batch
    (verdict,) = verify(Settings(home=tmp_path), None)
    assert (verdict.damages, len(verdict.torn), verdict.frames) == ([], 1, 2)
    (found,) = stats(Settings(home=tmp_path), None)
    assert found.frames == 2


def test_dead_letters_are_replayed_after_a_fix(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    folder = written(tmp_path, range(1, 3)).folder
    letters = DeadLetters(folder)
    letters.add((MATCH % (3, 3)).encode(), "a bug of the parser", AT, 7)
    letters.add(b"\xff\xfe", "unknown message", AT, 7)
    letters.add((MATCH % (4, 4)).encode(), "a bug of the parser", AT, 7)

    def buggy(frame: bytes, received_at: int) -> list[Trade]:
        raise ZeroDivisionError("not fixed yet")

    with monkeypatch.context() as context:
        context.setattr(coinbase, "parse", buggy)
        before = replay_journal(settings, database_url, coinbase, None, dead=True)
    assert (before.frames, before.rejected, before.new) == (3, 3, 0)
    after = replay_journal(settings, database_url, coinbase, None, dead=True)
    assert (after.frames, after.rejected, after.new) == (3, 1, 2)
    assert stored(database_url) == [3, 4]
    (found,) = stats(settings, "coinbase")
    assert "  3 dead letters" in describe_stats(found)


def test_a_journal_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(NoJournal, match="there are: none yet"):
        stats(Settings(home=tmp_path), None)
    written(tmp_path, range(1, 2))
    with pytest.raises(NoJournal, match=r"no journal of krake in .*; there are: coinbase"):
        stats(Settings(home=tmp_path), "krake")
    done = run(environment(tmp_path), "journal", "verify", "krake")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_a_time_is_utc_unless_it_says_otherwise() -> None:
    assert instant("2024-08-09") == AT
    assert instant("2024-08-09T02:00:00+02:00") == AT
    with pytest.raises(BadTime, match="'yesterday' is no time; write it like"):
        instant("yesterday")
