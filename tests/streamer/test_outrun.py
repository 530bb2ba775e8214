"""More trades while a client's backlog is told than its buffer holds: it is told of those too."""

from pathlib import Path

import pytest

from alphapulse.store.connect import Store
from streamer.backlog import READERS
from tests.streamer.conftest import eventually, insert, play, staged


@pytest.mark.parametrize("comes_back", [True, False])
def test_a_client_that_waits_for_its_backlog_in_a_flood_gets_each_trade_once(
    store: Store, database_url: str, tmp_path: Path, market: int, comes_back: bool
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path, stream_buffer_bytes=20_000) as stage:
            await stage.live()
            insert(store, market, 1)
            async with stage.client("?last=1") as before:
                cursor = str((await before.until("trade"))["cursor"])
            turns = stage.streamer.backlogs.turns
            for _ in range(READERS):  # all who read backlogs are busy
                await turns.acquire()
            async with stage.client(f"?cursor={cursor}" if comes_back else "?last=1") as reader:
                await eventually(
                    lambda: any(group.members for group in stage.streamer.hub.groups.values())
                )
                for start in range(2, 202, 20):
                    insert(store, market, *range(start, start + 20))
                await eventually(lambda: any(c.is_outrun for c in stage.streamer.clients))
                for _ in range(READERS):
                    turns.release()
                await reader.until("live")
                insert(store, market, 202)
                while reader.ids[-1] != 202:
                    await reader.until("trade")
                assert reader.ids == list(range(2 if comes_back else 1, 203))
                kinds = [frame["type"] for frame in reader.frames]
                assert (kinds.count("subscribed"), kinds.count("live")) == (1, 1)

    play(story)
