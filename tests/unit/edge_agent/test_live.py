"""The live view at the site: fragments that play, a group in memory, a push that ends, and words that are not obeyed."""

import io
import threading
import time
from contextlib import suppress
from fractions import Fraction

import av
import msgspec
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.sync.server import serve

from config.base.errors import InvalidInput
from config.wire.envelope import Signer, decode_payload, open_envelope
from config.wire.live import FRAME, FRAME_BYTES_MAX, INIT, KEYFRAME, LivePush, LiveWanted
from edge_agent.cameras.feed import Feed, FeedPacket, StreamFormat
from edge_agent.live import pusher as pusher_module
from edge_agent.live import transcoder as transcoder_module
from edge_agent.live.desk import AHEAD_US_MAX, LiveDesk
from edge_agent.live.muxer import LiveMuxer
from edge_agent.live.pusher import Pusher
from edge_agent.live.transcoder import Transcoder
from edge_agent.live.wish import KIND, LiveWish
from edge_agent.messages import Sealer

FRAME_US = 40_000
BASE = Fraction(1, 1_000_000)


def packets(codec: str, frames: int, session: int = 1, size: tuple[int, int] = (320, 192)) -> list[FeedPacket]:
    """A moving ramp, a keyframe every ten."""
    encoder = av.CodecContext.create({"h264": "libx264", "hevc": "libx265"}[codec], "w")
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = *size, "yuv420p", Fraction(1, 25)
    encoder.gop_size = 10
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency"} | (
        {"x265-params": "keyint=10:bframes=0:log-level=error"} if codec == "hevc" else {}
    )
    coded = []
    for number in range(frames):
        picture = np.full((size[1], size[0], 3), number * 5 % 255, np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="bgr24").reformat(format="yuv420p")
        frame.pts = number
        coded += encoder.encode(frame)
    coded += encoder.encode(None)
    at = StreamFormat(codec, b"", BASE)
    return [
        FeedPacket(bytes(one), one.is_keyframe, 0, 0, one.pts * FRAME_US, one.pts * FRAME_US, session, at, 0)
        for one in coded
    ]


def published(feed: Feed, made: list[FeedPacket]) -> None:
    for one in made:
        packet = av.Packet(one.data)
        packet.is_keyframe, packet.pts, packet.dts = one.is_key, one.presented_us, one.decoded_us
        feed.publish(packet, time.monotonic_ns() // 1_000)


def played(messages: list[bytes]) -> list[int]:
    """Presentation times in microseconds of what a player would show."""
    with av.open(io.BytesIO(b"".join(message[1:] for message in messages))) as container:
        stream = container.streams.video[0]
        assert stream.time_base == Fraction(1, 90_000)
        return [round(frame.pts * stream.time_base * 1_000_000) for frame in container.decode(stream)]


def test_each_frame_is_a_fragment_that_plays_at_its_time():
    muxer = LiveMuxer()
    messages = [message for one in packets("h264", 25) for message in muxer.take(one)]
    assert [message[:1] for message in messages[:3]] == [INIT, KEYFRAME, FRAME]
    assert len(messages) == 26
    assert played(messages) == [number * FRAME_US for number in range(25)]


def test_a_new_session_begins_with_a_new_initialisation_and_from_a_keyframe():
    muxer = LiveMuxer()
    for one in packets("h264", 5):
        muxer.take(one)
    again = packets("h264", 12, session=2, size=(160, 96))
    assert muxer.take(again[3]) == []
    assert [message[:1] for message in muxer.take(again[10])] == [INIT, KEYFRAME]


def test_h265_becomes_small_h264_and_never_falls_behind():
    made = packets("hevc", 12, size=(1280, 768))
    transcoder, muxer = Transcoder(1), LiveMuxer()
    small = [one for packet in made for one in transcoder.take(packet, behind=False)]
    assert small[0].is_key
    assert small[0].format.codec == "h264"
    messages = [message for one in small for message in muxer.take(one)]
    assert len(played(messages)) >= 10
    assert [one for packet in made for one in Transcoder(1).take(packet, behind=True)] == []


def test_a_subscriber_begins_with_the_group_that_lasts():
    feed = Feed("nap-room", "main")
    feed.begin(StreamFormat("h264", b"", BASE))
    assert not feed.listens
    feed.keep_group(1 << 20)
    assert feed.listens
    assert not feed.has_subscribers
    assert not feed.hurries
    made = packets("h264", 25)
    published(feed, made)
    found = feed.subscribe("live", keyframes_only=False, capacity=50, from_group=True)
    group = [found.get(0) for _ in range(found.waiting)]
    assert [one.data for one in group] == [one.data for one in made[20:]]
    assert group[0].is_key
    published(feed, made[:1])
    assert found.get(0).data == made[0].data


def test_a_group_is_bounded_and_ends_with_its_connection():
    feed, made = Feed("nap-room", "main"), packets("h264", 12)
    feed.begin(StreamFormat("h264", b"", BASE))
    feed.keep_group(len(made[0].data) + 10)
    published(feed, made[:10])
    assert feed.subscribe("live", keyframes_only=False, capacity=50, from_group=True).waiting == 0
    feed.keep_group(1 << 20)
    published(feed, made)
    feed.begin(StreamFormat("h264", b"", BASE))
    assert feed.subscribe("live", keyframes_only=False, capacity=50, from_group=True).waiting == 0


@pytest.fixture
def server():
    """Takes pushes in: each connection's messages."""
    taken, threads = [], []

    def handle(link):
        mine = []
        taken.append(mine)
        mine.extend(link)

    running = serve(handle, "127.0.0.1", 0, compression=None)
    threads.append(threading.Thread(target=running.serve_forever, daemon=True))
    threads[0].start()
    yield f"ws://127.0.0.1:{running.socket.getsockname()[1]}", taken
    running.shutdown()


def now_us() -> int:
    return time.monotonic_ns() // 1_000


def test_a_push_says_hello_sends_the_group_and_ends_when_its_time_is_over(server):
    url, taken = server
    feed, made = Feed("nap-room", "main"), packets("h264", 25)
    feed.begin(StreamFormat("h264", b"", BASE))
    feed.keep_group(1 << 20)
    published(feed, made)
    pusher = Pusher(feed, url, b"hello", now_us() + 600_000, now_us, None)
    pusher.start()
    pusher.join(10)
    assert not pusher.is_alive()
    assert not feed.has_subscribers
    messages = taken[0]
    assert messages[0] == b"hello"
    assert [message[:1] for message in messages[1:3]] == [INIT, KEYFRAME]
    assert len(played(messages[1:])) == 5


def test_a_push_to_nobody_ends_and_leaves_the_feed(server):
    feed = Feed("nap-room", "main")
    pusher = Pusher(feed, "ws://127.0.0.1:9", b"hello", now_us() + 10_000_000, now_us, None)
    pusher.start()
    pusher.join(5)
    assert not pusher.is_alive()
    assert not feed.has_subscribers


def test_a_push_to_a_server_that_takes_nothing_ends(monkeypatch):
    """Its connection stands and its kernel answers, so nothing but the push itself can notice."""
    monkeypatch.setattr(pusher_module, "SEND_WITHIN_S", 0.3)
    over = threading.Event()
    idle = {"compression": None, "max_queue": 1, "ping_interval": None, "close_timeout": 0.1}
    hung = serve(lambda _link: over.wait(60), "127.0.0.1", 0, **idle)
    threading.Thread(target=hung.serve_forever, daemon=True).start()
    feed, made = Feed("nap-room", "main"), packets("h264", 2)
    feed.begin(StreamFormat("h264", b"", BASE))
    feed.keep_group(1 << 20)
    url = f"ws://127.0.0.1:{hung.socket.getsockname()[1]}"
    pusher = Pusher(feed, url, b"hello", now_us() + 600_000_000, now_us, None)
    pusher.start()
    published(feed, made[:1])
    large = made[1]._replace(data=made[1].data + bytes(1 << 20))
    deadline_s = time.monotonic() + 20
    while pusher.is_alive() and time.monotonic() < deadline_s:
        published(feed, [made[0], *[large] * 6])
        time.sleep(0.05)
    ended = not pusher.is_alive()
    over.set()
    hung.shutdown()
    assert ended
    assert not feed.has_subscribers


def test_a_frame_that_no_player_could_take_is_left_out():
    muxer, made = LiveMuxer(), packets("h264", 12)
    muxer.take(made[0])
    with pytest.raises(InvalidInput):
        muxer.take(made[1]._replace(presented_us=10**12))
    with pytest.raises(InvalidInput):
        muxer.take(made[1]._replace(data=made[1].data + bytes(FRAME_BYTES_MAX)))
    assert [message[:1] for message in muxer.take(made[2])] == [FRAME]


def test_pictures_that_would_fill_the_memory_are_not_decoded(monkeypatch):
    monkeypatch.setattr(transcoder_module, "PIXELS_MAX", 320 * 192 - 1)
    made, transcoder = packets("hevc", 5), Transcoder(1)
    found = []
    with suppress(InvalidInput):
        found = [one for packet in made for one in transcoder.take(packet, behind=False)]
    assert found == []


def test_a_group_is_forgotten_when_its_connection_goes():
    """Whoever looks an hour later would take it for what is."""
    feed = Feed("nap-room", "main")
    feed.begin(StreamFormat("h264", b"", BASE))
    feed.keep_group(1 << 20)
    published(feed, packets("h264", 5))
    feed.pause()
    assert feed.subscribe("live", keyframes_only=False, capacity=50, from_group=True).waiting == 0


def test_the_desk_obeys_for_a_bounded_time_and_signs_for_the_camera():
    asked = []
    signer = Signer(Ed25519PrivateKey.generate())
    at = 1_000_000_000
    desk = LiveDesk(Sealer("site-1", "agent-1", signer), lambda: at, lambda *words: asked.append(words) or True)
    where = {"message_id": "0" * 32, "site_id": "site-1", "agent_id": "agent-1", "camera_id": "nap-room"}
    wanted = {"push_url": "ws://127.0.0.1:1/agent/v1/live", "push_token": "t" * 43}
    desk.take(LiveWanted(**where, **wanted, until_us=at - 1))
    assert asked == []
    desk.take(LiveWanted(**where, **wanted, until_us=at + 10**12))
    kind, camera_id, body = asked[0]
    wish = msgspec.msgpack.decode(body, type=LiveWish)
    assert (kind, camera_id, wish.for_us) == (KIND, "nap-room", AHEAD_US_MAX)
    hello = decode_payload(open_envelope(wish.hello))
    assert isinstance(hello, LivePush)
    assert (hello.camera_id, hello.push_token) == ("nap-room", "t" * 43)
