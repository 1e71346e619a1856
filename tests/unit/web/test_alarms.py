"""What the board says of alarms."""

from config.base.clock import US_PER_MINUTE
from server.domain.alarms import OPENING, Status
from server.services.intake.handle_alarms import AlarmView, PartitionView, SiteAlarms
from server.web import wording
from server.web.alarms import CLOSED_SHOWN_MAX, make_alarms
from server.web.languages import load_languages
from tests.support.clock import NOON_US

LANGUAGES = load_languages()


def alarm(number: int, kind: str = "panic", status: str = "raised", **changed: object) -> AlarmView:
    fields: dict[str, object] = {
        "alarm_id": number,
        "panel_id": "hall-panel",
        "partition": "1",
        "point": "3",
        "kind": kind,
        "status": status,
        "urgent": kind != "trouble",
        "detail": "",
        "raised_us": NOON_US,
        "last_us": NOON_US + number,
        "count": 1,
        "restored_us": None,
        "acknowledged_us": None,
        "acknowledged_by": "",
        "cleared_us": None,
        "cleared_by": "",
    }
    return AlarmView(**{**fields, **changed})  # type: ignore[arg-type]


def section(*alarms: AlarmView, language: str = "en", heard: tuple[str, ...] = ("hall-panel",), **changed: object):
    open_count = sum(one.status != "cleared" for one in alarms)
    fields = {"site_id": "s", "open_count": open_count, "alarms": list(alarms), "events": [], "partitions": []}
    site = SiteAlarms(**{**fields, **changed})  # type: ignore[arg-type]
    return make_alarms(site, "Asia/Shanghai", NOON_US, LANGUAGES[language], may_act=True, heard=heard)


def test_every_alarm_has_its_words() -> None:
    assert set(wording.ALARM_KIND) == OPENING
    assert set(wording.ALARM_STATUS) == set(Status)


def test_what_nobody_has_seen_comes_first_and_the_urgent_before_the_rest() -> None:
    seen = alarm(1, status="acknowledged", acknowledged_us=NOON_US, acknowledged_by="li")
    over = alarm(4, status="cleared", cleared_us=NOON_US, acknowledged_us=NOON_US, acknowledged_by="li")
    made = section(over, seen, alarm(2, "trouble"), alarm(3))
    assert [line.alarm_id for line in made.lines] == [3, 2, 1, 4]
    assert made.tone == "urgent"
    assert made.summary == "2 alarms that nobody has seen"


def test_the_tone_is_calm_only_where_nothing_is_open() -> None:
    over = alarm(1, status="cleared", cleared_us=NOON_US)
    assert section(over).tone == "calm"
    assert section(over).summary == "No open alarms"
    assert section(alarm(1, status="acknowledged")).tone == "open"
    assert section(alarm(1, "trouble")).tone == "open"
    assert len(section(*[over] * 20).lines) == CLOSED_SHOWN_MAX


def test_who_when_where_and_how_often() -> None:
    line = section(
        alarm(
            1,
            status="cleared",
            count=3,
            acknowledged_us=NOON_US + US_PER_MINUTE,
            acknowledged_by="li",
            cleared_us=NOON_US + 2 * US_PER_MINUTE,
            cleared_by="wang",
        )
    ).lines[0]
    assert (line.place, line.when, line.often) == ("hall-panel · partition 1 · point 3", "20:00", "3 times")
    assert line.handled == "seen by li, 20:01 · cleared by wang, 20:02"


def test_in_chinese() -> None:
    made = section(
        alarm(1, restored_us=NOON_US),
        language="zh-CN",
        partitions=[PartitionView("hall-panel", "1", armed=True, since_us=NOON_US)],
    )
    assert (made.lines[0].kind_text, made.lines[0].status_text) == ("紧急求助", "无人确认")
    assert made.summary == "1 条报警无人确认"
    assert made.armed == ["hall-panel · 分区 1：自 20:00 起布防"]
    assert made.lines[0].going_on == "20:00 已结束"


def test_what_a_panel_that_nobody_hears_said_last_is_not_the_present() -> None:
    armed = [PartitionView("hall-panel", "1", True, NOON_US)]
    assert section(partitions=armed).armed == ["hall-panel · partition 1: armed since 20:00"]
    (unheard,) = section(partitions=armed, heard=()).armed
    assert unheard.startswith("hall-panel · partition 1: not known now")
    assert unheard.endswith("last said: armed since 20:00")
