"""Support's access: two persons, the facility's leave, an end; every refusal, and what stands on record."""

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_S
from config.settings.server import load_server
from server.domain.authorisation import Action, reach
from server.services.people.give_support import SupportDesk
from storage.database import accesses
from storage.database.models import AccessRecord, Account, AlarmEventRow, AlarmRow, NoticeEvent, SupportAccess
from tests.support.api import serving, settings_for
from tests.support.nursery import HASHED, OTHER, PEOPLE, SITE

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
WISH = {"site": SITE, "reason": "the box stays silent", "hours": "2"}


@pytest.fixture
def house(nursery, tmp_path):
    """A second platform administrator besides ``root``."""
    nursery.add(Account(name="admin", role="platform_admin", region="", password_hash=HASHED, created_us=1))
    with serving(load_server(settings_for(nursery.database, tmp_path)), nursery.clock) as api:
        api.nursery = nursery
        yield api


def client_of(house, name):
    house.nursery.session(name)
    return house.client(follow_redirects=False, cookies={"nightlight": house.nursery.tokens[name]})


def row_of(house) -> SupportAccess:
    with house.nursery.database.reading() as session:
        return session.scalars(select(SupportAccess).order_by(SupportAccess.asked_us.desc())).first()


def records(house) -> list[str]:
    with house.nursery.database.reading() as session:
        return [
            f"{row.account_name}: {row.reason}"
            for row in session.scalars(select(AccessRecord).where(AccessRecord.subject == "support"))
        ]


def approved(house) -> str:
    """Through all three steps, by pages; its number."""
    root, admin, boss = (client_of(house, name) for name in ("root", "admin", "boss"))
    assert root.post("/support", data=WISH).status_code == 303
    number = row_of(house).id
    assert admin.post(f"/support/{number}/confirm").status_code == 303
    assert boss.post(f"/sites/{SITE}/support/{number}/approve").status_code == 303
    return number


def test_nothing_is_reached_before_the_last_of_three_steps_and_nothing_after_the_end(house):
    root, admin, boss = (client_of(house, name) for name in ("root", "admin", "boss"))
    assert root.get("/").headers["location"] == "/support"
    assert root.post("/support", data=WISH).status_code == 303
    number = row_of(house).id
    assert root.get(f"/sites/{SITE}").status_code == 404
    assert "the box stays silent" in boss.get(f"/sites/{SITE}/support").text
    assert boss.post(f"/sites/{SITE}/support/{number}/approve").status_code == 409, "nobody has confirmed it"
    assert root.post(f"/support/{number}/confirm").status_code == 403, "not by who asked"
    assert admin.post(f"/support/{number}/confirm").status_code == 303
    assert root.get(f"/sites/{SITE}").status_code == 404
    assert boss.post(f"/sites/{SITE}/support/{number}/approve").status_code == 303
    assert boss.post(f"/sites/{SITE}/support/{number}/approve").status_code == 409, "once"
    for path in (f"/sites/{SITE}", f"/sites/{SITE}/board", f"/api/v1/sites/{SITE}/days/today", f"/sites/{SITE}/audit"):
        assert root.get(path).status_code == 200, path
    assert admin.get(f"/sites/{SITE}").status_code == 404, "only who asked"
    assert root.get(f"/sites/{OTHER}").status_code == 404, "only where it was asked for"
    house.nursery.clock.advance(2 * 3_600 - 1)
    assert root.get(f"/sites/{SITE}").status_code == 200
    house.nursery.clock.advance(2)
    assert root.get(f"/sites/{SITE}").headers["location"].startswith("/sign-in"), "the session is over with it"
    house.nursery.clock.advance(-3_600)
    assert root.get(f"/sites/{SITE}").headers["location"].startswith("/sign-in"), (
        "a clock that goes back revives nothing"
    )
    house.nursery.clock.advance(3_600)
    house.nursery.sessions.pop("root")
    again = client_of(house, "root")
    assert (again.get("/support").status_code, again.get(f"/sites/{SITE}").status_code) == (200, 404)


def test_no_picture_no_person_and_nothing_to_change(house):
    approved(house)
    root = client_of(house, "root")
    refused = (
        "live", "playback", "playback/cam-a", "people", "today", "looks", "custody", "registers", "cameras", "boxes",
        "complaints", "support", "fetches/" + "0" * 32 + ".mp4",
    )  # fmt: skip
    for path in refused:
        assert root.get(f"/sites/{SITE}/{path}").status_code == 403, path
    for path in (
        f"/sites/{SITE}/people/mode",
        f"/sites/{SITE}/boxes/codes",
        f"/sites/{SITE}/today/rooms",
        "/live/cam-a/tickets",
    ):
        assert root.post(path, data={}).status_code == 403, path
    assert (
        house.client(auth=("root", "little-lamp-at-night")).get(f"/api/v1/sites/{SITE}/days/today").status_code == 404
    )


def test_alarms_stand_on_the_board_of_whom_the_table_lets_read_them_and_on_no_other(house):
    approved(house)
    now_us, agent = house.nursery.now_us, f"{SITE}-box"
    where = {"site_id": SITE, "agent_id": agent, "panel_id": "p", "partition": "1", "point": "3", "kind": "panic"}
    house.nursery.add(
        AlarmEventRow(
            message_id="a" * 32, timeline_id="a" * 32, source="dc09", code="PA", state="raised", at_us=now_us,
            encrypted=False, detail="nap room", received_us=now_us, envelope=b"", **where,
        )
    )  # fmt: skip
    house.nursery.add(
        AlarmRow(
            about="PA", first_event="a" * 32, detail="nap room", status="raised", raised_us=now_us, last_us=now_us,
            count=1, acknowledged_by="", cleared_by="", **where,
        )
    )  # fmt: skip
    for name in ("boss", "carer", "police", "health", "root", "fitter"):
        page, role = client_of(house, name).get(f"/sites/{SITE}/board").text, PEOPLE[name][0]
        assert ("nap room" in page, 'id="alarms"' in page) == (bool(reach(role, Action.ALARM_READ)),) * 2, name


def test_the_facility_ends_it_at_once_and_an_open_stream_ends_with_it(house):
    number = approved(house)
    root, boss, captain = (client_of(house, name) for name in ("root", "boss", "captain"))
    assert captain.post(f"/sites/{OTHER}/support/{number}/end").status_code == 404, "not another facility's"
    assert captain.post(f"/sites/{SITE}/support/{number}/end").status_code == 404
    assert client_of(house, "carer").post(f"/sites/{SITE}/support/{number}/end").status_code == 403
    with root.stream("GET", f"/sites/{SITE}/events") as events:
        lines = events.iter_lines()
        assert any("changed" in line for line in lines)
        assert boss.post(f"/sites/{SITE}/support/{number}/end").status_code == 303
        assert root.get(f"/sites/{SITE}").status_code == 303
        assert any("over" in line for line in lines)
    assert boss.post(f"/sites/{SITE}/support/{number}/end").status_code == 409


def test_each_step_and_each_page_is_on_record_and_the_facility_is_told(house):
    number = approved(house)
    root = client_of(house, "root")
    for _ in range(3):
        assert root.get(f"/sites/{SITE}/board").status_code == 200
    assert client_of(house, "admin").post(f"/support/{number}/end").status_code == 303
    assert records(house) == [
        "root: support asked for 2 h: the box stays silent",
        "admin: support of root confirmed",
        "boss: support of root approved",
        "root: read: GET /sites/{site}/board",
        "admin: support of root ended",
    ]
    with house.nursery.database.reading() as session:
        told = [row.about for row in session.scalars(select(NoticeEvent).where(NoticeEvent.kind == "support"))]
        assert told == ["asked", "confirmed", "approved", "ended"]
        in_ledger = [entry for entry in accesses.newest_of(session, SITE, 10) if entry.what == "support"]
    assert len(in_ledger) == 5
    assert "admin" in client_of(house, "boss").get(f"/sites/{SITE}/support").text


def test_what_nobody_approves_lapses_and_what_ends_by_itself_is_told(house):
    desk: SupportDesk = house.parts.people.support
    number = approved(house)
    house.nursery.clock.advance(2 * 3_600 + 1)
    house.nursery.sessions.clear()
    root, boss = client_of(house, "root"), client_of(house, "boss")
    assert root.post("/support", data=WISH).status_code == 303
    late = row_of(house).id
    house.nursery.clock.advance(24 * 3_600)
    house.nursery.sessions.clear()
    assert client_of(house, "admin").post(f"/support/{late}/confirm").status_code == 409
    assert desk.close_ended() == 2
    assert desk.close_ended() == 0
    with house.nursery.database.reading() as session:
        row = session.get(SupportAccess, number)
        assert row.ended_us == row.until_us == row.approved_us + 2 * 3_600 * US_PER_S
        keys = set(session.scalars(select(NoticeEvent.key).where(NoticeEvent.about == "ended")))
        assert keys == {f"support:{number}:ended", f"support:{late}:ended"}
    boss = client_of(house, "boss")
    assert "nobody approved it" not in boss.get(f"/sites/{SITE}/support").text


def test_a_request_without_reason_or_end_is_refused_and_so_is_a_second_one(house):
    root = client_of(house, "root")
    for wrong, status in (
        ({"reason": "x"}, 400),
        ({"hours": "0"}, 400),
        ({"hours": "9"}, 400),
        ({"hours": "two"}, 400),
        ({"site": "nowhere"}, 404),
        ({"site": "a\0b"}, 404),
    ):
        assert root.post("/support", data=WISH | wrong).status_code == status, wrong
    assert root.post("/support", data=WISH).status_code == 303
    assert root.post("/support", data=WISH).status_code == 409
    for name in ("boss", "police", "mum", "fitter"):
        assert client_of(house, name).get("/support").status_code == 403
    number = row_of(house).id
    assert client_of(house, "boss").post(f"/sites/{SITE}/support/{number}/end").status_code == 303, "refused"
    assert client_of(house, "admin").post(f"/support/{number}/confirm").status_code == 409
    for path in ("/support/none/confirm", f"/support/{'0' * 32}/end"):
        assert root.post(path).status_code == 404
