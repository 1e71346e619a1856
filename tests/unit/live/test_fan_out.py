"""The fan-out by itself: shared frames, a slow viewer, parts of LL-HLS."""

import asyncio
import struct

import pytest

from config.base.errors import InvalidInput
from config.wire.live import FRAME, INIT, KEYFRAME, TIMESCALE
from edge_agent.live.fragments import fragment
from server.live.hub import Hub
from server.live.parts import PART_BYTES_MAX, SEGMENT_BYTES_MAX, SEGMENTS_KEPT, PartStore
from server.live.viewer import BEHIND_BYTES_MAX, Viewer
from server.live.wire import BINARY, frame

INITIALISATION = b"\0\0\0\x08ftyp" + b"\0\0\0\x0favcC\x01\x42\xc0\x1e" + b"\0" * 8
TICKS = TIMESCALE // 25


class Pipe:
    """A transport that remembers what it was given; ``waiting`` bytes are not sent yet."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.aborted = False

    def get_extra_info(self, _name):
        return None

    def set_write_buffer_limits(self, high):
        assert high > 0

    def get_write_buffer_size(self):
        return self.waiting

    def is_closing(self):
        return self.aborted

    def write(self, data):
        self.written.append(data)

    def abort(self):
        self.aborted = True


def message(number: int, *, is_key: bool = False) -> bytes:
    data = struct.pack(">I", number)
    return (KEYFRAME if is_key else FRAME) + fragment(number, number * TICKS, 0, TICKS, data, is_key=is_key)


@pytest.mark.parametrize(("size", "head"), [(5, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_a_frame_is_framed_as_rfc_6455_says(size, head):
    made = frame(b"x" * size)
    assert (made[0], len(made)) == (BINARY, head + size)


def test_every_viewer_is_written_the_same_object_and_who_comes_late_gets_the_group():
    async def watch() -> None:
        hub, pipes = Hub("gate"), [Pipe(), Pipe()]
        hub.join(Viewer(pipes[0]))
        for made in (INIT + INITIALISATION, message(0, is_key=True), message(1)):
            hub.take(made)
        hub.join(Viewer(pipes[1]))
        hub.take(message(2))
        assert pipes[0].written[-1] is pipes[1].written[-1]
        assert b"".join(pipes[0].written) == b"".join(pipes[1].written)
        hub.end()
        assert not hub.is_warm

    asyncio.run(watch())


@pytest.mark.parametrize("made", [message(0, is_key=True), b"X", INIT + b"no", b""])
def test_what_is_no_stream_is_refused(made):
    with pytest.raises(InvalidInput):
        Hub("gate").take(made)


def test_streams_that_begin_again_and_again_fill_no_memory_of_a_slow_viewer():
    async def watch() -> None:
        hub, slow, quick = Hub("gate"), Pipe(), Pipe()
        for pipe in (slow, quick):
            hub.join(Viewer(pipe))
        for _ in range(3):
            hub.take(INIT + INITIALISATION)
        assert len(slow.written) == len(quick.written) == 3
        slow.waiting = 2 * BEHIND_BYTES_MAX + 1
        hub.take(INIT + INITIALISATION)
        assert (slow.aborted, len(slow.written)) == (True, 3)
        assert (quick.aborted, len(quick.written)) == (False, 4)

    asyncio.run(watch())


def test_a_slow_viewer_skips_to_a_keyframe_and_a_cut_one_gets_nothing_more():
    async def watch() -> None:
        pipe = Pipe()
        viewer = Viewer(pipe)
        viewer.begin(b"stream", b"group")
        pipe.waiting = BEHIND_BYTES_MAX + 1
        viewer.send(b"late", is_key=False)
        pipe.waiting = 0
        viewer.send(b"leads nowhere", is_key=False)
        viewer.send(b"key", is_key=True)
        assert pipe.written == [b"streamgroup", b"key"]
        pipe.waiting = 1
        viewer.cut(b"{}")
        viewer.send(b"never", is_key=True)
        assert pipe.aborted
        assert pipe.written == [b"streamgroup", b"key"]

    asyncio.run(watch())


def test_parts_name_what_can_be_had_and_no_more():
    async def take() -> PartStore:
        store = PartStore()
        store.begin(INITIALISATION)
        for number in range(25 * 8):
            store.take(message(number)[1:], number * TICKS, is_key=number % 25 == 0)
        await store.wait_for(7, 0, 1)
        return store

    store = asyncio.run(take())
    text = store.playlist()
    assert "#EXT-X-MEDIA-SEQUENCE:4" in text
    assert len(store.segments) == SEGMENTS_KEPT
    assert text.count("#EXTINF:1.00000,") == SEGMENTS_KEPT - 1
    for line in text.splitlines():
        if line.startswith("#EXT-X-PART:"):
            name = line.split('URI="part-')[1].split(".m4s")[0]
            segment, part = map(int, name.split("-"))
            assert store.find(segment, part)
    assert store.find(3, None) is None
    assert store.find(7, None) is None
    assert store.find(6, None) == store.segments[2].data


def test_nobody_waits_for_ever():
    async def wait() -> bool:
        store = PartStore()
        await store.wait_for(5, 0, 0.05)
        return store.reached(5, 0)

    assert asyncio.run(wait()) is False


def test_a_clock_that_stands_still_fills_no_memory():
    async def take() -> int:
        store = PartStore()
        store.begin(INITIALISATION)
        store.take(b"x" * 2**20, 0, is_key=True)
        for _ in range(200):
            store.take(b"x" * 2**20, 0, is_key=False)
        return sum(segment.size for segment in store.segments) + sum(map(len, store._frames))

    assert asyncio.run(take()) <= SEGMENT_BYTES_MAX + 2 * PART_BYTES_MAX
