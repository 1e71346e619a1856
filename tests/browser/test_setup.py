"""The set-up pages in a real browser: a password is sealed there, and everything fits a telephone."""

import hashlib
from collections.abc import Iterator
from urllib.parse import parse_qs

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import json
from playwright.sync_api import Page, Request, expect

from config.settings.server import load_server
from config.wire.discovery import StreamOffer
from config.wire.envelope import Signer
from config.wire.sealing import camera_password, discovered_picture, open_sealed, seal_to, sealing_public_pem
from server.services.cameras.send_configuration import ConfigurationOutlet
from server.services.registers.register import Register
from tests.integration.services.test_discovered import found
from tests.support.api import OPERATOR, PASSWORD, RunningApi, add_accounts, serving, settings_for
from tests.support.browser import OpenPage, keep
from tests.support.enrolment import write_authority

pytestmark = [pytest.mark.parametrize("database", ["sqlite"], indirect=True), pytest.mark.usefixtures("browser")]
SERVER_KEY, BOX_KEY = X25519PrivateKey.generate(), X25519PrivateKey.generate()
SECRET = "小灯 p@ss wörd"
LANGUAGES = ("zh-CN", "en")


def picture(shade: int) -> bytes:
    """Something to look at: a window in a wall."""
    image = np.full((180, 320, 3), (120, 130 + shade, 140), np.uint8)
    cv2.rectangle(image, (40 + shade, 30), (140 + shade, 110), (230, 220, 190), -1)
    cv2.rectangle(image, (0, 140), (319, 179), (70, 90, 110), -1)
    return bytes(cv2.imencode(".jpg", image)[1])


@pytest.fixture
def console(database, clock, agent, tmp_path) -> Iterator[RunningApi]:
    """A site with a box that has found three cameras, one of which is not the site's."""
    file = settings_for(database, tmp_path)
    write_authority(tmp_path)
    add_accounts(database, clock, agent.site_id)
    register = Register(database, clock)
    register.add_agent(agent.site_id, agent.agent_id, agent.signer.public_pem + pem(BOX_KEY))
    register.add_zone(agent.site_id, "toilet-1", "小卫生间", "toilet")
    register.add_zone(agent.site_id, "activity-1", "太阳班", "activity")
    for number in range(3):
        tell_of_one(agent, clock, number)
    agent.say(agent.heartbeat())
    with serving(load_server(file), clock) as api:
        api.parts.discovered._key = SERVER_KEY
        yield api


def pem(key: X25519PrivateKey) -> bytes:
    return sealing_public_pem(key.public_key()).encode()


def tell_of_one(agent, clock, number: int) -> None:
    host, jpeg = f"192.0.2.1{number}", picture(40 * number)
    plain = found(agent, clock, lens=f"lens-{number}")
    sealed = seal_to(SERVER_KEY.public_key(), jpeg, discovered_picture(agent.agent_id, plain.discovery_id))
    agent.say(
        found(
            agent,
            clock,
            lens=f"lens-{number}",
            onvif_url=f"http://{host}/onvif/device_service",
            maker="Examplecam",
            model=f"EC-{number}00",
            serial_number=f"SN{number}",
            main=StreamOffer(url=f"rtsp://{host}:554/stream1", codec="h264", width=1920, height=1080),
            sub=StreamOffer(url=f"rtsp://{host}:554/stream2", codec="h264", width=640, height=360),
            configured_as="",
            problems=["clock_zone"] if number == 1 else [],
            picture=sealed,
            picture_sha256=hashlib.sha256(jpeg).hexdigest(),
        )
    )


def sign_in(page: Page, url: str) -> None:
    page.goto(url)
    page.locator("#name").fill(OPERATOR)
    page.locator("#password").fill(PASSWORD)
    page.locator("main button[type=submit]").click()
    page.wait_for_url("**/sites/*")


def test_a_found_camera_is_set_up_and_its_password_never_leaves_the_browser(
    console, open_page: OpenPage, database, clock
):
    page = open_page()
    sign_in(page, console.url)
    sent: list[Request] = []
    page.on("request", lambda request: sent.append(request) if request.method == "POST" else None)
    page.locator(".ways").get_by_role("link", name="Cameras and site agents").click()
    page.locator(".tabs").get_by_role("link", name="Found cameras").click()
    expect(page.locator(".tile img").first).to_have_js_property("naturalWidth", 320)
    page.get_by_role("link", name="Set up Examplecam EC-100").click()
    page.get_by_label("Name of the camera").fill("大门")
    page.get_by_label("The place that it looks into").select_option("activity-1")
    page.get_by_label("User").fill("viewer")
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.get_by_role("button", name="Add the camera").click()
    page.wait_for_url("**/sites/sunflower/cameras*")
    expect(page.locator("#camera-sunflower-camera-1")).to_contain_text("大门")
    (state,) = ConfigurationOutlet(database, clock).due()
    (camera,) = state.cameras
    context = camera_password("sunflower-box", "sunflower-camera-1", "192.0.2.11")
    assert open_sealed(BOX_KEY, camera.password, context).decode() == SECRET
    (request,) = sent
    fields = parse_qs(request.post_data)
    assert "password" not in fields
    assert "p@ss" not in request.post_data
    assert json.decode(fields["sealed"][0])["key_id"] == camera.password.key_id


def test_a_password_that_cannot_be_sealed_stays_in_the_browser_and_the_page_says_why(
    console, open_page, database, clock
):
    Register(database, clock).add_agent("sunflower", "plain-box", Signer(Ed25519PrivateKey.generate()).public_pem)
    page = open_page()
    sign_in(page, console.url)
    page.goto(f"{console.url}/sites/sunflower/cameras/new")
    page.get_by_label("Name of the camera").fill("大门")
    page.get_by_label("The place that it looks into").select_option("activity-1")
    page.get_by_label("The site agent that records it").select_option("plain-box")
    page.get_by_label("Address of the first stream").fill("rtsp://192.0.2.30/main")
    page.get_by_label("User").fill("viewer")
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.get_by_role("button", name="Add the camera").click()
    expect(page.locator("#password-trouble")).to_contain_text("given no key")
    expect(page.locator("#password")).to_be_focused()
    page.get_by_label("The site agent that records it").select_option("sunflower-box")
    page.get_by_label("Address of the first stream").fill("192.0.2.30/main")
    page.get_by_role("button", name="Add the camera").click()
    expect(page.locator("#password-trouble")).to_contain_text("address of the first stream")
    assert page.url.endswith("/cameras/new")


def test_without_scripts_there_is_no_field_that_would_send_a_password(console, open_page, database, clock):
    page = open_page(java_script_enabled=False)
    sign_in(page, console.url)
    page.goto(f"{console.url}/sites/sunflower/cameras/nap-room")
    expect(page.locator("#password")).to_be_hidden()
    page.get_by_label("Address of the first stream").fill("rtsp://192.0.2.30/main")
    page.get_by_label("User").fill("viewer")
    page.get_by_text("Paste a sealed password").click()
    context = camera_password("sunflower-box", "nap-room", "192.0.2.30")
    box = seal_to(BOX_KEY.public_key(), SECRET.encode(), context)
    page.get_by_label("Sealed password", exact=True).fill(json.encode(box).decode())
    page.get_by_role("button", name="Save").click()
    page.wait_for_url("**/sites/sunflower/cameras*")
    (state,) = ConfigurationOutlet(database, clock).due()
    assert open_sealed(BOX_KEY, state.cameras[0].password, context).decode() == SECRET


def test_every_page_fits_a_telephone_and_a_desk_in_both_languages(console, open_page, request):
    for language in LANGUAGES:
        page = open_page(language)
        sign_in(page, console.url)
        for name, path in (
            ("boxes", "boxes"),
            ("found", "found"),
            ("cameras", "cameras"),
            ("camera", "cameras/nap-room"),
            ("new", "cameras/new"),
        ):
            page.goto(f"{console.url}/sites/sunflower/{path}")
            look(request, page, f"setup-{name}-{language}")
        page.get_by_role("button", name="添加这台摄像头" if language == "zh-CN" else "Add the camera").click()
        page.goto(f"{console.url}/sites/sunflower/boxes")
        page.locator("#agent").fill("second-box")
        page.locator("main form button").first.click()
        expect(page.locator(".code-words")).to_be_visible()
        look(request, page, f"setup-code-{language}")


def look(request: pytest.FixtureRequest, page: Page, name: str) -> None:
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for details in page.locator("details").all():
            details.evaluate("(one, open) => { one.open = open }", width == 1280 and "boxes" not in name)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, (name, width)
        keep(request, page, f"{name}-{width}")
