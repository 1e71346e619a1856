"""A guardian sees who had pictures of the child's room, in whatever way, and of no other room."""

from config.base.clock import US_PER_S
from config.base.roles import Role
from config.base.timespan import Span
from server.domain.lease import Permit
from storage.database import accesses
from storage.database.models import LeaseRow
from storage.database.scope import Scope
from tests.support.nursery import SITE

MUM = Scope("mum", Role.GUARDIAN, reach=frozenset({"self", "child"}))


def test_live_recorded_taken_away_and_single_pictures_are_all_there(nursery):
    for person, role, what, camera in (
        ("dad", "guardian", "live", "cam-a"), ("police", "police_auditor", "playback", "cam-a"),
        ("aunt", "guardian", "live", "cam-b"),
    ):  # fmt: skip
        permit = Permit(person, role, SITE, camera, None, nursery.now_us + US_PER_S, f"mark-of-{person}")
        nursery.book.begin(permit, nursery.now_us, what=what)
        nursery.clock.advance(1)
    with nursery.database.unit_of_work() as session:
        for subject, what, camera, account in (
            ("export", "export", "cam-a", "police"), ("finding_still", "still", "cam-a", "boss"),
            ("cell_fetch", "playback", "cam-a", "boss"), ("finding_still", "still", "cam-b", "boss"),
        ):  # fmt: skip
            one = accesses.Access(SITE, camera, account, what, Span(1, 2), subject, "x", "a reason", "192.0.2.1")
            nursery.clock.advance(1)
            accesses.record(session, one, nursery.now_us)
    nursery.change(LeaseRow, LeaseRow.guardian_id == "g1", LeaseRow.site_id == SITE, revoked_us=1, revoked_by="boss")
    found = nursery.book.looks_at_children(MUM, 0)
    assert [(one.who, one.what, one.role) for one in found] == [
        ("boss", "fetched", "facility_manager"), ("boss", "still", "facility_manager"),
        ("police", "export", "police_auditor"), ("mark-of-police", "playback", "police_auditor"),
        ("mark-of-dad", "live", "guardian"),
    ]  # fmt: skip
    assert {(one.reason, one.source) for one in found} == {("", "")}
    assert {one.camera_name for one in found} == {"cam-a"}


def test_what_was_seen_counts_and_the_class_of_that_moment(nursery):
    def look(person: str, what: str, camera: str, start_us: int) -> str:
        permit = Permit(person, "guardian", SITE, camera, None, nursery.now_us + US_PER_S, f"{person} {camera}")
        return nursery.book.begin(permit, nursery.now_us, what=what, start_us=start_us).view_id

    def hour() -> int:
        nursery.clock.advance(3_600)
        return nursery.now_us

    before_us = nursery.now_us
    for camera in ("cam-a", "cam-b"):
        nursery.book.end(look("aunt", "live", camera, before_us), hour(), "left")
    nursery.change_class("c1", "b")
    moved_us, _ = nursery.now_us, hour()
    for camera in ("cam-a", "cam-b"):
        nursery.book.end(look("dad", "live", camera, nursery.now_us), hour(), "left")
        nursery.book.end(look("old", "playback", camera, before_us), hour(), "left")
        nursery.book.end(look("new", "playback", camera, moved_us), hour(), "left")
    played = nursery.book.begin(
        Permit("late", "police_auditor", SITE, "cam-a", None, 0, "late cam-a"), hour(), what="playback"
    )
    with nursery.database.unit_of_work() as session:
        subject = f"{played.code} segment"
        for start_us, camera in ((before_us, "cam-a"), (moved_us + US_PER_S, "cam-a")):
            span = Span(start_us, start_us + US_PER_S)
            accesses.record(
                session, accesses.Access(SITE, camera, "late", "playback", span, "playback", subject), hour()
            )
            accesses.record(session, accesses.Access(SITE, camera, "boss", "export", span, "export", "x"), hour())
    found = nursery.book.looks_at_children(MUM, 0)
    assert sorted(one.who for one in found if one.what != "export") == [
        "aunt cam-a", "dad cam-b", "late cam-a", "new cam-b", "old cam-a",
    ]  # fmt: skip
    assert [one.start_us for one in found if one.what == "export"] == [before_us], "of the old room what was hers alone"
    nursery.change_class("c1", "a")
    assert "dad cam-a" not in {one.who for one in nursery.book.looks_at_children(MUM, 0)}, (
        "nor is it hers by coming back"
    )
