"""The peer: a fan-out of the same bytes that does nothing else, on asyncio streams; run as a small process of its own.

python -m benchmarks._live_plain PORT BITS_PER_SECOND
"""

import asyncio
import sys
import time

FPS = 25


async def _serve(port: int, bits_per_second: int) -> None:
    writers: set[asyncio.StreamWriter] = set()

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)

    server = await asyncio.start_server(take, "127.0.0.1", port)
    frame, due = bytes(bits_per_second // 8 // FPS), time.monotonic()
    async with server:
        while True:
            due = max(due + 1 / FPS, time.monotonic() - 1 / FPS)  # what it missed while it was held is not made up for
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            for writer in list(writers):
                if writer.is_closing():
                    writers.discard(writer)
                else:
                    writer.write(frame)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), int(sys.argv[2])))
