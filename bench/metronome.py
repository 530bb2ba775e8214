"""An exchange that beats: one Binance trade a frame, evenly spaced, so that each arrives alone."""

import asyncio
import sys
import time

import uvloop
from websockets.asyncio.server import ServerConnection, serve

FRAME = (
    '{"stream":"btcusdt@trade","data":{"e":"trade","E":%d,"s":"BTCUSDT","t":%d,'
    '"p":"61837.63000000","q":"0.02000000","T":%d,"m":true,"M":true}}'
)


async def main(rate: int, trades: int) -> None:
    async def beat(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send('{"result":null,"id":1}')
        begin = time.perf_counter()
        for number in range(trades):
            while (wait := begin + number / rate - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            millis = time.time_ns() // 1_000_000
            await connection.send(FRAME % (millis, 3_735_683_259 + number, millis))
        await connection.wait_closed()

    async with serve(beat, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], flush=True)
        await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), int(sys.argv[2])))
