"""The live view: from the click to the picture, from the room to the glass, viewers a core, and from revocation to the last byte.

Everything is real: a simulated camera that burns the time in, an agent's process, a broker, ``server.live`` as it ships, headless
Chromium. Viewers by the hundred are sockets of this process that read and throw away. Beside it, in the same run, a plain asyncio
fan-out of the same bytes (``benchmarks/_live_plain.py``).
"""

import shutil
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from operator import truediv
from pathlib import Path
from statistics import quantiles
from typing import Any

import av
import numpy as np
from playwright.sync_api import Page, sync_playwright

from benchmarks._live_beside import SETTLE_S, Plain, cpu_a_viewer, plain_fan_out
from benchmarks._live_crowd import Crowd, sessions_of, tickets_of
from benchmarks._processes import use_of
from benchmarks.report import Report
from server.services.live.tickets import TicketDesk
from storage.database.migrate import migrate
from storage.database.models import LeaseRow, LoginSession
from storage.database.unit_of_work import Database
from tests.support.browser import CHROMIUM_NAMES, FLAGS
from tests.support.cuts import CAUSES
from tests.support.live_rig import LiveRig, rig
from tests.support.nursery import SITE

WARM, COLD, LATENCY_FRAMES = 15, 8, 150
VIEWERS, STEADY_S = 200, 8.0
TURNS, TURN_S = 5, 5.0
CLIP_BITS, CLIP_FPS, CLIP_S = 3_000_000, 25, 4
FRAMING_BYTES = 120
"""A fragment's boxes and a WebSocket frame's head, about."""
COLD_AFTER_S = 4.5
REVOKED_WS, REVOKED_HLS = 40, 20
FRAME = "() => document.querySelector('nightlight-player')?.figures.frames > 3"
CLOCK = (Path(__file__).parent / "_live_clock.js").read_text()


def main() -> int:
    """Prints the figures; the goals are those of ARCHITECTURE.md."""
    report = Report("live", figures={"viewers": VIEWERS, "clip_bits_per_second": CLIP_BITS, "transport": "WebSocket"})
    with tempfile.TemporaryDirectory(prefix="nl-", ignore_cleanup_errors=True) as folder:
        _in_browser(report, Path(folder) / "room")
        print(report.figures, [(goal.name, goal.value) for goal in report.goals], file=sys.stderr)
        _in_crowds(report, Path(folder) / "crowd")
    return report.finish_bench(as_json="--json" in sys.argv)


def _database(folder: Path) -> Database:
    folder.mkdir()
    database = Database(f"sqlite:///{folder}/bench.db")
    migrate(database)
    return database


def _in_browser(report: Report, folder: Path) -> None:
    with ExitStack() as stack:
        live = stack.enter_context(rig(_database(folder), folder))
        browser = stack.enter_context(sync_playwright()).chromium.launch(
            executable_path=next(found for name in CHROMIUM_NAMES if (found := shutil.which(name))), args=FLAGS
        )
        stack.callback(browser.close)
        context = browser.new_context(viewport={"width": 960, "height": 700})
        context.add_cookies([_cookie(live, "mum")])
        page = context.new_page()
        cold = [_first_frame(page, live, after_s=COLD_AFTER_S) for _ in range(COLD)]
        other = browser.new_context()
        other.add_cookies([_cookie(live, "boss")])  # somebody else watches: the camera is being pushed
        watching = other.new_page()
        _first_frame(watching, live)
        warm = [_first_frame(page, live, after_s=0.3) for _ in range(WARM)]
        other.close()
        latency = _glass_to_glass(page)
    report.figures |= {
        "cold_first_frame_p50_ms": round(statistics.median(cold)),
        "warm_first_frame_p95_ms": round(_p95(warm)),
        "glass_to_glass_p50_ms": round(statistics.median(latency)),
        "glass_to_glass_frames": len(latency),
    }
    report.expect("warm_first_frame_p50_ms", round(statistics.median(warm)), at_most=500)
    report.expect("cold_first_frame_p95_ms", round(_p95(cold)), at_most=1_500)
    report.expect("glass_to_glass_p95_ms", round(_p95(latency)), at_most=300)


def _cookie(live: LiveRig, name: str) -> Any:
    live.nursery.session(name)
    return {"name": "nightlight", "value": live.nursery.tokens[name], "url": live.url, "sameSite": "Strict"}


def _first_frame(page: Page, live: LiveRig, after_s: float = 0.0) -> float:
    """Milliseconds from the player's start to the first frame presented."""
    page.goto("about:blank")
    time.sleep(after_s)
    page.goto(f"{live.url}/live/cam-a")
    page.wait_for_function(FRAME, timeout=30_000)
    return float(page.evaluate("() => document.querySelector('nightlight-player').figures.firstFrameMs"))


def _glass_to_glass(page: Page) -> list[float]:
    page.wait_for_timeout(3_000)  # until playback stands at the edge
    found: list[float] = page.evaluate(CLOCK, LATENCY_FRAMES)
    return found


def _in_crowds(report: Report, folder: Path) -> None:
    database = _database(folder)
    clip = folder / "clip.mp4"
    _write_clip(clip)
    sizes = _frames_of(clip)
    with plain_fan_out(VIEWERS, sizes) as peer, rig(database, folder, clip=clip) as live:
        pid = int((folder / "live.pid").read_text())
        host = live.live_url.removeprefix("http://")
        quiet = use_of([pid])
        sessions = sessions_of(live.nursery, "boss", REVOKED_WS + REVOKED_HLS)
        crowd = Crowd(host, live.url)
        for number in range(VIEWERS):
            crowd.join(*tickets_of(database, sessions[number % REVOKED_WS], "cam-a"))
        crowd.read_for(2.0)
        before, got = use_of([pid]), crowd.bytes
        began = time.monotonic()
        crowd.read_for(STEADY_S)
        lasted = time.monotonic() - began
        after = use_of([pid])
        _say_crowd(report, before.cpu_s, after.cpu_s, lasted, (crowd.bytes - got, len(crowd.open)))
        report.figures["memory_per_viewer_kib"] = round((after.rss_bytes - quiet.rss_bytes) / VIEWERS / 1_024)
        report.figures["plain_mbit_per_second_a_viewer"] = round(sum(sizes) * 8 / CLIP_S / 1e6, 2)
        _beside_plain(report, peer, pid, crowd)
        _revoke(report, live, crowd, sessions)
        _cut_by_every_cause(report, live, crowd)


def _beside_plain(report: Report, peer: Plain, pid: int, crowd: Crowd) -> None:
    """The same viewers, the same bytes and the same reader, in turns: a machine that slows down slows down both."""
    own, plain = [], []
    for _ in range(TURNS):
        plain.append(peer.cpu_a_viewer(TURN_S))
        crowd.read_for(SETTLE_S)
        own.append(cpu_a_viewer(pid, crowd, TURN_S))
    report.figures["plain_cpu_per_viewer_percent"] = round(statistics.median(plain) * 100, 4)
    report.figures["own_cpu_per_viewer_percent"] = round(statistics.median(own) * 100, 4)
    report.expect("against_plain_asyncio", round(statistics.median(map(truediv, plain, own)), 2), at_least=0.8)


def _write_clip(file: Path) -> None:
    """Four seconds of noise, a keyframe every two; it loops."""
    rng = np.random.default_rng(1)
    with av.open(str(file), "w") as output:
        stream = output.add_stream("libx264", rate=CLIP_FPS)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = 1_280, 720, "yuv420p", CLIP_BITS
        stream.codec_context.gop_size = 2 * CLIP_FPS
        rate = CLIP_BITS // 1_000
        stream.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "x264-params": f"keyint=50:min-keyint=50:scenecut=0:nal-hrd=cbr:vbv-maxrate={rate}:vbv-bufsize={rate}",
        }
        for _ in range(CLIP_S * CLIP_FPS):
            coarse = rng.integers(60, 190, (90, 160, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(coarse, format="bgr24")))
        output.mux(stream.encode(None))


def _frames_of(clip: Path) -> list[int]:
    """How many bytes each frame has as it goes out."""
    with av.open(str(clip)) as opened:
        return [packet.size + FRAMING_BYTES for packet in opened.demux(video=0) if packet.size]


def _say_crowd(report: Report, before_s: float, after_s: float, lasted: float, got: tuple[int, int]) -> None:
    size, viewers = got
    report.figures["viewers_that_stayed"] = viewers
    report.figures["mbit_per_second_a_viewer"] = round(size * 8 / lasted / max(1, viewers) / 1e6, 2)
    share = (after_s - before_s) / lasted
    report.figures["cpu_of_a_core_percent"] = round(share * 100, 1)
    report.expect("viewers_per_core", round(viewers / share), at_least=600)


def _revoke(report: Report, live: LiveRig, crowd: Crowd, sessions: list[tuple[str, str]]) -> None:
    """One session after the other ends; how long after that each of its sockets brings pictures."""
    over_ws: list[float] = []
    for token, digest in sessions[:REVOKED_WS]:
        live.nursery.change(LoginSession, LoginSession.token_sha256 == digest, expires_us=1)
        ended = time.monotonic()
        crowd.read_until_over(token, 1.5)
        over_ws += [max(0.0, last - ended) * 1_000 for last in crowd.last_of(token)]
    over_hls = crowd.revoke_hls(live, sessions[REVOKED_WS:])
    report.figures |= {"revocations_ws": len(over_ws), "revocations_hls": len(over_hls)}
    report.expect("revoke_to_last_byte_ws_p99_ms", round(_p99(over_ws)), at_most=1_000)
    report.expect("revoke_to_last_byte_hls_p99_ms", round(_p99(over_hls)), at_most=1_000)


def _cut_by_every_cause(report: Report, live: LiveRig, crowd: Crowd) -> None:
    """Lease, pick-up, consent, dark room, lock, role, class, region, sign-out: each once over both transports."""
    nursery = live.nursery
    nursery.change(LeaseRow, LeaseRow.site_id == SITE, hours="mon-sun 00:00-24:00")
    desk = TicketDesk(nursery.database, nursery.desk, nursery.time)
    over_ws: list[float] = []
    over_hls: list[float] = []
    for _, who, come, go in CAUSES:
        token, ticket, _ = _shown(live, desk, who[0])
        crowd.join(token, ticket)
        crowd.read_for(0.5)
        come(nursery)
        ended = time.monotonic()
        crowd.read_until_over(token, 3.0)
        over_ws += [max(0.0, last - ended) * 1_000 for last in crowd.last_of(token)[-1:]]
        go(nursery)
        token, ticket, digest = _shown(live, desk, who[1])
        over_hls.append(crowd.cut_hls(live, (token, digest), come, ticket))
        go(nursery)
    report.figures["causes_of_a_cut"] = len(CAUSES)
    report.expect("worst_cause_to_last_byte_ws_ms", round(max(over_ws)), at_most=1_000)
    report.expect("worst_cause_to_last_byte_hls_ms", round(max(over_hls)), at_most=1_000)


def _shown(live: LiveRig, desk: TicketDesk, name: str) -> tuple[str, str, str]:
    """A session's token, a ticket of its, and the token's digest."""
    digest = live.nursery.session(name)
    token = live.nursery.tokens[name]
    ticket = desk.issue(token, "cam-a", "a child was hurt")
    if not isinstance(ticket, str):
        raise TypeError(f"{name} may not look: {ticket.reason}")
    return token, ticket, digest


def _p95(values: list[float]) -> float:
    return quantiles(values, n=20, method="inclusive")[-1]


def _p99(values: list[float]) -> float:
    return quantiles(values, n=100, method="inclusive")[-1]


if __name__ == "__main__":
    sys.exit(main())
