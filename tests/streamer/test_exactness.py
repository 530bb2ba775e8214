"""Several writers, any order of commits, clients that come and go: each trade exactly once."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from alphapulse.store.connect import Store, connect
from tests.streamer.conftest import Frame, Stage, add_market, eventually, insert, play, staged


class Writers:
    """Overlapping transactions: `step` does one random thing; `committed` trades count."""

    def __init__(self, stores: list[Store], market: int, chance: random.Random) -> None:
        self.stores = stores
        self.market = market
        self.chance = chance
        self.last_id = 0
        self.open: dict[int, list[int]] = {}  # by writer: ids of its transaction
        self.committed: list[int] = []

    def some_ids(self) -> list[int]:
        count = self.chance.choice([1, 1, 2, 5, 300])
        self.last_id += count
        return list(range(self.last_id - count + 1, self.last_id + 1))

    def step(self) -> None:
        writer = self.chance.randrange(len(self.stores))
        store = self.stores[writer]
        if writer not in self.open:
            self.begin(writer, store)
            return
        ids = self.open[writer]
        match self.chance.choice(["insert", "insert", "savepoint", "commit", "commit", "abort"]):
            case "insert":
                ids += (new := self.some_ids())
                insert(store, self.market, *new)
            case "savepoint":
                self.savepoint(store, ids)
            case "commit":
                store.execute("COMMIT")
                self.committed += self.open.pop(writer)
            case "abort":
                store.execute("ROLLBACK")
                del self.open[writer]

    def begin(self, writer: int, store: Store) -> None:
        """A transaction that stays open, one that is over at once, or one without trades."""
        match self.chance.choice(["open", "open", "single", "burn"]):
            case "open":
                store.execute("BEGIN")
                self.open[writer] = []
            case "single":
                ids = self.some_ids()
                insert(store, self.market, *ids)
                self.committed += ids
            case "burn":
                store.execute("SELECT pg_current_xact_id()")

    def savepoint(self, store: Store, ids: list[int]) -> None:
        """A part of the transaction that may be taken back; a repeat stores nothing."""
        new = self.some_ids()
        store.execute("SAVEPOINT part")
        insert(store, self.market, *new)
        if self.chance.random() < 0.5:
            store.execute("ROLLBACK TO part")
        else:
            store.execute("RELEASE part")
            ids += new

    def finish(self) -> None:
        for writer, ids in self.open.items():
            self.stores[writer].execute("COMMIT")
            self.committed += ids
        self.open.clear()


class Life:
    """A client over several connections: what it was given, and the cursor of its last frame."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.cursor: str | None = None

    def take(self, frames: list[Frame], chance: random.Random) -> None:
        """Read some of the frames; the rest was lost with the connection."""
        for frame in frames[: chance.randint(0, len(frames))]:
            self.follow(frame)

    def follow(self, frame: Frame) -> None:
        if frame["type"] == "subscribed":
            assert frame["recovered"], frame
        if frame["type"] == "trade":
            self.ids.append(int(frame["id"]))
        if frame["type"] != "hello":
            self.cursor = frame.get("cursor") or self.cursor

    @property
    def query(self) -> str:
        return "?last=0" + (f"&cursor={self.cursor}" if self.cursor else "")


async def visit(
    stage: Stage, life: Life, chance: random.Random, steps: Callable[[int], object]
) -> None:
    """One connection of a client, while the writers go on; then it is cut anywhere."""
    async with stage.client(life.query) as reader:
        steps(chance.randint(0, 2))
        if life.cursor is None or chance.random() < 0.7:
            await reader.until("live")
        steps(chance.randint(1, 4))
        await reader.catch_breath()
    first = next((at for at, f in enumerate(reader.frames) if f["type"] == "subscribed"), None)
    if first is None:
        return
    for frame in reader.frames[: first + 1]:
        life.follow(frame)
    life.take(reader.frames[first + 1 :], chance)


@pytest.fixture
def writers(database_url: str, market: int) -> Iterator[list[Store]]:
    stores = [connect(database_url, f"test writer {n}") for n in range(3)]
    yield stores
    for each in stores:
        each.close()


@pytest.mark.parametrize("seed", range(4))
def test_whoever_resumes_anywhere_gets_each_trade_exactly_once(
    seed: int, writers: list[Store], market: int, database_url: str, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    writing = Writers(writers, market, chance)

    def steps(count: int) -> None:
        for _ in range(count):
            writing.step()

    async def story() -> None:
        steps(5)
        before = set(writing.committed)  # and whatever commits before they join is not told
        lives = [Life() for _ in range(4)]
        async with staged(database_url, tmp_path) as stage, stage.joined() as observer:
            for life in lives:
                await visit_first(stage, life)
            for _ in range(16):
                await visit(stage, chance.choice(lives), chance, steps)
            writing.finish()
            for life in lives:
                await read_to_the_end(stage, life, len(writing.committed))
            while len(observer.ids) < len(writing.committed) - len(before):
                await observer.next()
            expected = sorted(set(writing.committed) - before)
            assert sorted(observer.ids) == expected
            assert not any(frame.get("replayed") for frame in observer.frames)
            for life in lives:
                assert sorted(life.ids) == expected
            assert len(str(stage.streamer.hub.place())) < 200

    async def visit_first(stage: Stage, life: Life) -> None:
        async with stage.joined() as reader:
            for frame in reader.frames:
                life.follow(frame)

    async def read_to_the_end(stage: Stage, life: Life, most: int) -> None:
        async with stage.client(life.query) as reader:
            frame = await reader.until("live")
            for each in reader.frames:
                life.follow(each)
            while frame["type"] != "heartbeat":
                frame = await reader.next()
                life.follow(frame)

    play(story)


def test_a_writer_that_commits_late_is_heard_by_whoever_left_before(
    writers: list[Store], market: int, database_url: str, tmp_path: Path
) -> None:
    early, late, _ = writers

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            late.execute("BEGIN")
            insert(late, market, 1)
            async with stage.joined() as reader:
                insert(early, market, 2)
                cursor = (await reader.until_trade(2))["cursor"]
            late.execute("COMMIT")
            insert(early, market, 3)
            async with stage.joined(f"?cursor={cursor}") as reader:
                assert reader.ids == [1, 3]
                assert all(frame["replayed"] for frame in reader.trades)
                insert(early, market, 4)
                await reader.until_trade(4)
                assert reader.ids == [1, 3, 4]
            async with stage.joined(f"?cursor={reader.trades[0]['cursor']}") as reader:
                assert reader.ids == [3, 4]

    play(story)


def test_a_cursor_amid_a_transaction_brings_its_rest_first(
    writers: list[Store], market: int, database_url: str, tmp_path: Path
) -> None:
    early, late, _ = writers

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            late.execute("BEGIN")
            insert(late, market, 1, 2)
            async with stage.joined() as reader:
                insert(early, market, *range(10, 20))
                await reader.until_trade(19)
                cursor = reader.trades[3]["cursor"]
            late.execute("COMMIT")
            async with stage.joined(f"?cursor={cursor}") as reader:
                assert reader.ids == [*range(14, 20), 1, 2]
            for at, frame in enumerate(reader.trades):
                async with stage.joined(f"?cursor={frame['cursor']}") as again:
                    assert again.ids == reader.ids[at + 1 :]

    play(story)


def test_a_filtered_client_resumes_within_its_markets(
    store: Store, market: int, database_url: str, tmp_path: Path
) -> None:
    other = add_market(store, "ETH/USD")

    async def story() -> None:
        async with staged(database_url, tmp_path) as stage:
            async with stage.joined("?symbol=BTC/USD&last=0") as reader:
                insert(store, market, 1)
                insert(store, other, 2)
                insert(store, market, 3)
                await reader.until_trade(3)
                assert reader.ids == [1, 3]
            query = f"?symbol=ETH/USD&cursor={reader.trades[0]['cursor']}"
            async with stage.joined(query) as reader:
                assert reader.ids == [2]

    play(story)


def test_cursors_stay_short_while_other_work_burns_ids(
    store: Store, market: int, other_store: Store, database_url: str, tmp_path: Path
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path) as stage, stage.joined() as reader:
            for id in range(1, 400):
                other_store.execute("SELECT pg_current_xact_id()")
                insert(store, market, id)
                if id % 20 == 0:
                    await reader.until_trade(id)
            await reader.until_trade(399)
            await eventually(lambda: len(str(stage.streamer.hub.place())) < 60)
            assert max(len(frame["cursor"]) for frame in reader.trades) < 1500
            first = reader.trades[0]["cursor"]
            async with stage.joined(f"?cursor={first}") as late:
                assert late.ids == list(range(2, 400))
                assert max(len(frame["cursor"]) for frame in late.trades) < 60

    play(story)
