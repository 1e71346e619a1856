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
