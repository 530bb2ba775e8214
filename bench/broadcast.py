"""The peer: websockets' own broadcast() of ready frames, as fast as clients take them."""

import asyncio
import sys

import uvloop
from websockets.asyncio.server import ServerConnection, broadcast, serve

FRAME = (
    '{"type":"trade","cursor":"1ab2c3d4-1234567;1234567.123456789","exchange":"binance","symbol":"BTCUSDT",'
    '"id":"3735683259","price":"61837.63000000","size":"0.02000000","side":"buy",'
    '"time":"2026-11-23T00:00:00.000000Z","received":"2026-11-23T00:00:00.000000Z","source":"live"}'
)
UNSENT = 2**22  # bytes at which the server waits for its slowest client


async def main(clients: int, trades: int) -> None:
    connections: set[ServerConnection] = set()
    complete = asyncio.Event()

    async def attend(connection: ServerConnection) -> None:
        connections.add(connection)
        if len(connections) == clients:
            complete.set()
        await connection.wait_closed()

    async with serve(attend, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await complete.wait()
        print("complete", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
        for number in range(trades):
            broadcast(connections, FRAME)
            if number % 50 == 0:
                while any(each.transport.get_write_buffer_size() > UNSENT for each in connections):
                    await asyncio.sleep(0)
                await asyncio.sleep(0)
        await asyncio.gather(*(connection.wait_closed() for connection in connections))


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
