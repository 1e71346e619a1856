"""A guardian hears of the own child's room, lease and answers, once, and of nothing else; what changed stands in the ledger."""

import msgspec
import pytest

from config.base.errors import InvalidInput, NotFound
from config.base.roles import Role
from config.evidence.entries import ConsentChanged, LeaseChanged, decode
from config.settings.server import load_server
from server.services.notices.channels import Mail
from server.services.notices.plan_messages import MessagePlanner
from server.services.notices.subscribe import NoticeDesk, Wish
from server.services.notices.tell import GUARDIAN_KINDS, SITE_KINDS, News, tell
from server.services.notices.watch_rooms import RoomWatch
from server.services.people.grant_leases import LeaseOffice
from server.services.people.keep_consents import ConsentDesk, Whose
from server.services.people.mark_day import DayMarks
from server.services.people.steady_time import SteadyTime
from server.web.notice_words import wording
from storage.database.models import LedgerEntry, NoticeEvent, NoticeMessage
from storage.database.scope import Scope
from tests.support.api import settings_for
from tests.support.nursery import OTHER, SITE

MUM = Scope("mum", Role.GUARDIAN, reach=frozenset({"self", "child"}))
BOSS = Scope("boss", Role.FACILITY_MANAGER, reach=frozenset({"site"}))


@pytest.fixture
def hearing(nursery, tmp_path):
    """mum and the manager have subscribed to all that they may hear."""
    settings = load_server(settings_for(nursery.database, tmp_path)).notices
    settings = msgspec.structs.replace(
        settings, coalesce_s=0, digest_s=0, smtp_host="localhost", sender="a@example.org"
    )
    nursery.notices = NoticeDesk(nursery.database, nursery.clock, {"email": Mail(settings)})
    nursery.notices.subscribe(MUM, Wish(SITE, list(GUARDIAN_KINDS), "email", "mum@example.org"))
    nursery.notices.subscribe(BOSS, Wish(SITE, list(SITE_KINDS), "email", "boss@example.org"))
    nursery.planner = MessagePlanner(nursery.database, nursery.clock, settings, wording(), "https://lamp.example")
    return nursery


def messages(nursery) -> list[tuple[str, str, str]]:
    nursery.planner.plan()
    with nursery.database.reading() as session:
        rows = session.query(NoticeMessage).order_by(NoticeMessage.made_us, NoticeMessage.id)
        return [(row.account_name, row.body, row.link) for row in rows]


def entries(nursery) -> list:
    with nursery.database.reading() as session:
        rows = session.query(LedgerEntry).filter(LedgerEntry.kind.in_(("lease", "consent"))).order_by(LedgerEntry.id)
        return [decode(row.body) for row in rows]


def test_a_room_that_goes_live_is_told_once_for_each_window(hearing):
    watch = RoomWatch(hearing.database, hearing.clock, hearing.desk)
    for _ in range(3):
        watch.look()
    assert messages(hearing) == [("mum", "孩子的活动室现在可以观看了。", "https://lamp.example/live")]
    hearing.clock.advance(3 * 3_600)  # the same window still
    watch.look()
    assert len(messages(hearing)) == 1
    hearing.clock.advance(21 * 3_600)  # the next morning
    RoomWatch(hearing.database, hearing.clock, hearing.desk).look()
    assert len(messages(hearing)) == 2


def test_darkness_and_its_end_are_told_once_however_often_somebody_taps(hearing):
    watch = RoomWatch(hearing.database, hearing.clock, hearing.desk)
    marks = DayMarks(hearing.database, hearing.clock, SteadyTime(hearing.database, hearing.clock))
    carer = Scope("carer", Role.FACILITY_STAFF, reach=frozenset({"site"}))

    def heard(seconds: int) -> list[str]:
        hearing.clock.advance(seconds)
        watch.look()
        messages(hearing)
        with hearing.database.reading() as session:
            return [row.body for row in session.query(NoticeMessage).order_by(NoticeMessage.made_us)]

    now, dark, again = (
        "孩子的活动室现在可以观看了。",
        "孩子的活动室暂时不可观看：园所已对所有人关闭实时画面。",
        "孩子的活动室又可以观看了。",
    )
    assert heard(0) == [now]
    for _ in range(5):  # somebody cannot decide
        marks.blank(carer, SITE, "room-a", "nap")
        assert heard(10) == [now]
        marks.lift(carer, SITE, "room-a")
        assert heard(10) == [now]
    assert heard(120) == [now], "what was over within a minute is told to nobody"
    marks.blank(carer, SITE, "room-b", "nap")
    assert heard(120) == [now], "another class's room"
    marks.blank(carer, SITE, "room-a", "nap")
    assert heard(59) == [now]
    assert heard(2) == heard(600) == [now, dark]
    marks.lift(carer, SITE, "room-a")
    assert heard(10) == [now, dark]
    assert heard(60) == heard(600) == [now, dark, again]
    marks.blank(carer, SITE, "room-a", "nap")
    assert heard(8 * 3_600) == [now, dark, again], "at six in the evening nobody could look anyway"


def test_what_is_nobodys_business_is_told_to_nobody(hearing):
    with hearing.database.unit_of_work() as session:
        tell(session, News("gap:1", SITE, "gap", "unreachable", f"/sites/{SITE}", hearing.now_us))
        tell(session, News("lease:2", SITE, "lease", "lease_ended", "/live", hearing.now_us, for_account="dad"))
        tell(session, News("live:3", SITE, "live", "live_now", "/live", hearing.now_us, for_account="boss"))
    assert [name for name, _, _ in messages(hearing)] == ["boss"]  # the gap
    for person, kinds in ((MUM, ["gap"]), (BOSS, ["lease"])):
        with pytest.raises(InvalidInput):
            hearing.notices.subscribe(person, Wish(SITE, kinds, "email", "x@example.org"))
    with pytest.raises(NotFound):
        hearing.notices.subscribe(MUM, Wish(OTHER, ["live"], "email", "x@example.org"))
    assert [site for site, _ in hearing.notices.mine(MUM).sites] == [SITE]


def test_leases_and_consents_stand_in_the_ledger_and_the_guardian_hears_of_what_others_changed(hearing):
    office, desk = LeaseOffice(hearing.database, hearing.clock), ConsentDesk(hearing.database, hearing.clock)
    office.change_hours(BOSS, SITE, "g1", "mon-fri 10:00-11:00")
    hearing.clock.advance(60)
    office.revoke(BOSS, SITE, "g1")
    with pytest.raises(NotFound):
        office.revoke(BOSS, SITE, "g1")
    whose = Whose(SITE, guardian_id="g1", child_id="c1")
    desk.say(MUM, whose, agrees=False)
    desk.record(BOSS, whose, "folder 3", agrees=True)
    told = entries(hearing)
    assert [(one.action, one.by) for one in told if isinstance(one, LeaseChanged)] == [
        ("ended", "boss"), ("granted", "boss"), ("ended", "boss"),
    ]  # fmt: skip
    assert [(one.action, one.by, one.on_paper) for one in told if isinstance(one, ConsentChanged)] == [
        ("withdrawn", "mum", False), ("given", "boss", True),
    ]  # fmt: skip
    assert {one.whose for one in told if isinstance(one, ConsentChanged)} == {"g1"}
    with hearing.database.reading() as session:
        heard = [(row.about, row.for_account) for row in session.query(NoticeEvent).order_by(NoticeEvent.id)]
    assert heard == [("lease_hours", "mum"), ("lease_ended", "mum"), ("consent_written", "mum")]
