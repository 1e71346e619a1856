"""The lease desk over a real database: whose room, whose word, and everything that ends a look at once (I6)."""

from datetime import datetime

import pytest
from sqlalchemy import delete, event

from config.base.clock import US_PER_DAY, US_PER_MINUTE, US_PER_S, from_datetime
from config.base.errors import NotFound
from config.base.roles import Role
from server.domain.lease import Permit, Reason, Refusal
from server.services.people.leases import LeaseDesk
from server.services.people.steady_time import SteadyTime
from storage.database.models import (
    Account,
    Blanking,
    Camera,
    CameraZone,
    Child,
    ConsentRow,
    GuardianAccount,
    GuardianChild,
    LeaseRow,
    LoginSession,
    PickUp,
    Site,
    SiteLive,
    Staff,
    Zone,
)
from storage.database.scope import Scope
from storage.database.unit_of_work import Database
from tests.support.nursery import LIBRARY, MONDAY_US, OTHER, SITE, ZONE, Nursery

SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
"""For what a database has no part in."""


def seen_by(nursery: Nursery, name: str, camera: str = "cam-a") -> Permit | Refusal:
    return nursery.desk.decide(nursery.session(name), camera, nursery.now_us, reason="a child was hurt")


def reason(nursery: Nursery, name: str = "mum", camera: str = "cam-a") -> str:
    found = seen_by(nursery, name, camera)
    return "permit" if isinstance(found, Permit) else found.reason.value


def test_each_person_sees_their_own_and_of_the_rest_not_even_that_it_is_there(nursery):
    seen = {
        (name, camera): reason(nursery, name, camera)
        for name in (
            "mum",
            "dad",
            "aunt",
            "sailor",
            "boss",
            "captain",
            "carer",
            "fitter",
            "root",
            "health",
            "police",
            "stranger",
        )
        for camera in ("cam-a", "cam-b", "cam-gate", "boat-cam-a", "nowhere")
    }
    allowed = {key for key, value in seen.items() if value == "permit"}
    assert allowed == (
        {("mum", "cam-a"), ("dad", "cam-a"), ("aunt", "cam-b"), ("sailor", "boat-cam-a"), ("captain", "boat-cam-a")}
        | {(name, camera) for name in ("boss", "police", "health") for camera in ("cam-a", "cam-b", "cam-gate")}
    )
    assert {seen[key] for key in seen.keys() - allowed} == {"not_found"}


@SQLITE
def test_somebody_elses_camera_takes_as_many_questions_as_one_that_is_not_there(nursery):
    asked: list[str] = []
    event.listen(nursery.database.engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    for name in ("mum", "boss", "police", "fitter"):
        assert seen_by(nursery, name, "boat-cam-a") == Refusal(Reason.NOT_FOUND)  # whatever is read once is read by now
        counts = set()
        for camera in ("boat-cam-a", "no-such-camera"):
            asked.clear()
            assert seen_by(nursery, name, camera) == Refusal(Reason.NOT_FOUND)
            counts.add(len(asked))
        assert len(counts) == 1, (name, counts)


def test_a_permit_names_the_lease_and_ends_with_the_hours(nursery):
    answer = seen_by(nursery, "mum")
    assert answer.lease_id
    assert (answer.mark, answer.site_id, answer.role) == ("g1", SITE, Role.GUARDIAN)
    assert answer.until_us == from_datetime(datetime(2026, 11, 23, 17, 30, tzinfo=ZONE))
    nursery.clock.advance(7.5 * 3600)
    assert reason(nursery) == "outside_hours"


MINE = (LeaseRow.guardian_id == "g1",)
CHANGED = {
    "session_over": lambda now: (LoginSession, (), {"expires_us": now}),
    "account_locked": lambda now: (Account, (Account.name == "mum",), {"locked_us": now}),
    "revoked": lambda now: (LeaseRow, MINE, {"revoked_us": now, "revoked_by": "boss"}),
    "expired": lambda now: (LeaseRow, MINE, {"until_us": now}),
    "not_yet": lambda now: (LeaseRow, MINE, {"start_us": now + 1}),
    "consent_missing": lambda now: (ConsentRow, (ConsentRow.guardian_id == "g2",), {"withdrawn_us": now}),
    "not_approved": lambda _: (GuardianAccount, (GuardianAccount.account_name == "mum",), {"approved_us": None}),
    "off": lambda _: (SiteLive, (SiteLive.site_id == SITE,), {"mode": "off"}),
    "forbidden_mode": lambda _: (SiteLive, (SiteLive.site_id == SITE,), {"mode": "forbidden"}),
    "forbidden_zone": lambda _: (Zone, (Zone.site_id == SITE, Zone.id == "room-a"), {"kind": "changing"}),
}
ADDED = {
    "picked_up": lambda now: PickUp(site_id=SITE, child_id="c1", day="2026-11-23", at_us=now, by="carer"),
    "blanked": lambda now: Blanking(site_id=SITE, zone_id="room-a", why="nap", since_us=now, by="carer"),
}
"""Every way in which a look ends at once, by its reason."""


@pytest.mark.parametrize("end", [*CHANGED, *ADDED])
@SQLITE
def test_what_ends_a_lease_ends_the_running_look_at_the_next_question(nursery, end):
    asks = [(nursery.session("mum"), "cam-a"), (nursery.session("aunt"), "cam-b")]
    assert all(isinstance(one, Permit) for one in nursery.desk.standing(asks, nursery.now_us))
    if end in ADDED:
        nursery.add(ADDED[end](nursery.now_us))
    else:
        model, where, values = CHANGED[end](nursery.now_us)
        nursery.change(model, *where, **values)
    mum, aunt = nursery.desk.standing(asks, nursery.now_us)
    assert mum == Refusal(Reason(end), mum.next_us)
    assert isinstance(aunt, Permit) is (end not in {"session_over", "off", "forbidden_mode"})


@SQLITE
def test_a_child_that_changes_class_takes_the_look_along(nursery):
    nursery.change(Child, Child.site_id == SITE, Child.id == "c1", class_id="b")
    assert (reason(nursery, "mum", "cam-a"), reason(nursery, "mum", "cam-b")) == ("not_found", "permit")


@SQLITE
def test_a_camera_that_sees_another_class_or_a_forbidden_place_too_is_nobodys(nursery):
    nursery.add(CameraZone(camera_id="cam-a", zone_id="room-b", site_id=SITE))
    assert reason(nursery) == "not_found"
    nursery.change(CameraZone, CameraZone.camera_id == "cam-a", zone_id="wc")
    assert (reason(nursery), reason(nursery, "boss")) == ("not_found", "forbidden_zone")


@SQLITE
def test_a_blanked_zone_is_dark_for_everybody_also_where_it_is_seen_besides(nursery):
    nursery.add(Blanking(site_id=SITE, zone_id="room-a", why="changing", since_us=nursery.now_us, by="carer"))
    nursery.add(CameraZone(camera_id="cam-gate", zone_id="room-a", site_id=SITE))
    for name in ("mum", "boss", "police"):
        assert reason(nursery, name) == "blanked"
    assert reason(nursery, "police", "cam-gate") == "blanked"
    nursery.change(Blanking, Blanking.site_id == SITE, lifted_us=nursery.now_us, lifted_by="carer")
    assert reason(nursery) == "permit"


@SQLITE
def test_one_guardian_one_child_without_a_guardian_or_one_of_the_staff_holds_up_the_class(nursery):
    for row in (Child(site_id=SITE, id="c9", class_id="a"), Staff(site_id=SITE, id="s2", name="李老师", role="carer")):
        nursery.add(row)
        assert reason(nursery) == "consent_missing"
        with nursery.database.unit_of_work() as session:
            session.delete(session.merge(row))
        assert reason(nursery) == "permit"
    nursery.add(Staff(site_id=SITE, id="s3", name="赵老师", role="carer", left_on="2026-11-22"))
    assert reason(nursery) == "permit"
    for left_on, told in (("2026-11-22", "consent_missing"), (None, "permit")):
        nursery.change(Staff, Staff.id == "s1", left_on=left_on)
        assert reason(nursery) == told, "who works there has to be known"
    nursery.change(ConsentRow, ConsentRow.guardian_id == "g2", version=0)
    assert reason(nursery) == "consent_missing"


@SQLITE
def test_where_it_is_required_only_the_own_consent_is_needed(nursery):
    nursery.change(Site, Site.id == SITE, policy_pack="luzhou-longmatan")
    nursery.change(ConsentRow, ConsentRow.guardian_id == "g2", withdrawn_us=1)
    nursery.change(ConsentRow, ConsentRow.staff_id == "s1", withdrawn_us=1)
    assert (reason(nursery, "mum"), reason(nursery, "dad")) == ("permit", "consent_missing")
    nursery.change(Site, Site.id == SITE, policy_pack="no-such-pack")
    assert reason(nursery, "mum") == "off"


@SQLITE
def test_what_the_register_no_longer_has_is_seen_no_more(nursery):
    with nursery.database.unit_of_work() as session:
        session.execute(delete(GuardianChild).where(GuardianChild.guardian_id == "g1", GuardianChild.site_id == SITE))
    assert reason(nursery) == "not_found"
    nursery.change(Camera, Camera.id == "cam-b", retired_us=1)
    assert reason(nursery, "aunt", "cam-b") == "not_found"


@SQLITE
def test_a_clock_that_is_set_back_brings_nothing_back_not_even_after_a_restart(nursery):
    nursery.change(LeaseRow, *MINE, until_us=nursery.now_us + US_PER_MINUTE)
    nursery.session("dad")
    assert reason(nursery) == "permit"
    nursery.clock.advance(61)
    assert reason(nursery) == "expired"
    nursery.clock.jump(-3600)
    assert reason(nursery) == "expired"
    nursery.desk = LeaseDesk(nursery.database, SteadyTime(nursery.database, nursery.clock), LIBRARY)
    assert reason(nursery) == "expired"
    nursery.clock.jump(-40 * 86_400)
    assert reason(nursery, "dad") == "permit", "time goes on with the monotonic clock"
    assert nursery.desk._time.now_us() >= MONDAY_US + 60 * US_PER_S


@SQLITE
def test_an_authority_says_why(nursery):
    digest = nursery.session("police")
    assert nursery.desk.decide(digest, "cam-a", nursery.now_us, reason=" x ") == Refusal(Reason.REASON_MISSING)
    assert isinstance(nursery.desk.standing([(digest, "cam-a")], nursery.now_us)[0], Permit)


@SQLITE
def test_without_the_database_nobody_sees_anything(nursery):
    digest = nursery.session("mum")
    assert reason(nursery) == "permit"
    nursery.database.close()
    nursery.database.engine = Database("sqlite:////nonexistent/folder/none.db").engine
    assert nursery.desk.standing([(digest, "cam-a")] * 2, nursery.now_us) == [Refusal(Reason.UNAVAILABLE)] * 2
    assert nursery.desk.standing([(digest, "cam-a")] * 20_001, 0)[0] == Refusal(Reason.UNAVAILABLE)


@SQLITE
def test_a_guardian_is_told_what_there_is_and_when(nursery):
    person = Scope("mum", Role.GUARDIAN)
    (look,) = nursery.desk.cameras_for(person, nursery.now_us)
    assert (look.camera_id, look.child_ids, look.site_id) == ("cam-a", ("c1",), SITE)
    assert isinstance(look.answer, Permit)
    nursery.clock.advance(8 * 3600)
    (look,) = nursery.desk.cameras_for(person, nursery.now_us)
    assert look.answer == Refusal(Reason.OUTSIDE_HOURS, MONDAY_US + 22 * 3600 * US_PER_S)
    assert nursery.desk.cameras_for(Scope("nobody", Role.GUARDIAN), nursery.now_us) == []
    police = Scope("police", Role.POLICE_AUDITOR, "cn/sichuan")
    assert {one.camera_id for one in nursery.desk.cameras_for(police, nursery.now_us, SITE)} == {
        "cam-a",
        "cam-b",
        "cam-gate",
    }
    assert nursery.desk.cameras_for(police, nursery.now_us) == []
    with pytest.raises(NotFound):
        nursery.desk.cameras_for(police, nursery.now_us, OTHER)


def test_a_look_is_on_record_from_before_its_first_byte(nursery):
    permit = seen_by(nursery, "mum")
    view = nursery.book.begin(permit, nursery.now_us, source="192.0.2.7")
    boss = Scope("boss", Role.FACILITY_MANAGER)
    (open_look,) = nursery.book.looks(boss, SITE)
    assert (open_look.who, open_look.code, open_look.closed_us) == ("mum", view.code, None)
    nursery.clock.advance(60)
    nursery.book.end(view.view_id, nursery.now_us, "revoked")
    nursery.book.end(view.view_id, nursery.now_us + US_PER_DAY, "again")
    (look,) = nursery.book.looks(boss, SITE)
    assert (look.end_us - look.start_us, look.why_closed) == (60 * US_PER_S, "revoked")
    (told,) = nursery.book.looks_at_children(Scope("dad", Role.GUARDIAN), 0)
    assert (told.who, told.role, told.source) == ("g1", Role.GUARDIAN, "")
    assert nursery.book.looks_at_children(Scope("aunt", Role.GUARDIAN), 0) == []
    with pytest.raises(NotFound):
        nursery.book.looks(Scope("captain", Role.FACILITY_MANAGER), SITE)


@SQLITE
def test_what_a_process_left_open_is_closed_by_the_next(nursery):
    permit = seen_by(nursery, "mum")
    left, running = (nursery.book.begin(permit, nursery.now_us) for _ in range(2))
    assert nursery.book.abandon(nursery.now_us, but=[running.view_id]) == 1
    closed = {look.code: look.why_closed for look in nursery.book.looks(Scope("boss", Role.FACILITY_MANAGER), SITE)}
    assert closed == {left.code: "process_ended", running.code: ""}
