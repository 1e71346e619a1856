"""A look is allowed only where every part of the lease says so (I6); every reason is reached."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from msgspec import structs

from config.base.clock import US_PER_DAY, US_PER_S, from_datetime
from config.base.roles import Relation, Role
from config.policies.book import Book
from config.policies.reading import Library
from server.domain.consents import CURRENT, LIVE_VIEW, lacking
from server.domain.lease import Holder, Lease, Lens, Permit, Reason, Refusal, judge, mode_of
from server.domain.weekly_hours import parse

ZONE = ZoneInfo("Asia/Shanghai")
MONDAY_US = from_datetime(datetime(2026, 11, 23, 10, tzinfo=ZONE))
END_US = from_datetime(datetime(2026, 11, 23, 17, 30, tzinfo=ZONE))
MUM = Holder("mum", Role.GUARDIAN, locked=False, session_until_us=MONDAY_US + US_PER_DAY)
ROOM = Lens("sunflower", "play-1", frozenset({"room"}), frozenset({"activity"}), blanked=False)
LEASE = Lease(
    lease_id="1" * 32,
    child_id="c1",
    guardian_id="g1",
    zone_ids=frozenset({"room", "nap"}),
    hours=parse("mon-fri 08:00-17:30"),
    start_us=MONDAY_US - US_PER_DAY,
    until_us=MONDAY_US + 30 * US_PER_DAY,
    revoked=False,
    approved=True,
    pick_up_day=None,
    lacking=0,
)
LIBRARY = Library()


def ask(holder=MUM, lens=ROOM, relation=Relation.CHILD, mode="consented", leases=(LEASE,), at_us=MONDAY_US):
    return judge(holder, lens, relation, mode, leases, at_us, ZONE)


def test_a_guardian_sees_the_room_until_the_hours_end_and_not_an_instant_longer():
    answer = ask()
    assert answer == Permit("mum", Role.GUARDIAN, "sunflower", "play-1", "1" * 32, END_US, "g1")
    assert isinstance(ask(at_us=END_US - 1), Permit)
    assert ask(at_us=END_US).reason is Reason.OUTSIDE_HOURS
    assert ask(at_us=END_US).next_us == from_datetime(datetime(2026, 11, 24, 8, tzinfo=ZONE))


def test_the_session_and_the_leases_end_cut_the_permit():
    assert ask(holder=replace(MUM, session_until_us=MONDAY_US + 5)).until_us == MONDAY_US + 5
    assert ask(leases=[replace(LEASE, until_us=MONDAY_US + 7)]).until_us == MONDAY_US + 7


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        (Reason.SESSION_OVER, {"holder": None}),
        (Reason.SESSION_OVER, {"holder": replace(MUM, session_until_us=MONDAY_US)}),
        (Reason.ACCOUNT_LOCKED, {"holder": replace(MUM, locked=True)}),
        (Reason.NOT_FOUND, {"lens": None}),
        (Reason.NOT_FOUND, {"relation": Relation.STRANGER}),
        (Reason.NOT_FOUND, {"relation": Relation.SITE}),
        (Reason.NOT_FOUND, {"leases": ()}),
        (Reason.NOT_FOUND, {"lens": replace(ROOM, zone_ids=frozenset({"room", "class-b"}))}),
        (Reason.NOT_FOUND, {"lens": replace(ROOM, zone_ids=frozenset())}),
        (Reason.NOT_FOUND, {"leases": [replace(LEASE, zone_ids=frozenset())]}),
        (Reason.FORBIDDEN_ZONE, {"lens": replace(ROOM, zone_kinds=frozenset({"activity", "toilet"}))}),
        (Reason.FORBIDDEN_ZONE, {"lens": replace(ROOM, zone_kinds=frozenset())}),
        (Reason.BLANKED, {"lens": replace(ROOM, blanked=True)}),
        (Reason.FORBIDDEN_MODE, {"mode": "forbidden"}),
        (Reason.OFF, {"mode": "off"}),
        (Reason.OFF, {"mode": "a word of tomorrow"}),
        (Reason.NOT_APPROVED, {"leases": [replace(LEASE, approved=False)]}),
        (Reason.REVOKED, {"leases": [replace(LEASE, revoked=True)]}),
        (Reason.EXPIRED, {"leases": [replace(LEASE, until_us=MONDAY_US)]}),
        (Reason.NOT_YET, {"leases": [replace(LEASE, start_us=MONDAY_US + 1)]}),
        (Reason.PICKED_UP, {"leases": [replace(LEASE, pick_up_day="2026-11-23")]}),
        (Reason.CONSENT_MISSING, {"leases": [replace(LEASE, lacking=1)]}),
        (Reason.CONSENT_MISSING, {"leases": [replace(LEASE, lacking=None)]}),
        (Reason.OUTSIDE_HOURS, {"leases": [replace(LEASE, hours=None)]}),
    ],
)
def test_each_thing_that_is_wrong_or_unknown_refuses(reason, change):
    answer = ask(**change)
    assert isinstance(answer, Refusal)
    assert answer.reason is reason


def test_pick_up_ends_the_day_and_only_it():
    assert isinstance(ask(leases=[replace(LEASE, pick_up_day="2026-11-22")]), Permit)
    # Written by a clock that was set back since.
    assert ask(leases=[replace(LEASE, pick_up_day="2026-11-24")]).reason is Reason.PICKED_UP


def test_of_two_children_in_a_room_one_that_is_still_there_is_enough():
    gone = replace(LEASE, lease_id="2" * 32, pick_up_day="2026-11-23")
    assert ask(leases=[gone, LEASE]).lease_id == LEASE.lease_id
    revoked = replace(LEASE, revoked=True)
    assert ask(leases=[revoked, gone]).reason is Reason.PICKED_UP
    ends_first = replace(LEASE, lease_id="3" * 32, until_us=MONDAY_US + 7)
    assert ask(leases=[ends_first, LEASE]).until_us == END_US


@pytest.mark.parametrize(
    ("role", "relation", "seen"),
    [
        (Role.POLICE_AUDITOR, Relation.REGION, True),
        (Role.FACILITY_MANAGER, Relation.SITE, True),
        (Role.POLICE_AUDITOR, Relation.STRANGER, False),
        (Role.HEALTH_REGULATOR, Relation.REGION, True),
        (Role.HEALTH_REGULATOR, Relation.STRANGER, False),
        (Role.FACILITY_STAFF, Relation.SITE, False),
        (Role.INSTALLER, Relation.SITE, False),
        (Role.PLATFORM_ADMIN, Relation.ANY, False),
        (Role.PLATFORM_ADMIN, Relation.SITE, False),
        (Role.PLATFORM_ADMIN, Relation.SUPPORT, False),
        ("operator", Relation.SITE, False),
    ],
)
def test_others_look_by_their_role_and_never_into_a_dark_or_forbidden_zone(role, relation, seen):
    holder = replace(MUM, person="p", role=role)
    answer = ask(holder=holder, relation=relation, mode="forbidden", leases=())
    assert isinstance(answer, Permit) is seen
    assert seen or answer.reason is Reason.NOT_FOUND
    for lens in (replace(ROOM, blanked=True), replace(ROOM, zone_kinds=frozenset({"bath"}))):
        assert isinstance(ask(holder=holder, lens=lens, relation=relation), Refusal)


@pytest.mark.parametrize(
    ("pack", "chosen", "mode"),
    [
        ("cn-national-base", None, "off"),
        ("cn-national-base", "consented", "consented"),
        ("cn-national-base", "required", "off"),
        ("cn-national-base", "forbidden", "forbidden"),
        ("luzhou-longmatan", None, "required"),
        ("luzhou-longmatan", "off", "required"),
        ("kr-national", None, "off"),
        ("kr-national", "consented", "consented"),
        ("weihai", "consented", "consented"),
        ("weihai", "anything", "off"),
    ],
)
def test_the_mode_is_the_packs_and_within_it_the_facilitys(pack, chosen, mode):
    assert mode_of(LIBRARY.book(pack), {}, chosen) == mode


def test_where_no_rule_is_known_to_apply_nobody_looks():
    assert mode_of(Book(packs=()), {}, "consented") == "off"


def test_the_facility_raises_what_we_have_switched_off_and_nothing_that_a_law_has():
    (found,) = LIBRARY.book("cn-national-base").about("live_view")
    assert (found.rule.value, found.rule.binding) == ("off", "internal")
    law = structs.replace(found.pack, rules=[structs.replace(found.rule, binding="mandatory")])
    assert mode_of(Book(packs=(law,)), {}, "consented") == "off"


def test_a_consent_is_lacking_for_everybody_who_has_not_said_yes():
    assert lacking([("g1", "c1"), ("g2", "c1")], {("g1", "c1")}) == 1
    assert lacking([("g1", "c1")], {("g1", "c1")}, orphans=2) == 2
    assert len(CURRENT[LIVE_VIEW].sha256) == 64


def test_a_clock_one_second_later_never_brings_back_what_has_ended():
    for change in ({"until_us": MONDAY_US}, {"revoked": True}, {"pick_up_day": "2026-11-23"}):
        assert isinstance(ask(leases=[replace(LEASE, **change)], at_us=MONDAY_US + US_PER_S), Refusal)
