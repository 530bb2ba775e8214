"""A client that is dropped while its backlog waits for a turn was sent nothing yet."""

from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from alphapulse.store.connect import Store
from streamer.backlog import READERS
from tests.streamer.conftest import eventually, insert, play, staged


@pytest.mark.parametrize("comes_back", [True, False])
def test_the_reason_of_1013_names_the_place_where_the_client_came_not_where_the_hub_is(
    store: Store, database_url: str, tmp_path: Path, market: int, comes_back: bool
) -> None:
    async def story() -> None:
        async with staged(database_url, tmp_path, stream_buffer_bytes=20_000) as stage:
            await stage.live()
            insert(store, market, 1)
            async with stage.client("?last=1") as before:
                cursor = str((await before.until("trade"))["cursor"])
            async with AsyncExitStack() as turns:
                for _ in range(READERS):  # all who read backlogs are busy
                    await turns.enter_async_context(stage.streamer.backlogs.turns)
                query = f"?cursor={cursor}" if comes_back else "?last=1"
                async with stage.client(query) as reader:
                    await eventually(
                        lambda: any(group.members for group in stage.streamer.hub.groups.values())
                    )
                    for start in range(2, 202, 20):
                        insert(store, market, *range(start, start + 20))
                    closed = await reader.until_closed()
                    assert reader.trades == []
            assert closed.code == 1013
            assert closed.reason == (cursor if comes_back else "")

    play(story)
