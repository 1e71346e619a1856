"""The process that fetches: peers that mean ill end in a word, and what it says is looked at before it is believed."""

import msgspec
import pytest

from config.base.clock import SystemClock
from config.base.errors import Unavailable
from edge_agent.onvif.fetch import Ended, Job, fetch
from edge_agent.onvif.fetched_segments import FetchedSegment
from edge_agent.onvif.fetching import checked, fetch_in_process
from tests.support.brokers import free_port

S = 1_000_000
AT = 1_795_262_400 * S
SDP = b"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"


def job(url: str, tmp_path) -> Job:
    return Job(url, "viewer", "small-lamp", str(tmp_path), AT, AT + 30 * S, 0, 0, 10 * S, 1.0, 1.0)


def answer(*extra: bytes, status: bytes = b"200 OK", body: bytes = SDP) -> bytes:
    lines = [b"RTSP/1.0 " + status, b"CSeq: 1", b"Content-Length: %d" % len(body), *extra]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


ILL = {
    "garbage": (b"\x00\xff garbage " * 1_000, {}, {"nonsense", "broken"}),
    "http": (b"HTTP/1.1 200 OK\r\n\r\n<html/>", {}, {"nonsense", "broken"}),
    "nothing": (b"", {}, {"broken"}),
    "drip": (answer(), {"drip_s": 0.05, "endless": True}, {"broken"}),
    "endless head": (b"RTSP/1.0 200 OK\r\n" + b"X: y\r\n" * 10_000, {"endless": True}, {"nonsense", "broken"}),
    "huge body": (answer(body=b"x" * 300_000), {}, {"nonsense", "broken"}),
    "no video": (answer(body=b"v=0\r\nm=audio 0 RTP/AVP 0\r\n"), {}, {"nonsense"}),
    "refused": (answer(status=b"403 Forbidden", body=b""), {}, {"refused"}),
    "an endless challenge": (
        answer(b'WWW-Authenticate: Digest realm="r", nonce="n"', status=b"401 Unauthorized", body=b""),
        {"endless": True},
        {"refused", "broken", "nonsense"},
    ),
}


@pytest.mark.parametrize("kind", ILL)
def test_peers_that_mean_ill_end_in_a_word(kind, hostile, tmp_path):
    data, how, words = ILL[kind]
    url = hostile(data, **how).replace("http://", "rtsp://")
    ended = fetch(job(url, tmp_path), lambda _segment: pytest.fail("it had nothing"))
    assert ended.why in words
    assert list(tmp_path.iterdir()) == []


def test_nobody_there(tmp_path):
    assert fetch(job(f"rtsp://127.0.0.1:{free_port()}/x", tmp_path), lambda _segment: None).why == "broken"


def said(tmp_path, **changed) -> bytes:
    made = FetchedSegment("a" * 32, "b" * 32, AT, AT + 10 * S, "c" * 64, 1, 1, "h264", 640, 360)
    return msgspec.json.encode({"segment": {**msgspec.to_builtins(made), **changed}})


def test_what_it_says_is_looked_at(tmp_path):
    asked = job("rtsp://192.0.2.1/x", tmp_path)
    assert isinstance(checked(said(tmp_path), asked), FetchedSegment)
    assert checked(b'{"ended": {"why": "complete"}}', asked) == Ended("complete")
    wrong = [
        {"segment_id": "../../etc/passwd"},
        {"sha256": "no"},
        {"end_us": AT},
        {"end_us": AT + 400 * S},
        {"start_us": AT - 3_600 * S, "end_us": AT - 3_590 * S},
        {"start_us": AT + 3_600 * S, "end_us": AT + 3_610 * S},
        {"start_us": "now"},
    ]
    for line in [*(said(tmp_path, **changed) for changed in wrong), b"", b"{}", b"no json", b"\xff"]:
        with pytest.raises(Unavailable):
            checked(line, asked)


def test_it_is_ended_in_time(hostile, tmp_path):
    url = hostile(answer(), drip_s=0.2, endless=True).replace("http://", "rtsp://")
    slow = msgspec.structs.replace(job(url, tmp_path), connect_within_s=25.0)
    with pytest.raises(Unavailable, match="did not come to an end"):
        list(fetch_in_process(slow, SystemClock(), 1.0, lambda: False))
    with pytest.raises(Unavailable):
        list(fetch_in_process(slow, SystemClock(), 60.0, lambda: True))
