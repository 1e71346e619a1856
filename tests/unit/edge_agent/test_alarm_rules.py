"""What an agent makes of what panels say, on a clock that moves only when told."""

import itertools
import sqlite3
from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from config.base.clock import US_PER_S, from_datetime
from config.base.errors import ConfigurationError, Unavailable
from config.settings.edge import InputSettings
from edge_agent.alarms import dc09
from edge_agent.alarms.desk import Said
from edge_agent.alarms.inputs import InputWatch
from edge_agent.alarms.schedule import off_schedule, parse, should_be_armed
from edge_agent.alarms.service import Alarms
from edge_agent.alarms.watch import AlarmWatch
from edge_agent.onvif.events import InputChange
from edge_agent.reporting.express import EXPRESS_MAX, RESEND_US, ExpressPlan
from edge_agent.spool.outbox import OutboxRow
from tests.support.alarms import ACCOUNT, KEY, PANEL, AlarmBox, alarm_settings, panel_settings
from tests.support.clock import SimulatedClock

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOURS = ["mon-fri 19:00-07:00", "sat-sun 00:00-24:00"]
MakeBox = Callable[..., AlarmBox]


@pytest.fixture
def make_box(tmp_path: Path) -> MakeBox:
    def made(key: bytes | None = KEY, **panel: object) -> AlarmBox:
        folder = tmp_path / "alarms"
        folder.mkdir(exist_ok=True)
        return AlarmBox(folder, alarm_settings(panels=[panel_settings(folder, key, **panel)]), SimulatedClock())

    return made


def clock_of(box: AlarmBox) -> SimulatedClock:
    assert isinstance(box.clock, SimulatedClock)
    return box.clock


def watch_of(box: AlarmBox) -> AlarmWatch:
    return next(worker for worker in box.alarms.workers if isinstance(worker, AlarmWatch))


def said(answer: bytes) -> str:
    return answer[10:14].strip(b'"*0').decode() if answer else ""


def test_a_frame_in_cipher_is_stored_as_received_and_acknowledged(make_box: MakeBox) -> None:
    box = make_box(points={"3": "panic"})
    raw = box.panel(key=KEY).frame("SIA-DCS", b"#12345A|Nri1/BA3", "0001")
    answer = dc09.parse(box.alarms.judge.answer(raw))
    assert (answer.token, answer.encrypted, answer.sequence, answer.receiver) == ("ACK", True, "0001", None)
    (event,) = box.events
    assert (event.kind, event.state, event.partition, event.point, event.code) == ("panic", "raised", "1", "3", "BA")
    assert (event.raw, event.encrypted, event.source, event.account) == (raw, True, "dc09", ACCOUNT)
    assert event.plaintext is not None
    assert event.plaintext.startswith(b"#12345A|Nri1/BA3]_")
    assert event.panel_at_us == box.clock.utc_us() // US_PER_S * US_PER_S


def test_a_panel_with_a_key_is_not_believed_in_plain_words(make_box: MakeBox) -> None:
    box = make_box()
    assert said(box.alarms.judge.answer(box.panel().frame("SIA-DCS", b"NPA1", "0001"))) == "DUH"
    assert said(box.alarms.judge.answer(box.panel().frame("NULL", b"", "0000"))) == "DUH"
    assert box.events == []
    assert box.alarms.status.panels()[0].alive is None


def test_another_key_another_account_another_token(make_box: MakeBox) -> None:
    box = make_box()
    judge = box.alarms.judge
    assert said(judge.answer(box.panel(key=bytes(16)).frame("SIA-DCS", b"NPA1", "0001"))) == "NAK"
    assert said(judge.answer(box.panel(key=KEY, account="BEEF").frame("SIA-DCS", b"NPA1", "0001"))) == "DUH"
    assert said(judge.answer(box.panel(key=KEY).frame("ACR-SF", b"NPA1", "0001"))) == "DUH"
    assert judge.answer(b'\n00000000"SIA-DCS"\r') == b""
    assert box.events == []
    assert judge.counts == {"bad_key": 1, "unknown_account": 1, "unknown_token": 1, "bad_length": 1}


@pytest.mark.parametrize(("error_s", "answer"), [(19, "ACK"), (22, "NAK"), (-39, "ACK"), (-43, "NAK"), (3_600, "NAK")])
def test_the_time_band(make_box: MakeBox, error_s: int, answer: str) -> None:
    box = make_box()
    panel = box.panel(key=KEY, clock_error_us=error_s * US_PER_S)
    assert said(box.alarms.judge.answer(panel.frame("SIA-DCS", b"NPA1", "0001"))) == answer
    assert len(box.events) == (answer == "ACK")


def test_without_a_key_a_wrong_time_loses_no_alarm(make_box: MakeBox) -> None:
    box = make_box(key=None)
    late = box.panel(clock_error_us=-86_400 * US_PER_S).frame("SIA-DCS", b"NPA1", "0001")
    assert said(box.alarms.judge.answer(late)) == "ACK"
    assert said(box.alarms.judge.answer(dc09.framed(b'"SIA-DCS"0002L0#12345A[#12345A|NPA1]'))) == "ACK"
    assert [event.panel_at_us is None for event in box.events] == [False, True]


def test_another_alarm_under_the_same_number_is_told(make_box: MakeBox) -> None:
    """Some panels begin their numbers anew, or have one for all: only the stamp tells two alarms apart."""
    box = make_box()
    panel = box.panel(key=KEY)
    for seconds in (0, 30, 35, 10):
        clock_of(box).advance(seconds)
        assert said(box.alarms.judge.answer(panel.frame("SIA-DCS", b"NPA1", "0001"))) == "ACK"
    assert len(box.events) == 2


def test_a_flood_of_one_panel_is_met_with_silence_and_told_once(
    make_box: MakeBox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.alarms.flood.BURST", 20.0)
    box = make_box()
    panel, judge = box.panel(key=KEY), box.alarms.judge
    answers = [said(judge.answer(panel.frame("SIA-DCS", b"NPA1", f"{number:04d}"))) for number in range(1, 31)]
    assert answers == ["ACK"] * 20 + [""] * 10
    assert len(box.events) == 20
    assert judge.counts["flooded"] == 10
    assert {one.condition for one in box.alarms.status.health()} == {"flooded"}
    assert said(judge.answer(panel.frame("NULL", b"", "0000"))) == "ACK"  # and it lives
    clock_of(box).advance(4)
    assert said(judge.answer(panel.frame("SIA-DCS", b"NPA1", "0031"))) == "ACK"
    clock_of(box).advance(30)
    assert {one.condition for one in box.alarms.status.health()} == {"heard"}


def test_what_waits_for_the_server_has_a_bound(make_box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.alarms.desk.WAITING_MAX", 3)
    box = make_box()
    panel = box.panel(key=KEY)
    frames = [panel.frame("SIA-DCS", b"NPA1", f"{number:04d}") for number in range(1, 6)]
    assert [said(box.alarms.judge.answer(one)) for one in frames] == ["ACK"] * 3 + [""] * 2
    assert len(box.events) == 3


def test_one_panel_pushes_out_nothing_of_another(make_box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.alarms.desk.FRAMES_KEPT_MAX", 2)
    box = make_box()
    desk = box.alarms.desk
    mine = Said("webhook", PANEL, (), identity=b"mine")
    assert desk.take(mine)
    for number in range(5):
        assert desk.take(Said("webhook", "other", (), identity=b"%d" % number))
    assert not desk.take(mine)
    assert len(box.database.all("SELECT * FROM alarm_frames")) == 3


def test_what_comes_again_is_acknowledged_and_makes_no_second_event_over_a_restart(make_box: MakeBox) -> None:
    box = make_box()
    panel = box.panel(key=KEY)
    raw = panel.frame("SIA-DCS", b"NPA1", "0007")
    again = panel.frame("SIA-DCS", b"NPA1", "0007")  # other padding
    assert raw != again
    assert [said(box.alarms.judge.answer(one)) for one in (raw, raw, again)] == ["ACK"] * 3
    box.restart()
    assert said(box.alarms.judge.answer(raw)) == "ACK"
    assert len(box.events) == 1
    for other in (panel.frame("SIA-DCS", b"NPA1", "0008"), panel.frame("SIA-DCS", b"NPA2", "0007")):
        assert said(box.alarms.judge.answer(other)) == "ACK"
    clock_of(box).advance(121)
    assert said(box.alarms.judge.answer(raw)) == "NAK"  # its time is long over
    assert said(box.alarms.judge.answer(panel.frame("SIA-DCS", b"NPA1", "0007"))) == "ACK"
    assert len(box.events) == 4


def test_what_cannot_be_stored_is_not_acknowledged(make_box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> None:
    box = make_box()
    raw = box.panel(key=KEY).frame("SIA-DCS", b"NPA1", "0001")
    with monkeypatch.context() as patched:
        patched.setattr(box.outbox, "put", _full)
        assert box.alarms.judge.answer(raw) == b""
    assert box.events == []
    assert said(box.alarms.judge.answer(raw)) == "ACK"
    assert len(box.events) == 1


def _full(*_: object) -> None:
    raise sqlite3.OperationalError("disk I/O error")


def test_several_reports_in_one_frame_are_several_events(make_box: MakeBox) -> None:
    box = make_box(key=None)
    box.alarms.judge.answer(box.panel().frame("SIA-DCS", b"Nri1/BA1/TA2", "0001"))
    assert box.told == [("intrusion", "raised", "1", "1"), ("tamper", "raised", "1", "2")]
    assert len({event.raw for event in box.events}) == 1


def test_a_silent_panel_is_told_once_and_once_when_it_is_back(make_box: MakeBox) -> None:
    box = make_box(period_s=60)
    panel, watch = box.panel(key=KEY), watch_of(box)
    watch.look()
    assert box.alarms.status.panels()[0].alive is None
    for _ in range(3):
        clock_of(box).advance(50)
        assert said(box.alarms.judge.answer(panel.frame("NULL", b"", "0000"))) == "ACK"
        watch.look()
    assert box.events == []
    assert box.alarms.status.panels()[0].alive is True
    clock_of(box).advance(61)
    watch.look()
    watch.look()
    assert box.told == [("panel_silent", "raised", "", "")]
    assert box.alarms.status.health()[0].condition == "silent"
    box.restart()
    watch = watch_of(box)
    clock_of(box).advance(70)
    watch.look()
    assert len(box.events) == 1
    assert said(box.alarms.judge.answer(panel.frame("NULL", b"", "0000"))) == "ACK"
    watch.look()
    watch.look()
    assert [state for _, state, _, _ in box.told] == ["raised", "restored"]
    assert box.alarms.status.health()[0].condition == "heard"


def test_a_stranger_does_not_keep_a_panel_alive(make_box: MakeBox) -> None:
    box = make_box(period_s=60)
    clock_of(box).advance(50)
    box.alarms.judge.answer(box.panel(key=bytes(16)).frame("NULL", b"", "0000"))
    clock_of(box).advance(20)
    watch_of(box).look()
    assert box.told == [("panel_silent", "raised", "", "")]


def at(text: str) -> int:
    from datetime import datetime

    return from_datetime(datetime.fromisoformat(text).replace(tzinfo=SHANGHAI))


@pytest.mark.parametrize(
    ("moment", "armed"),
    [
        ("2026-11-20 18:59", False),  # Friday
        ("2026-11-20 19:00", True),
        ("2026-11-21 12:00", True),
        ("2026-11-22 23:59", True),
        ("2026-11-23 06:59", False),  # Monday morning: Sunday has no night of its own here
        ("2026-11-23 07:00", False),
        ("2026-11-24 06:59", True),
    ],
)
def test_weekly_hours(moment: str, armed: bool) -> None:
    assert should_be_armed(parse(HOURS), at(moment), SHANGHAI) is armed


def test_hours_that_go_over_the_end_of_the_week() -> None:
    sunday_night = parse(["sun 22:00-06:00"])
    assert should_be_armed(sunday_night, at("2026-11-22 23:00"), SHANGHAI)
    assert should_be_armed(sunday_night, at("2026-11-23 05:59"), SHANGHAI)
    assert not should_be_armed(sunday_night, at("2026-11-23 06:00"), SHANGHAI)
    assert should_be_armed(parse(["fri-mon 08:00-09:00"]), at("2026-11-22 08:30"), SHANGHAI)


def test_on_the_day_clocks_go_back_the_hour_that_comes_twice_counts_twice() -> None:
    berlin, hours = ZoneInfo("Europe/Berlin"), parse(["sun 02:00-03:00"])
    first_us = 1_792_886_400 * US_PER_S  # 2026-10-25 00:00 UTC, 02:00 summer time
    wanted = [should_be_armed(hours, first_us + step * 1_800 * US_PER_S, berlin) for step in range(6)]
    assert wanted == [True, True, True, True, False, False]


@pytest.mark.parametrize(
    "line", ["mon 19:00", "mon-foo 19:00-20:00", "mon 25:00-26:00", "mon 10:00-10:00", "mon 10:70-11:00"]
)
def test_hours_that_are_none(line: str) -> None:
    with pytest.raises(ConfigurationError, match="armed"):
        parse([line])


def test_a_partition_is_off_schedule_only_after_the_grace() -> None:
    hours = parse(HOURS)

    def wrong(moment: str, armed: bool | None) -> str:
        return off_schedule(hours, at(moment), 900, SHANGHAI, armed=armed)

    assert wrong("2026-11-20 19:10", armed=False) == ""
    assert wrong("2026-11-20 19:15", armed=False) == "not_armed"
    assert wrong("2026-11-20 19:15", armed=True) == ""
    assert wrong("2026-11-20 19:15", armed=None) == ""
    assert wrong("2026-11-24 07:10", armed=True) == ""
    assert wrong("2026-11-24 07:15", armed=True) == "not_disarmed"


def test_off_schedule_is_told_once_and_ends_when_it_is_armed(make_box: MakeBox) -> None:
    box = make_box(key=None)
    panel, watch, clock = box.panel(), watch_of(box), clock_of(box)
    clock.jump((at("2026-11-20 18:00") - clock.utc_us()) / US_PER_S)
    box.restart()
    watch = watch_of(box)
    box.alarms.judge.answer(panel.frame("SIA-DCS", b"Nri1/OP5", "0001"))
    watch.look()
    for _ in range(20):
        clock.advance(600)
        watch.look()
    box.restart()
    watch = watch_of(box)
    watch.look()
    assert box.told == [("arming", "disarmed", "1", "5"), ("off_schedule", "raised", "1", "")]
    box.alarms.judge.answer(panel.frame("SIA-DCS", b"NCL5", "0002"))  # the whole panel
    clock.advance(10)
    watch.look()
    assert box.told[2:] == [("arming", "armed", "", "5"), ("off_schedule", "restored", "1", "")]
    assert box.alarms.status.panels()[0].armed == ("",)


def test_settings_that_cannot_be_right(make_box: MakeBox, tmp_path: Path) -> None:
    box = make_box()

    def build(**changed: object) -> None:
        settings = alarm_settings(**{"panels": box.settings.panels, **changed})
        Alarms(settings, box.agent_clock, box.database, box.outbox, None)  # type: ignore[arg-type]

    for expected, changed in (
        ("alarms.listen", {"listen": ""}),
        ("repeat_s", {"repeat_s": 61, "band_late_s": 40}),
        ("timezone", {"timezone": "Mars/Olympus"}),
        ("twice", {"panels": box.settings.panels * 2}),
        ("webhook_token_file", {"webhook_port": 1}),
        ("weekly hour", {"panels": [panel_settings(tmp_path, partitions=[_partition("always")])]}),
    ):
        with pytest.raises(ConfigurationError, match=expected):
            build(**changed)


def _partition(hours: str) -> object:
    from config.settings.edge import PartitionSettings

    return PartitionSettings(id="1", armed=[hours])


def input_watch(box: AlarmBox, known: dict[str, bool], *, idle_active: bool = False) -> InputWatch:
    settings = InputSettings(id="gate-camera", address="192.0.2.1", points={"in-1": "panic"}, idle_active=idle_active)
    return InputWatch(settings, box.alarms.desk, box.clock, known)


def test_a_digital_input_raises_and_restores_and_says_nothing_twice(make_box: MakeBox) -> None:
    box = make_box()
    watch = input_watch(box, {})
    for active in (False, False, True, True, False):
        watch.take(InputChange("in-1", active, box.clock.utc_us(), False, "tns1:Device/Trigger/DigitalInput"))
    watch.take(InputChange("other", True, None, False, ""))
    assert box.told == [("panic", "raised", "", "in-1"), ("panic", "restored", "", "in-1")]
    assert {event.source for event in box.events} == {"onvif"}


def test_a_normally_closed_input_that_opened_while_nobody_looked_is_told_late(make_box: MakeBox) -> None:
    box = make_box()
    watch = input_watch(box, {"in-1": True}, idle_active=True)
    watch.take(InputChange("in-1", False, None, True, "t"))
    assert box.told == [("panic", "raised", "", "in-1")]


def test_a_panel_that_is_no_longer_configured_is_forgotten(make_box: MakeBox, tmp_path: Path) -> None:
    box = make_box(key=None)
    box.alarms.judge.answer(box.panel().frame("SIA-DCS", b"Nri1/CL5", "0001"))
    box.settings = alarm_settings(panels=[panel_settings(tmp_path, id="other")])
    box.restart()
    assert [(panel.panel_id, panel.armed) for panel in box.alarms.status.panels()] == [("other", ())]


def row(number: int) -> OutboxRow:
    return OutboxRow(number, f"m{number}", "alarm-event", "", b"")


def test_express_goes_at_once_in_order_and_again_until_it_is_answered() -> None:
    plan, waiting = ExpressPlan(), [row(number) for number in range(EXPRESS_MAX + 5)]
    first = plan.due(waiting, 0)
    assert first == waiting[:EXPRESS_MAX]
    for one in first:
        plan.sent(one.message_id, 0)
    assert plan.due(waiting, RESEND_US - 1) == []
    assert plan.answered("m0")
    assert not plan.answered("m0")
    assert plan.due(waiting[1:], RESEND_US - 1) == [waiting[EXPRESS_MAX]]
    assert plan.due(waiting[1:], RESEND_US) == waiting[1 : EXPRESS_MAX + 1]
    plan.connected()
    assert len(plan.due(waiting, 0)) == EXPRESS_MAX


def test_an_alarm_waits_behind_nothing_in_the_outbox(make_box: MakeBox) -> None:
    box = make_box(key=None)
    with box.database.transaction() as connection:
        connection.executemany(
            "INSERT INTO outbox (message_id, name, camera_id, about_us, body) VALUES (?, 'camera-state', 'c', 0, x'00')",
            [(f"{number:032x}",) for number in range(2_000)],
        )
    box.alarms.judge.answer(box.panel().frame("SIA-DCS", b"NPA1", "0001"))
    (express,) = box.outbox.express(10)
    assert express.name == "alarm-event"
    after = itertools.count()
    assert all(one.name == "camera-state" for one in box.outbox.between(next(after), None, 5_000))
    plan = box.database.one(
        "EXPLAIN QUERY PLAN SELECT position FROM outbox WHERE name = 'alarm-event' ORDER BY position"
    )
    assert plan is not None
    assert "outbox_express" in plan["detail"]


def test_the_desk_says_what_is_wrong_with_the_disk(make_box: MakeBox, monkeypatch: pytest.MonkeyPatch) -> None:
    box = make_box(period_s=1)
    clock_of(box).advance(5)
    with monkeypatch.context() as patched:
        patched.setattr(box.outbox, "put", _full)
        with pytest.raises(Unavailable):
            watch_of(box).look()
    watch_of(box).look()
    assert box.told == [("panel_silent", "raised", "", "")]
    assert box.events[0].panel_id == PANEL
