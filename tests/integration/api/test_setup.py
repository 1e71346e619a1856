"""The set-up pages as a browser without JavaScript gets them: boxes and codes, discovered cameras, cameras."""

import html
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import json
from sqlalchemy import select

from config.settings.server import load_server
from config.wire.codes import parse_code
from config.wire.sealing import camera_password, open_sealed, seal_to, sealing_public_pem
from server.services.cameras.send_configuration import ConfigurationOutlet
from server.services.registers.register import Register
from storage.database import models
from storage.database.scope import Scope
from tests.integration.services.test_discovered import JPEG, KEY
from tests.integration.services.test_discovered import found as found_by
from tests.support.api import AUDITOR, add_accounts, serving, settings_for
from tests.support.enrolment import write_authority

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
BOX_KEY = X25519PrivateKey.generate()
SITE = "/sites/sunflower"
FORM = {
    "camera": "sunflower-camera-1",
    "name": "大门",
    "zone": "nap",
    "agent": "sunflower-box",
    "url": "rtsp://192.0.2.10:8554/main",
    "sub_url": "rtsp://192.0.2.10:8554/sub",
    "onvif_url": "http://192.0.2.10/onvif",
    "transport": "tcp",
    "username": "viewer",
    "record": "main",
    "diagnose": "auto",
    "live": "auto",
    "masks": "0,0 0.5,0 0.5,0.5",
    "replay": "yes",
}


@pytest.fixture
def console(database, clock, agent, tmp_path):
    file = settings_for(database, tmp_path)
    write_authority(tmp_path)
    add_accounts(database, clock, "sunflower")
    keys = agent.signer.public_pem + sealing_public_pem(BOX_KEY.public_key()).encode()
    Register(database, clock).add_agent("sunflower", "sunflower-box", keys)
    with serving(load_server(file), clock) as running:
        running.parts.discovered._key = KEY
        yield running


@pytest.fixture
def lin(console):
    return console.signed_in()


def refused(answer, status: int) -> str:
    """What the page says in its alert."""
    assert answer.status_code == status, answer.text
    (words,) = re.findall(r'<p class="error" id="error" role="alert">(.*?)</p>', answer.text)
    return html.unescape(words)


def sealed_password(camera: str = "sunflower-camera-1", host: str = "192.0.2.10") -> dict[str, str]:
    box = seal_to(BOX_KEY.public_key(), b"little-lantern", camera_password("sunflower-box", camera, host))
    return {"sealed": json.encode(box).decode(), "sealed_for": f"sunflower-box/{camera}/{host}"}


def desired(database, clock):
    (state,) = ConfigurationOutlet(database, clock).due()
    return {camera.camera_id: camera for camera in state.cameras}


def found(agent, clock):
    """One that stands in no file of the agent's."""
    return found_by(agent, clock, configured_as="")


PAGES = ("boxes", "found", "cameras", "cameras/new", "cameras/nap-room")
FORMS = (
    "boxes/codes",
    "boxes/codes/withdraw",
    "boxes/revoke",
    "found/dismiss",
    "zones",
    "cameras/new",
    "cameras/nap-room",
    "cameras/nap-room/retire",
)


def test_an_operator_of_the_site_and_nobody_else(console, database, clock, lin):
    Register(database, clock).add_site("little-boat", "小船", "cn/sichuan/luzhou", "Asia/Shanghai")
    auditor, stranger = console.signed_in(AUDITOR), console.client()
    crossing = console.signed_in()
    crossing.headers["Sec-Fetch-Site"] = "cross-site"
    for page in PAGES:
        assert lin.get(f"{SITE}/{page}").status_code == 200, page
        assert auditor.get(f"{SITE}/{page}").status_code == 403
        assert stranger.get(f"{SITE}/{page}").headers["location"].startswith("/sign-in")
        assert lin.get(f"/sites/little-boat/{page}").status_code == 404
    for form in FORMS:
        assert auditor.post(f"{SITE}/{form}", data=FORM).status_code == 403, form
        assert stranger.post(f"{SITE}/{form}", data=FORM).headers["location"].startswith("/sign-in")
        assert lin.post(f"/sites/little-boat/{form}", data=FORM).status_code == 404, form
        assert crossing.post(f"{SITE}/{form}", data=FORM).status_code == 403
    assert f'href="{SITE}/cameras"' in lin.get(SITE).text
    assert f'href="{SITE}/cameras"' not in auditor.get(SITE).text


def test_nothing_on_a_page_needs_what_the_policy_forbids(lin, agent, clock):
    agent.say(found(agent, clock))
    for path in PAGES:
        page = lin.get(f"{SITE}/{path}").text
        assert " style=" not in page, path
        assert not re.search(r"<script(?![^>]* src=)", page), path
        assert not re.search(r"\son\w+=", page), path


def test_a_code_is_told_once_and_can_be_withdrawn(lin, database, clock):
    told = lin.post(f"{SITE}/boxes/codes", data={"agent": "second-box"})
    assert told.status_code == 201
    assert told.headers["cache-control"] == "no-store"
    code = re.search(r'class="code-words"><code>(.*?)</code>', told.text)[1]
    assert parse_code(code).key
    assert "<svg" in told.text
    page = lin.get(f"{SITE}/boxes").text
    assert "second-box" in page
    assert code not in page
    assert "made by lin" in page
    assert lin.post(f"{SITE}/boxes/codes/withdraw", data={"agent": "second-box"}).status_code == 303
    assert "No code is open." in lin.get(f"{SITE}/boxes").text
    with database.reading() as session:
        assert session.query(models.Invitation).one().voided_us == clock.utc_us()
    again = lin.post(f"{SITE}/boxes/codes/withdraw", data={"agent": "second-box"})
    assert "not open any more" in refused(again, 404)


def test_a_code_that_cannot_be_made_says_why_and_keeps_what_was_typed(lin, console, database, clock):
    bad = lin.post(f"{SITE}/boxes/codes", data={"agent": "Second Box"})
    assert "a–z, 0–9 and hyphens" in refused(bad, 400)
    assert 'value="Second Box"' in bad.text
    register = Register(database, clock)
    register.add_site("little-boat", "小船", "cn/sichuan/luzhou", "Asia/Shanghai")
    keys = sealing_public_pem(BOX_KEY.public_key())
    with database.unit_of_work() as session:
        session.add(models.Agent(id="boat-box", site_id="little-boat", public_key=b"x" * 32, created_us=1))
    assert keys
    assert "another site" in refused(lin.post(f"{SITE}/boxes/codes", data={"agent": "boat-box"}), 409)
    lin.headers["Accept-Language"] = "zh"
    assert "另一个园所" in refused(lin.post(f"{SITE}/boxes/codes", data={"agent": "boat-box"}), 409)


def test_withdrawing_a_code_leaves_the_box_in_and_revoking_does_not(lin, database):
    lin.post(f"{SITE}/boxes/codes", data={"agent": "sunflower-box"})
    assert "takes its place" in lin.get(f"{SITE}/boxes").text
    lin.post(f"{SITE}/boxes/codes/withdraw", data={"agent": "sunflower-box"})
    with database.reading() as session:
        assert session.get_one(models.Agent, "sunflower-box").revoked_us is None
    assert "Say why" in refused(lin.post(f"{SITE}/boxes/revoke", data={"agent": "sunflower-box", "reason": " "}), 400)
    assert lin.post(f"{SITE}/boxes/revoke", data={"agent": "a\0b", "reason": "x"}).status_code == 404
    answer = lin.post(f"{SITE}/boxes/revoke", data={"agent": "sunflower-box", "reason": "<b>stolen</b>"})
    assert answer.status_code == 303
    page = lin.get(f"{SITE}/boxes").text
    assert "&lt;b&gt;stolen&lt;/b&gt;" in page
    with database.reading() as session:
        assert session.get_one(models.Agent, "sunflower-box").revoked_us is not None


def test_a_found_camera_is_shown_with_its_picture_and_becomes_a_camera(lin, agent, clock, database):
    said = found(agent, clock)
    agent.say(said)
    page = lin.get(f"{SITE}/found").text
    picture = re.search(r'<img src="(/api[^"]+)"', page)[1]
    assert lin.get(picture).content == JPEG
    link = html.unescape(re.search(r'class="button" href="([^"]+discovery=[^"]+)"', page)[1])
    form = lin.get(link).text
    assert f'value="{said.main.url}"' in form
    host = re.search(r"rtsp://([^:/]+)", said.main.url)[1]
    given = {
        **FORM,
        **sealed_password(host=host),
        "discovery": said.discovery_id,
        "url": said.main.url,
        "sub_url": "",
        "onvif_url": "",
    }
    assert lin.post(f"{SITE}/cameras/new", data=given).status_code == 303
    camera = desired(database, clock)["sunflower-camera-1"]
    assert (camera.url, camera.username, camera.replay, camera.allow_basic) == (said.main.url, "viewer", True, False)
    context = camera_password("sunflower-box", "sunflower-camera-1", host)
    assert open_sealed(BOX_KEY, camera.password, context) == b"little-lantern"
    page = lin.get(f"{SITE}/found").text
    assert "set up as sunflower-camera-1" in page
    assert "/picture" not in page.split('class="tiles"')[1]
    assert "大门" in lin.get(f"{SITE}/cameras").text


def test_a_found_camera_whose_camera_went_out_of_service_can_be_set_up_anew(lin, agent, clock):
    said = found(agent, clock)
    agent.say(said)
    given = {**FORM, "discovery": said.discovery_id, "url": said.main.url, "sub_url": "", "onvif_url": ""}
    assert lin.post(f"{SITE}/cameras/new", data=given).status_code == 303
    assert "set up as sunflower-camera-1" in lin.get(f"{SITE}/found").text
    lin.post(f"{SITE}/cameras/sunflower-camera-1/retire", data={"sure": "yes"})
    page = lin.get(f"{SITE}/found").text
    assert "set up as" not in page
    link = html.unescape(re.search(r'class="button" href="([^"]+discovery=[^"]+)"', page)[1])
    assert 'value="sunflower-camera-2"' in lin.get(link).text
    assert lin.post(f"{SITE}/cameras/new", data={**given, "camera": "sunflower-camera-2"}).status_code == 303
    assert "set up as sunflower-camera-2" in lin.get(f"{SITE}/found").text


def test_of_several_who_set_the_same_found_camera_up_at_once_one_does(lin, agent, clock, database):
    said = found(agent, clock)
    agent.say(said)
    given = {**FORM, "discovery": said.discovery_id, "url": said.main.url, "sub_url": "", "onvif_url": ""}
    forms = [{**given, "camera": f"sunflower-camera-{number}"} for number in range(1, 5)]
    with ThreadPoolExecutor(len(forms)) as pool:
        answers = list(pool.map(lambda form: lin.post(f"{SITE}/cameras/new", data=form), forms))
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409]
    late = next(form for form, answer in zip(forms, answers, strict=True) if answer.status_code == 409)
    assert "set up already" in refused(lin.post(f"{SITE}/cameras/new", data=late), 409)
    lin.headers["Accept-Language"] = "zh"
    assert "已经设置好了" in refused(lin.post(f"{SITE}/cameras/new", data=late), 409)
    first = next(form for form, answer in zip(forms, answers, strict=True) if answer.status_code == 303)
    assert lin.post(f"{SITE}/cameras/new", data=first).status_code == 303  # sent twice by the same browser
    with database.reading() as session:
        assert list(
            session.scalars(select(models.Camera.id).where(models.Camera.id.startswith("sunflower-camera-")))
        ) == [first["camera"]]


def test_one_that_is_not_ours_goes_out_of_sight_and_comes_back(lin, agent, clock):
    said = found(agent, clock)
    agent.say(said)
    which = {"agent": said.agent_id, "discovery": said.discovery_id}
    assert lin.post(f"{SITE}/found/dismiss", data=which).status_code == 303
    page = lin.get(f"{SITE}/found").text
    assert "Nothing to decide on" in page
    assert "1 that is not one of ours" in page
    clock.advance(1)
    agent.say(found(agent, clock))  # found again, it stays out of sight
    assert "Nothing to decide on" in lin.get(f"{SITE}/found").text
    assert said.discovery_id in lin.get(f"{SITE}/found?dismissed=1").text
    lin.post(f"{SITE}/found/dismiss", data={**which, "back": "1"})
    assert said.discovery_id in lin.get(f"{SITE}/found").text
    assert lin.post(f"{SITE}/found/dismiss", data={**which, "agent": "no\0body"}).status_code == 404


def test_a_forbidden_place_is_refused_in_words_and_nothing_is_written(lin, database):
    assert lin.post(f"{SITE}/zones", data={"name": "小卫生间", "kind": "toilet"}).status_code == 303
    page = lin.get(f"{SITE}/cameras/new").text
    assert re.search(r'<option value="toilet-1" disabled>小卫生间', page)
    answer = lin.post(f"{SITE}/cameras/new", data={**FORM, "zone": "toilet-1"})
    assert "No camera may look into this place" in refused(answer, 400)
    assert 'value="大门"' in answer.text
    lin.headers["Accept-Language"] = "zh"
    assert "第八条" in refused(lin.post(f"{SITE}/cameras/new", data={**FORM, "zone": "toilet-1"}), 400)
    with database.reading() as session:
        assert session.get(models.Camera, FORM["camera"]) is None


WRONG = (
    ({"url": "rtsp://viewer:secret@192.0.2.10/main"}, 400, "neither user nor password"),
    ({"url": ""}, 400, "rtsp://"),
    ({"url": "rtsp://["}, 400, "rtsp://"),
    ({"url": "rtsp://192.0.2.10:80554/main"}, 400, "rtsp://"),
    ({"url": "rtsp://192..2.10/main"}, 400, "rtsp://"),
    ({"onvif_url": "http://192.0.2.10:eighty/onvif"}, 400, "http://"),
    ({"sub_url": "rtsp://192.0.2.11/sub"}, 400, "same host"),
    ({"sub_url": "", "record": "sub"}, 400, "no address"),
    ({"onvif_url": "ftp://192.0.2.10"}, 400, "http://"),
    ({"name": ""}, 400, "1 to 120"),
    ({"camera": "Not A Slug"}, 400, "a–z"),
    ({"camera": "nap-room"}, 409, "another id"),
    ({"zone": "nowhere"}, 400, "place"),
    ({"agent": ""}, 400, "site agent"),
    ({"masks": "0,0 1,1"}, 400, "three corners"),
    ({"masks": "0,0 2,1 nan,0"}, 400, "three corners"),
    ({"sealed": "not json"}, 400, "whole line"),
    ({**sealed_password(), "username": ""}, 400, "user"),
    ({**sealed_password(host="192.0.2.99")}, 409, "enter it again"),
    ({"username": "x" * 65}, 400, "64"),
)


def test_what_cannot_be_is_said_in_words_and_leaves_nothing_behind(lin, database):
    for change, status, words in WRONG:
        answer = lin.post(f"{SITE}/cameras/new", data={**FORM, **change})
        assert words in refused(answer, status), change
    with database.reading() as session:
        assert session.get(models.Camera, FORM["camera"]) is None
        assert session.query(models.CameraSource).count() == 0


def test_what_was_pasted_and_is_no_sealed_password_is_not_shown_again(lin):
    """It may be the password itself."""
    answer = lin.post(f"{SITE}/cameras/new", data={**FORM, "sealed": "little-lantern"})
    assert "whole line" in refused(answer, 400)
    assert "little-lantern" not in answer.text
    kept = lin.post(f"{SITE}/cameras/new", data={**FORM, **sealed_password(), "zone": "nowhere"})
    assert json.decode(sealed_password()["sealed"])["key_id"] in kept.text


def test_settings_are_changed_and_a_password_is_kept_for_its_host_alone(lin, database, clock):
    lin.post(f"{SITE}/cameras/new", data={**FORM, **sealed_password()})
    path = f"{SITE}/cameras/sunflower-camera-1"
    page = lin.get(path).text
    assert "One is kept" in page
    assert "0,0 0.5,0 0.5,0.5" in page
    assert json.decode(sealed_password()["sealed"])["box"] not in page
    before = desired(database, clock)["sunflower-camera-1"]
    changed = {**FORM, "transport": "udp", "allow_basic": "yes", "turned": "yes"}
    assert lin.post(path, data=changed).status_code == 303
    after = desired(database, clock)["sunflower-camera-1"]
    assert (after.transport, after.allow_basic, after.view) == ("udp", True, 2)
    assert after.password == before.password
    moved = {**FORM, "url": "rtsp://192.0.2.20/main", "sub_url": "", "onvif_url": ""}
    assert "enter it again" in refused(lin.post(path, data=moved), 409)
    assert lin.post(path, data={**moved, "username": ""}).status_code == 303
    assert desired(database, clock)["sunflower-camera-1"].password is None
    assert lin.post(f"{SITE}/cameras/none", data=FORM).status_code == 404


def test_who_sets_up_one_camera_is_told_of_those_that_are_then_recorded_no_more(lin):
    page = lin.get(f"{SITE}/cameras/new").text
    assert "how these cameras are reached: 午睡室 1." in page
    lin.post(f"{SITE}/cameras/new", data=FORM)
    assert "Not recorded: nobody has said" in lin.get(f"{SITE}/cameras").text
    assert "how these cameras" not in lin.get(f"{SITE}/cameras/new").text


def test_a_camera_goes_out_of_service_only_where_that_is_meant(lin, database):
    path = f"{SITE}/cameras/nap-room"
    assert "Tick the box" in refused(lin.post(f"{path}/retire", data={}), 400)
    assert lin.post(f"{path}/retire", data={"sure": "yes"}).status_code == 303
    assert "out of service since" in lin.get(f"{SITE}/cameras").text
    assert lin.get(path).status_code == 404
    with database.reading() as session:
        assert session.get_one(models.Camera, "nap-room").retired_us is not None
    again = {**FORM, "camera": "nap-room", "name": "午睡室 1"}
    assert "out of service" in refused(lin.post(f"{SITE}/cameras/new", data=again), 404)


def test_the_first_steps_of_an_empty_site(console, database, clock):
    register = Register(database, clock)
    register.add_site("little-boat", "小船", "cn/sichuan/luzhou", "Asia/Shanghai")
    register.add_account("wen", "operator", "little-lamp-at-night", ["little-boat"])
    wen = console.signed_in("wen")
    assert "Let a site agent in, then set up" in wen.get("/sites/little-boat").text
    assert "First let a site agent in" in wen.get("/sites/little-boat/cameras").text
    assert "No site agent yet" in wen.get("/sites/little-boat/boxes").text
    assert "nightlight-agent discover" in wen.get("/sites/little-boat/found").text
    assert "1 to 120" in refused(wen.post("/sites/little-boat/zones", data={"name": "", "kind": "dining"}), 400)
    assert wen.post("/sites/little-boat/zones", data={"name": "餐厅", "kind": "no-such"}).status_code == 400
    for _ in range(2):
        assert wen.post("/sites/little-boat/zones", data={"name": "餐厅", "kind": "dining"}).status_code == 303
    found_places = console.parts.camera_setup.of_site(Scope("wen", "facility_manager"), "little-boat").zones
    assert [zone.zone_id for zone in found_places] == ["dining-1", "dining-2"]


def test_a_body_that_is_no_form_is_refused_as_an_empty_one(lin):
    answer = lin.post(f"{SITE}/cameras/new", content=b"\xff\xfe")
    assert refused(answer, 400)
