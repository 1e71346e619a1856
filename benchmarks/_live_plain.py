"""The peer: a fan-out of the same bytes that does nothing else, on asyncio streams; run as a small process of its own.

python -m benchmarks._live_plain PORT SIZE,SIZE,…

The sizes are those of the frames, in bytes; after the last comes the first again.
"""

import asyncio
import itertools
import sys
import time

FPS = 25


async def _serve(port: int, sizes: list[int]) -> None:
    writers: set[asyncio.StreamWriter] = set()

    async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.add(writer)

    server = await asyncio.start_server(take, "127.0.0.1", port)
    due = time.monotonic()
    async with server:
        for frame in itertools.cycle([bytes(size) for size in sizes]):
            due = max(due + 1 / FPS, time.monotonic() - 1 / FPS)  # what it missed while it was held is not made up for
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            for writer in list(writers):
                if writer.is_closing():
                    writers.discard(writer)
                else:
                    writer.write(frame)


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1]), [int(size) for size in sys.argv[2].split(",")]))
