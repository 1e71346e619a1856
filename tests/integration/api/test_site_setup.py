"""Floor plans, the set-up page and pictures of cameras over HTTP: who may, what is refused, and that nothing sent is sent on."""

import cv2
import numpy as np
import pytest
from sqlalchemy import select

from server.services.cameras.floor_plans import PLANS_MAX
from server.services.registers.register import Register
from storage.database.models import AccessRecord, CameraPicture, FloorPlan, PlanPoint, Site
from tests.support.api import AUDITOR, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
SITE = "/sites/sunflower"
SECRET = b"Exif-Secret-30.657N-104.066E"


def png(width: int = 400, height: int = 300) -> bytes:
    image = np.full((height, width, 3), 240, np.uint8)
    return bytes(cv2.imencode(".png", image)[1])


def with_comment(data: bytes) -> bytes:
    """A PNG with a text chunk of somebody's whereabouts, and more behind its end."""
    body = b"Comment\0" + SECRET
    chunk = len(body).to_bytes(4, "big") + b"tEXt" + body + b"\0\0\0\0"
    return data[:33] + chunk + data[33:] + SECRET


@pytest.fixture
def lin(api, agent, clock):
    add_accounts(api.parts.database, clock, "sunflower")
    register = Register(api.parts.database, clock)
    register.add_site("other", "别处", "cn/yunnan", "Asia/Shanghai")
    return api.signed_in()


def upload(client, data: bytes, name: str = "一楼", site: str = SITE):
    return client.post(f"{site}/plan", data={"name": name}, files={"file": ("floor.png", data)}, follow_redirects=False)


def plan_of(database) -> FloorPlan:
    with database.reading() as session:
        return session.scalars(select(FloorPlan)).one()


def test_a_plan_is_drawn_anew_and_stands_with_what_is_put_on_it(lin, api, database):
    answer = upload(lin, with_comment(png(4_000, 2_000)))
    assert answer.status_code == 303
    plan = plan_of(database)
    assert (plan.width, plan.height, plan.media_type) == (2_000, 1_000, "image/png")
    assert SECRET not in plan.data
    shown = lin.get(f"{SITE}/plans/{plan.id}")
    assert (shown.content, shown.headers["content-type"]) == (plan.data, "image/png")
    assert shown.headers["x-content-type-options"] == "nosniff"
    again = lin.get(f"{SITE}/plans/{plan.id}", headers={"If-None-Match": shown.headers["etag"]})
    assert again.status_code == 304
    for kind, subject, where in (
        ("zone", "nap", {"area": "83-17"}),
        ("camera", "nap-room", {}),
    ):
        fields = {"plan": plan.id, "kind": kind, "subject": subject, **where}
        assert lin.post(f"{SITE}/plan/place", data=fields).status_code == 303
    with database.reading() as session:
        points = {row.subject_id: (row.x, row.y) for row in session.scalars(select(PlanPoint))}
    assert points["nap"] == (8_300, 1_700)
    assert points["nap-room"] == (8_300, 2_400), "beside its place"
    page = lin.get(f"{SITE}/plan").text
    assert page.count('class="marker') == 2
    moved = {"plan": plan.id, "kind": "camera", "subject": "nap-room", "x": "10", "y": "9999"}
    told = lin.post(f"{SITE}/plan/place", data=moved, headers={"Sec-Fetch-Mode": "cors"})
    assert told.status_code == 204
    assert lin.post(f"{SITE}/plan/place", data=moved | {"x": "10001"}).status_code == 400
    assert lin.post(f"{SITE}/plan/place", data=moved | {"x": "-1"}).status_code == 400
    assert lin.post(f"{SITE}/plan/place", data=moved | {"subject": "nowhere"}).status_code == 404
    assert lin.post(f"{SITE}/plan/lift", data=moved).status_code == 303
    assert lin.get(f"{SITE}/plan").text.count('class="marker') == 1
    assert lin.post(f"{SITE}/plan/remove", data={"plan": plan.id}).status_code == 303
    assert lin.get(f"{SITE}/plans/{plan.id}").status_code == 404


@pytest.mark.parametrize(
    "data",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"\x89PNG\r\n\x1a\n<script>alert(1)</script>",
        b"GIF89a" + b"\0" * 40,
        b"",
    ],
)
def test_what_is_no_picture_is_refused_with_what_to_do(lin, database, data):
    answer = upload(lin, data)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert 'value="一楼"' in answer.text, "what was typed is kept"
    with database.reading() as session:
        assert session.scalars(select(FloorPlan)).all() == []


def test_floors_are_bounded_and_need_a_name(lin, api, database):
    assert upload(lin, png(), name=" ").status_code == 400
    for number in range(PLANS_MAX):
        assert upload(lin, png(8, 6), name=f"{number} 楼").status_code == 303
    assert upload(lin, png(8, 6)).status_code == 429


def test_nobody_else_sees_or_changes_it_and_who_is_unknown_sends_nothing_large(lin, api, database):
    upload(lin, png())
    plan = plan_of(database)
    assert upload(lin, png(), site="/sites/other").status_code == 404
    assert lin.get(f"/sites/other/plans/{plan.id}").status_code == 404
    auditor = api.signed_in(AUDITOR)
    assert auditor.get(f"{SITE}/plans/{plan.id}").status_code == 200
    assert auditor.get(f"{SITE}/plan").status_code == 403
    assert upload(auditor, png()).status_code == 403
    stranger = api.client()
    answer = upload(stranger, b"\x89PNG\r\n\x1a\n" + b"x" * 3_000_000)
    assert answer.headers["location"].startswith("/sign-in")
    assert upload(lin, b"\x89PNG\r\n\x1a\n" + b"x" * 9_000_000).status_code == 413


def test_what_a_camera_is_to_see_is_kept_in_its_file_and_looked_at_on_record(lin, api, database):
    path = f"{SITE}/cameras/nap-room/picture"
    answer = lin.post(path, files={"file": ("view.png", png())}, follow_redirects=False)
    assert answer.headers["location"] == f"{SITE}/cameras/nap-room#view"
    refused = lin.post(path, files={"file": ("view.svg", b"<svg/>")}, follow_redirects=True)
    assert "That is no picture" in refused.text
    with database.reading() as session:
        assert session.scalars(select(AccessRecord)).all() == []
        kept = session.get_one(CameraPicture, "nap-room").data
    assert lin.get(f"/api/v1{path}").content == kept
    with database.reading() as session:
        (look,) = session.scalars(select(AccessRecord))
        assert (look.account_name, look.subject, look.camera_id) == ("lin", "camera_picture", "nap-room")
    assert lin.get(f"/api/v1{SITE}/cameras/gate/picture").status_code == 404
    board = lin.get(f"{SITE}?pictures=1").text
    assert f"/api/v1{path}" in board
    assert f"/api/v1{path}" not in lin.get(SITE).text


def test_the_steps_say_what_is_done_and_a_test_is_begun(lin, api, agent):
    page = lin.get(f"{SITE}/setup").text
    assert 'id="step-test"' in page
    assert "Begin the test" in page
    assert lin.post(f"{SITE}/setup/test", follow_redirects=False).headers["location"] == f"{SITE}/setup#step-test"
    assert "Only what this server has seen since then counts" in lin.get(f"{SITE}/setup").text
    fragment = lin.get(f"{SITE}/setup/board")
    assert fragment.headers["etag"].strip('"')
    with lin.stream("GET", f"{SITE}/setup/events") as events:
        assert events.headers["content-type"].startswith("text/event-stream")
        assert "event: changed" in "".join(line + "\n" for line, _ in zip(events.iter_lines(), range(4), strict=False))


def test_what_the_facility_says_of_itself_goes_into_the_register_or_says_what_is_wrong(lin, api):
    said = {"type": "nursery", "ownership": "nonprofit", "inclusive": "yes", "places": "60", "indoor_m2": "320.5"}
    answer = lin.post(
        f"{SITE}/setup/facts", data=said | {"name": "somebody else", "region": "de"}, follow_redirects=False
    )
    assert answer.headers["location"] == f"{SITE}/setup#step-site"
    with api.parts.database.reading() as session:
        site = session.get_one(Site, "sunflower")
        assert (site.name, site.region, site.type, site.places) == ("向日葵托育园", "cn/sichuan/luzhou", "nursery", 60)
        assert (site.ownership, site.inclusive, site.indoor_m2) == ("nonprofit", True, 320.5)
    assert 'value="320.5"' in lin.get(f"{SITE}/setup/facts").text
    wrong = lin.post(f"{SITE}/setup/facts", data=said | {"places": "many"})
    assert wrong.status_code == 422
    assert 'role="alert"' in wrong.text
    assert 'value="many"' in wrong.text
    assert api.signed_in(AUDITOR).get(f"{SITE}/setup/facts").status_code == 403
