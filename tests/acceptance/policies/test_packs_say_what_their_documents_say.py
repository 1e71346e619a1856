"""Each pack against its document: what the text asks, what just satisfies it and what just falls short, article by article.

The tables were written from the documents and not from the packs.
"""

import pytest

from config.policies.book import Applies, Book, applies, in_force
from config.policies.metrics import METRICS
from config.policies.reading import Library
from server.domain.compliance import (
    Examined,
    Measured,
    Outcome,
    Value,
    examine,
    overall,
    retention_floor_days,
)
from server.domain.verdict import Status
from server.services.compliance.rule_books import MAINTENANCE

LIBRARY = Library()
OK, BROKEN, OPEN = Status.COMPLIANT, Status.NON_COMPLIANT, Status.UNVERIFIED
PUBLIC_PLACE = {"site.reg799_class": "art7"}
INCLUSIVE = {"site.inclusive": "yes"}

# (pack, article, metric, facts of the subject, enough, too little), from the text of each document
ASKED: list[tuple[str, str, str, dict[str, str], Value, Value]] = [
    ("cn-national-base", "第八条", "forbidden_zone_cameras", {}, 0, 1),
    ("cn-national-base", "第十三条", "recording_sign", PUBLIC_PLACE, True, False),
    ("cn-national-base", "第十四条", "police_filing", PUBLIC_PLACE, 30, 31),
    ("cn-national-base", "第十五条", "originals_intact", PUBLIC_PLACE, True, False),
    ("cn-national-base", "第十六条第二项", "looks_on_record", PUBLIC_PLACE, True, False),
    ("cn-national-base", "第十七条", "overdue_recordings", PUBLIC_PLACE, 0, 1),
    ("cn-national-base", "第六十二条", "record_check", {}, 12, 12.1),
    ("cn-national-base", "第二十八至三十一条", "live_view_consents", {"site.live_view": "on"}, 100, 99.9),
    ("cn-national-base", "第五十五至五十六条", "impact_assessment", {}, True, False),
    ("cn-national-base", "第二十一条第三项", "access_log_age", {}, 6, 5.9),
    ("weihai", "二(四)11", "health_filing", {}, True, False),
    ("weihai", "二(四)13", "guards", {}, 1, 0),
    ("weihai", "二(四)13", "banned_staff", {}, 0, 1),
    ("weihai", "二(四)14", "credit_file", {}, True, False),
    ("weihai", "二(四)14", "inspection_results_published", {}, True, False),
    ("weihai", "二(四)14、二(五)19", "site_published", {}, True, False),
    ("luzhou-longmatan", "四(五)", "recording_retention", {}, 90, 89),
    ("luzhou-longmatan", "四(五)", "zone_coverage", {"zone.kind": "corridor"}, 100, 99.99),
    ("luzhou-longmatan", "四(五)", "instant_points_armed", {}, 100, 99.99),
    ("luzhou-longmatan", "四(五)", "live_view", {}, "required", "off"),
    ("luzhou-longmatan", "四(五)", "yearly_inspection", {}, 12, 12.1),
    ("luzhou-longmatan", "四(五)", "guard_certificate", {"staff.role": "guard"}, True, False),
    ("luzhou-longmatan", "四(五)", "qualification", {"staff.role": "carer"}, True, False),
    ("luzhou-longmatan", "四(五)", "credit_file", {}, True, False),
    ("luzhou-longmatan", "四(一)", "site_places", INCLUSIVE, 150, 151),
    ("luzhou-longmatan", "四(一)", "indoor_area_per_place", INCLUSIVE, 5, 4.9),
    ("luzhou-longmatan", "四(一)", "outdoor_area_per_place", INCLUSIVE, 2, 1.9),
    ("luzhou-longmatan", "四(一)", "class_size", {"class.kind": "infant"}, 10, 11),
    ("luzhou-longmatan", "四(一)", "class_size", {"class.kind": "toddler_younger"}, 15, 16),
    ("luzhou-longmatan", "四(一)", "class_size", {"class.kind": "toddler_older"}, 20, 21),
    ("luzhou-longmatan", "四(一)", "children_per_carer", {"class.kind": "infant"}, 3, 3.1),
    ("luzhou-longmatan", "四(一)", "children_per_carer", {"class.kind": "toddler_younger"}, 5, 5.1),
    ("luzhou-longmatan", "四(一)", "children_per_carer", {"class.kind": "toddler_older"}, 7, 7.1),
    ("luzhou-longmatan", "五(三)", "parents_committee", {}, True, False),
    ("luzhou-longmatan", "五(三)", "complaints_channel", {}, True, False),
    ("luzhou-longmatan", "五(三)", "banned_staff", {}, 0, 1),
    ("luzhou-longmatan", "附件2第13项", "inspection_results_published", {}, True, False),
    ("luzhou-longmatan", "附件2第19项", "guards", {}, 1, 0),
    ("luzhou-longmatan", "附件2第26项", "site_ledger", {}, True, False),
    ("chongqing-yuzhong", "三(三)8", "health_filing", {}, True, False),
    ("chongqing-yuzhong", "三(三)11", "guards", {}, 1, 0),
    ("chongqing-yuzhong", "三(三)13", "site_published", {}, True, False),
    ("chongqing-yuzhong", "三(三)13", "banned_staff", {}, 0, 1),
    ("chongqing-yuzhong", "五(三)", "inspection_levels", {}, 2, 1),
    ("yongan", "专业化发展", "recording_retention", {}, 90, 89),
    ("yongan", "专业化发展", "zone_coverage", {"zone.kind": "activity"}, 100, 99.99),
    ("yongan", "专业化发展", "instant_points_armed", {}, 100, 99.99),
    ("yongan", "规范化发展", "health_filing", {}, True, False),
    ("yongan", "专业化发展", "guards", {}, 1, 0),
    ("yongan", "专业化发展", "banned_staff", {}, 0, 1),
    ("yongan", "信息支撑", "credit_file", {}, True, False),
    ("yuncheng", "二(四)11", "health_filing", {}, True, False),
    ("yuncheng", "二(四)11", "site_published", {}, True, False),
    ("yuncheng", "二(四)12", "credit_file", {}, True, False),
    ("yuncheng", "二(四)12", "banned_staff", {}, 0, 1),
    ("yuncheng", "二(四)13", "inspection_levels", {}, 3, 2),
    ("yuncheng", "二(四)13", "guards", {}, 1, 0),
    ("yuncheng", "二(四)14", "training", {}, 12, 12.1),
    ("yuncheng", "二(四)14", "health_check", {}, 12, 12.1),
]

# What a document recommends, leaves to be introduced step by step, or says only "in principle" binds nobody.
RECOMMENDED = [
    ("cn-national-base", "第三十二条", "recording_retention", 90),
    ("cn-national-base", "第三十二条", "zone_coverage", 100),
    ("cn-national-base", "第三十二条", "instant_points_armed", 100),
    ("weihai", "二(四)13", "qualification", True),
    ("luzhou-longmatan", "附件2第24项", "fire_drill", 12),
    ("yongan", "专业化发展", "fire_drill", 12),
    ("yuncheng", "附件2第二项", "joint_meetings", 2),
    ("kr-national", "CCTV", "recording_retention", 60),
]

# What no document asks: our own targets, named as such, with the words that say so.
INTERNAL = [
    ("live_view", "off"),
    ("interior_armed_on_schedule", 100),
    ("panel_silence", 300),
    ("picture_sound", 95),
    ("planned_maintenance", 8),
    ("maintenance_notice", 24),
]


def outcomes_on(book: Book, metric: str, facts: dict[str, str], value: Value | None) -> list[Outcome]:
    windows = METRICS[metric].windows
    measured = {(metric, window): Measured(value) for window in windows}
    subject = Examined(METRICS[metric].subject, "x", facts, measured)
    return [found for found in examine(book, [subject]) if found.found.rule.metric == metric and found.binds]


@pytest.mark.parametrize(("pack", "article", "metric", "facts", "enough", "short"), ASKED)
def test_what_the_document_asks(pack, article, metric, facts, enough, short):
    book = LIBRARY.book(pack)
    for value, status in ((enough, OK), (short, BROKEN), (None, OPEN)):
        outcomes = outcomes_on(book, metric, facts, value)
        assert [outcome.status for outcome in outcomes] == [status]
        assert outcomes[0].found.rule.article == article
        assert outcomes[0].found.pack.pack == pack
        assert outcomes[0].found.rule.confidence == "V"


@pytest.mark.parametrize(("pack", "article", "metric", "value"), RECOMMENDED)
def test_what_the_document_only_recommends(pack, article, metric, value):
    rules = [found.rule for found in LIBRARY.book(pack).about(metric) if found.rule.article == article]
    assert [(rule.binding, rule.value) for rule in rules] == [("recommended", value)]


def test_what_no_document_asks_is_our_own_target_and_says_so():
    own = [found for found in LIBRARY.book("cn-national-base").rules if found.rule.binding == "internal"]
    assert [(found.rule.metric, found.rule.value) for found in own] == INTERNAL
    assert {found.source.rank for found in own} == {"operator"}
    for found in own:
        if found.rule.metric in MAINTENANCE:
            assert found.rule.note is not None
            assert "No document" in found.rule.note.en


def test_every_binding_rule_of_every_pack_is_in_the_tables():
    """A rule that nobody read in its document cannot slip in."""
    written = {(pack, article, metric) for pack, article, metric, *_ in ASKED}
    unread = {
        (found.pack.pack, found.rule.article, found.rule.metric)
        for name in LIBRARY.names
        for found in LIBRARY.book(name).rules
        if found.rule.binding == "mandatory"
    } - written
    assert unread == {("cn-national-base", "第十七条", "recording_retention")}, "30 days: see the floor below"


@pytest.mark.parametrize(
    ("pack", "days"),
    [
        ("cn-national-base", 90), ("weihai", 90), ("luzhou-longmatan", 90), ("chongqing-yuzhong", 90), ("yongan", 90),
        ("yuncheng", 90), ("kr-national", 60),
    ],
)  # fmt: skip
def test_the_floor_is_the_longest_that_any_rule_asks(pack, days):
    assert retention_floor_days(LIBRARY.book(pack)) == days


def test_of_two_floors_the_higher_binds():
    """Order 799 asks a public place for 30 days, Longmatan everybody for 90: 60 days satisfies the first alone."""
    for days, status in ((60, BROKEN), (90, OK)):
        outcomes = outcomes_on(LIBRARY.book("luzhou-longmatan"), "recording_retention", PUBLIC_PLACE, days)
        assert [(o.found.rule.id, o.status) for o in outcomes] == [("longmatan.retention", status)]


@pytest.mark.parametrize(
    ("pack", "mode"),
    [("luzhou-longmatan", "required"), ("weihai", "off"), ("yongan", "off"), ("kr-national", "consented")],
)
def test_live_viewing(pack, mode):
    known = [found for found in LIBRARY.book(pack).about("live_view") if applies(found.rule, {}) is Applies.YES]
    assert in_force(known)[0].rule.value == mode


@pytest.mark.parametrize("pack", LIBRARY.names)
@pytest.mark.parametrize("kind", ["toilet", "bath", "changing", "nursing", "staff_rest"])
def test_no_document_asks_for_a_camera_where_the_law_forbids_one(pack, kind):
    subject = Examined("zone", "x", {"zone.kind": kind}, {("zone_coverage", "day"): Measured(0.0)})
    assert examine(LIBRARY.book(pack), [subject]) == ()


def test_where_a_class_of_site_is_not_known_nothing_is_held_against_it_and_nothing_is_taken_for_granted():
    book = LIBRARY.book("cn-national-base")
    for value, status in ((30, OK), (31, OPEN), (None, OPEN)):
        outcomes = outcomes_on(book, "police_filing", {}, value)
        assert [outcome.status for outcome in outcomes] == [status]
    assert outcomes_on(book, "police_filing", {"site.reg799_class": "art33"}, 31) == []


def test_the_whole_is_as_good_as_its_worst_binding_rule():
    book = LIBRARY.book("yuncheng")
    unmeasured = examine(book, [Examined("site", "x")])
    assert overall(unmeasured) is OPEN
    assert overall([]) is OPEN
    site = Examined("site", "x", {"site.reg799_class": "art33"}, {
        (found.rule.metric, found.rule.window): Measured(found.rule.value) for found in book.rules
    })  # fmt: skip
    good = examine(book, [site])
    assert overall(good) is OK
    assert overall([*good, *unmeasured]) is OPEN
    broken = examine(book, [Examined("site", "x", {}, {("banned_staff", "instant"): Measured(1)})])
    assert overall([*good, *broken]) is BROKEN


def test_a_recommendation_beside_a_binding_rule_is_heard_only_where_it_asks_for_more():
    longmatan = examine(LIBRARY.book("luzhou-longmatan"), [Examined("site", "x", PUBLIC_PLACE)])
    retention = [outcome.found.rule.id for outcome in longmatan if outcome.found.rule.metric == "recording_retention"]
    assert retention == ["longmatan.retention"]
    base = examine(LIBRARY.book("cn-national-base"), [Examined("site", "x", PUBLIC_PLACE)])
    retention = [outcome.found.rule.id for outcome in base if outcome.found.rule.metric == "recording_retention"]
    assert retention == ["base.retention", "base.retention-799"]


def test_korea_lets_a_site_stay_dark():
    book = LIBRARY.book("kr-national")
    for mode, status in (("off", OK), ("consented", OK), ("required", BROKEN)):
        subject = Examined("site", "x", {}, {("live_view", "instant"): Measured(mode)})
        found = [o for o in examine(book, [subject]) if o.found.rule.metric == "live_view"]
        assert [outcome.status for outcome in found] == [status]
