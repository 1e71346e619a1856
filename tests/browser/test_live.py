"""A guardian watches in a real browser: pictures of now, a mark over them, and an end that is an end."""

import json
import time

import pytest

from storage.database.models import LeaseRow, ViewRow
from tests.support.browser import keep
from tests.support.edge import wait_for
from tests.support.live_rig import rig
from tests.support.nursery import SITE

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)

FIGURES = "() => document.querySelector('nightlight-player').figures"
READ_CLOCK = """() => {
  const video = document.querySelector("nightlight-player video");
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth; canvas.height = video.videoHeight;
  const context = canvas.getContext("2d");
  context.drawImage(video, 0, 0);
  const row = Math.max(4, Math.round(canvas.height / 22.5)), y = canvas.height - Math.round(row / 2);
  const line = context.getImageData(0, y, canvas.width, 1).data, cells = [];
  for (let cell = 0; cell < 64; cell += 1) cells.push(line[4 * Math.floor((cell + 0.5) * canvas.width / 64)]);
  const middle = (cells[0] + cells[1]) / 2;
  let millis = 0;
  for (let bit = 4; bit < 52; bit += 1) millis = millis * 2 + (cells[bit] > middle ? 1 : 0);
  return { millis, now: Date.now(), marked: cells[0] > cells[1] && cells[2] > cells[3] };
}"""


@pytest.fixture
def live_rig(database, tmp_path_factory, clip):
    """``cam-b`` sends H.265 alone."""
    hevc = clip("hevc", seconds=2, size=(1280, 720))
    with rig(database, tmp_path_factory.mktemp("rig"), hevc=hevc) as running:
        yield running


def test_a_guardian_watches_is_cut_off_and_stands_on_the_record(live_rig, open_page, request):
    other = open_page()
    other.context.add_cookies([live_rig.cookie("aunt")])
    assert [other.goto(f"{live_rig.url}/live/{camera}").status for camera in ("cam-a", "nowhere")] == [404, 404]
    page = open_page(language="zh-CN", width=390, height=780)
    got = frames_of(page)
    page.context.add_cookies([live_rig.cookie("mum")])
    page.goto(f"{live_rig.url}/live")
    keep(request, page, "live-list")
    page.get_by_role("link", name="现在观看").click()
    page.wait_for_function("() => document.querySelector('nightlight-player')?.figures.frames > 25")

    # Without its mark it shows nothing.
    page.evaluate("() => document.querySelector('.live-mark').remove()")
    page.wait_for_function("() => document.querySelector('nightlight-player').figures.state === 'ended'")
    assert not page.evaluate("() => document.querySelector('nightlight-player video').src")
    page.reload()
    page.wait_for_function("() => document.querySelector('nightlight-player')?.figures.frames > 25")

    before = page.evaluate("() => document.querySelector('nightlight-player video').currentTime")
    page.wait_for_timeout(400)
    assert page.evaluate("() => document.querySelector('nightlight-player video').currentTime") > before
    clock = page.evaluate(READ_CLOCK)
    assert clock["marked"]
    assert 0 <= clock["now"] - clock["millis"] < 3_000
    figures = page.evaluate(FIGURES)
    assert page.locator(".live-mark").first.inner_text() == f"g1 · {figures['code']}"
    assert page.locator(".live-mark").first.is_visible()
    keep(request, page, "live")
    page.get_by_role("button", name="全屏").click()
    page.wait_for_function("() => document.fullscreenElement?.querySelector('.live-mark')")
    keep(request, page, "live-fullscreen")

    ended_at = time.monotonic()
    live_rig.nursery.change(
        LeaseRow, LeaseRow.guardian_id == "g1", LeaseRow.site_id == SITE, revoked_us=1, revoked_by="boss"
    )
    page.wait_for_function("() => document.querySelector('nightlight-player').figures.state === 'ended'")
    assert "园所已终止" in page.locator(".live-curtain").inner_text()
    page.wait_for_timeout(700)
    assert max(at for at, data in got if isinstance(data, bytes)) - ended_at <= 1.0
    keep(request, page, "live-ended")
    with live_rig.nursery.database.reading() as session:
        row = wait_for("the record", lambda: session.query(ViewRow).filter(ViewRow.why_closed == "revoked").first())
    assert (row.code, row.account_name) == (figures["code"], "mum")

    # Its pictures are the camera's own, byte by byte, as they were recorded.
    pictures = [data.partition(b"mdat")[2] for _, data in got if isinstance(data, bytes) and data[4:8] == b"moof"]
    recorded = b"".join(file.read_bytes() for file in live_rig.box.spool.rglob("cam-a/**/*") if file.is_file())
    assert len(pictures) > 50
    assert sum(one in recorded for one in pictures[:20]) == 20

    # An H.265 camera comes as small H.264.
    live_rig.nursery.change(LeaseRow, LeaseRow.guardian_id == "g3", hours="mon-sun 00:00-24:00")
    got = frames_of(other)
    other.goto(f"{live_rig.url}/live/cam-b")
    other.wait_for_function("() => document.querySelector('nightlight-player')?.figures.frames > 5")
    told = [json.loads(data) for _, data in got if isinstance(data, str)]
    assert [one["codec"][:7] for one in told if one["type"] == "stream"] == ["avc1.42"]
    size = "() => (({ videoWidth, videoHeight }) => [videoWidth, videoHeight])(document.querySelector('nightlight-player video'))"
    assert other.evaluate(size) == [640, 360]


def frames_of(page) -> list[tuple[float, str | bytes]]:
    """What the page's WebSockets bring, as it comes."""
    found: list[tuple[float, str | bytes]] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda data: found.append((time.monotonic(), data))))
    return found
