"""The acceptance test against an agent that tells a story: what passes, what does not, and what is then said and written."""

import json
import re
from contextlib import contextmanager
from string import Formatter
from typing import get_args

import pytest

from config.base.clock import US_PER_S
from config.base.errors import ResourceExhausted, Unavailable
from config.wire.acceptance import (
    AcceptanceAnswer,
    AlarmTestSeen,
    CameraSeen,
    CanarySeen,
    FirstMinute,
    GapSeen,
    Refusal,
    SecuredSegment,
)
from config.wire.fields import CameraCondition
from edge_agent.acceptance import inquiry, steps
from edge_agent.acceptance.outcome import STEPS, Outcome, Said, told
from edge_agent.acceptance.report import as_html, as_json, write
from edge_agent.acceptance.steps import Acceptance, Plan
from edge_agent.cli.speech import LANGUAGES, Speech, catalogue
from edge_agent.control.messages import AskServer, AskStatus, CameraNow, Done, PauseCamera, Seen, Status
from tests.support.clock import NOON_US, SimulatedClock


class Story:
    """A site on which everything is well; a test changes what is not. Each question takes a second of its time."""

    def __init__(self) -> None:
        self.clock = SimulatedClock(NOON_US)
        self.cameras = ["nap-room", "gate"]
        self.connected = True
        self.condition = dict.fromkeys(self.cameras, "recording")
        self.secured = set(self.cameras)
        self.minutes = set(self.cameras)
        self.known_to_server = list(self.cameras)
        self.locked = True
        self.canary = CanarySeen(refusals=[Refusal(attack="version delete", status=403, code="AccessDenied")])
        self.panels = 0
        self.panel_answers = True
        self.gap_opens = self.gap_closes = True
        self.paused_us: int | None = None
        self.back_us = 0
        self.pulled = ""
        self.unanswered = 0

    def ask(self, question):
        self.clock.advance(1)
        if isinstance(question, AskStatus):
            return self._status()
        if isinstance(question, PauseCamera):
            self.drop(question.camera_id, question.seconds)
            return Done()
        assert isinstance(question, AskServer)
        if self.unanswered:
            self.unanswered -= 1
            raise Unavailable("the server does not answer")
        return Seen(answer=self._seen(question))

    def drop(self, camera_id, seconds):
        self.pulled, self.paused_us = camera_id, self.clock.utc_us()
        self.back_us = self.paused_us + seconds * US_PER_S

    def _now(self, camera_id):
        if camera_id == self.pulled and self.clock.utc_us() < self.back_us:
            return "unreachable"
        return self.condition[camera_id]

    def _status(self):
        return Status(
            site_id="sunflower",
            agent_id="sunflower-box",
            software="agent/1",
            now_us=self.clock.utc_us(),
            clock_offset_us=-1_200 if self.connected else None,
            clock_bound_us=900,
            broker_connected=self.connected,
            waiting_segments=0,
            waiting_bytes=0,
            outbox_messages=0,
            refused_messages=0,
            panels=self.panels,
            hanging=[],
            cameras=[
                CameraNow(
                    camera_id=camera,
                    condition=self._now(camera),
                    detail="",
                    since_us=0,
                    last_frame_us=None,
                    frames_per_second=25.0,
                    bits_per_second=1,
                )
                for camera in self.cameras
            ],
        )

    def _gaps(self, camera):
        if camera != self.pulled or self.paused_us is None or not self.gap_opens:
            return []
        start_us = self.paused_us
        sliver = GapSeen(start_us=start_us, end_us=start_us + 1, cause="agent_offline", certainty="missing")
        closed = self.gap_closes and self.clock.utc_us() > self.back_us + 5 * US_PER_S
        end_us = self.back_us if closed else None
        return [sliver, GapSeen(start_us=start_us + 1, end_us=end_us, cause="camera_unreachable", certainty="missing")]

    def _seen(self, question):
        now_us = self.clock.utc_us()
        segment = SecuredSegment(
            segment_id="0" * 32,
            start_us=question.since_us,
            end_us=now_us,
            verified_us=now_us,
            retain_until_us=now_us + 91 * 86_400 * US_PER_S,
            required_until_us=now_us + 91 * 86_400 * US_PER_S,
            locked=self.locked,
        )
        minute = FirstMinute(start_us=NOON_US - 60 * US_PER_S, end_us=NOON_US, verified_us=NOON_US + 5 * US_PER_S)
        tests = []
        if self.panels and self.panel_answers:
            tests = [AlarmTestSeen(at_us=now_us - 300_000, received_us=now_us, detail="hall-panel RX <b>")]
        return AcceptanceAnswer(
            now_us=now_us,
            software="server/1",
            site_name="向日葵托育园 <script>",
            timezone="Asia/Shanghai",
            enrolled_us=NOON_US - 100 * US_PER_S,
            cameras=[
                CameraSeen(
                    camera_id=camera,
                    name=f"camera {camera}",
                    zone_name="午睡室",
                    covered_until_us=now_us,
                    first_minute=minute if camera in self.minutes else None,
                    secured=segment if camera in self.secured else None,
                    gaps=self._gaps(camera),
                )
                for camera in self.known_to_server
            ],
            canary=self.canary if question.canary else None,
            alarm_tests=tests,
        )


class Watcher:
    """Remembers what was shown, and does what it is asked for."""

    def __init__(self, story, *, helps=True) -> None:
        self.story, self.helps = story, helps
        self.asked: list[str] = []
        self.notes: list[Said] = []

    @contextmanager
    def step(self, _name):
        yield self.notes.append

    def please(self, said):
        self.asked.append(said.key)
        if said.key == "pull_cable" and self.helps:
            self.story.drop("gate", 12)

    def outcome(self, step):
        pass


@pytest.fixture(autouse=True)
def _hurried(monkeypatch):
    """Waits are as short as can be: the story's own clock is what goes on."""
    monkeypatch.setattr(inquiry, "LOOK_EVERY_S", 0.001)
    for name in (
        "START_WITHIN_S",
        "AGENT_WITHIN_S",
        "MINUTE_WITHIN_S",
        "DELETION_WITHIN_S",
        "GAP_WITHIN_S",
        "MARGIN_S",
    ):
        monkeypatch.setattr(steps, name, 0.3)
    monkeypatch.setattr(steps, "PERSON_WITHIN_S", 0.3)


def accept(story, *, unattended=True, helps=True, camera_id=""):
    watcher = Watcher(story, helps=helps)
    outage_s = 10 if story.gap_closes else 1  # a gap that stays is waited for in real time
    plan = Plan(segment_s=0, unattended=unattended, camera_id=camera_id, outage_s=outage_s, person_within_s=0.3)
    outcome = Acceptance(story.ask, watcher, plan, story.clock).run()
    return outcome, watcher


def statuses(outcome: Outcome):
    return {step.name: step.status for step in outcome.steps}


def keys(outcome: Outcome, name):
    step = next(step for step in outcome.steps if step.name == name)
    return [said.key for said in step.seen], [said.key for said in step.advice]


def test_where_all_is_well_all_passes_and_a_missing_panel_is_named_not_hidden():
    outcome, _ = accept(Story())
    assert statuses(outcome) == dict.fromkeys(STEPS, "passed") | {"panel": "skipped"}
    assert outcome.passed
    assert outcome.skipped == ("panel",)
    assert outcome.first_minute_s == 105.0
    assert keys(outcome, "disconnect")[0] == ["dropped_by_agent", "gap_open", "gap_closed"]


def test_with_a_person_the_report_says_that_a_cable_was_pulled():
    story = Story()
    story.panels = 1
    outcome, watcher = accept(story, unattended=False)
    assert statuses(outcome) == dict.fromkeys(STEPS, "passed")
    assert watcher.asked == ["pull_cable", "plug_in", "press_test"]
    assert keys(outcome, "disconnect")[0][0] == "dropped_by_hand"
    assert not outcome.unattended


def test_a_camera_of_ones_choice_is_dropped():
    story = Story()
    accept(story, camera_id="gate")
    assert story.pulled == "gate"


@pytest.mark.parametrize(
    ("change", "failed", "said", "advice"),
    [
        ({"secured": {"gate"}}, "record", "camera_not_there", "advice_recording"),
        ({"known_to_server": ["gate"]}, "record", "not_registered", "advice_register"),
        ({"minutes": {"gate"}}, "minute", "camera_not_there", "advice_recording"),
        ({"locked": False}, "lock", "not_locked", "advice_lock"),
        ({"secured": set()}, "lock", "nothing_secured", "advice_nothing_secured"),
        ({"canary": CanarySeen(refusals=[], failure="version delete")}, "deletion", "store_gave_in", "advice_store"),
        ({"gap_opens": False}, "disconnect", "no_gap", "advice_no_gap"),
        ({"gap_closes": False}, "disconnect", "gap_stays", "advice_gap_stays"),
        ({"panels": 1, "panel_answers": False}, "panel", "panel_silent", "advice_panel"),
    ],
)
def test_what_is_not_so_fails_its_step_and_says_what_to_do(change, failed, said, advice):
    story = Story()
    for name, value in change.items():
        setattr(story, name, value)
    outcome, _ = accept(story)
    assert not outcome.passed
    assert statuses(outcome)[failed] == "failed"
    assert said in keys(outcome, failed)[0]
    assert keys(outcome, failed)[1] == [advice]


@pytest.mark.parametrize(("connected", "cameras", "said"), [(False, None, "no_broker"), (True, [], "no_cameras")])
def test_without_a_server_or_cameras_nothing_else_is_tried(connected, cameras, said):
    story = Story()
    story.connected = connected
    story.cameras = story.cameras if cameras is None else cameras
    outcome, _ = accept(story)
    assert keys(outcome, "agent")[0] == [said]
    assert {status for name, status in statuses(outcome).items() if name != "agent"} == {"skipped"}
    assert not outcome.passed


def test_footage_that_a_picture_finding_spoils_is_named_as_that():
    story = Story()
    story.minutes = {"gate"}
    whole = story._gaps
    frozen = GapSeen(start_us=NOON_US, end_us=None, cause="picture_frozen", certainty="missing")
    story._gaps = lambda camera: [frozen] if camera == "nap-room" else whole(camera)
    outcome, _ = accept(story, camera_id="gate")
    assert keys(outcome, "minute") == (["camera_spoilt", "camera_minute"], ["advice_picture"])


def test_where_nothing_records_nothing_is_dropped():
    story = Story()
    story.condition = dict.fromkeys(story.cameras, "stalled")
    for unattended in (True, False):
        outcome, watcher = accept(story, unattended=unattended)
        assert keys(outcome, "disconnect")[0] == ["none_records"]
        assert not watcher.asked


def test_nobody_pulls_a_cable():
    outcome, _ = accept(Story(), unattended=False, helps=False)
    assert keys(outcome, "disconnect")[0] == ["nothing_pulled"]


def test_an_answer_that_does_not_come_is_waited_for_and_one_that_never_comes_is_named(monkeypatch):
    story = Story()
    story.unanswered = 3
    assert accept(story)[0].passed
    monkeypatch.setattr(steps, "MARGIN_S", 0.05)
    story = Story()
    story.unanswered = 10_000
    outcome, _ = accept(story)
    assert statuses(outcome)["record"] == "failed"
    assert keys(outcome, "record")[0] == ["error"]


def test_without_an_agent_there_is_no_test(monkeypatch):
    def nobody(_question):
        raise Unavailable("not running", code="not_running")

    monkeypatch.setattr(steps, "START_WITHIN_S", 0.01)
    with pytest.raises(Unavailable, match="not running"):
        Acceptance(nobody, Watcher(None), Plan(segment_s=0), SimulatedClock(NOON_US)).run()


def test_the_report_is_one_file_in_both_languages_and_escapes_what_came_from_outside(tmp_path):
    story = Story()
    story.panels = 1
    story.canary = CanarySeen(refusals=[], failure="version delete & more")
    outcome, _ = accept(story)
    page = as_html(outcome)
    for word in ("验收测试", "Acceptance test", "未通过", "Not passed", "午睡室", "如何处理", "nap-room", "server/1"):
        assert word in page
    assert "<script>" not in page
    assert "RX <b>" not in page
    assert not re.search(r"https?://|src=|href=|@import|url\(", page)
    assert "2026-11-21 20:00" in page  # noon UTC is eight in the evening at the site
    html, data = write(outcome, tmp_path / "reports")
    assert html.read_text() == page
    found = json.loads(data.read_text())
    assert found["passed"] is False
    assert found["first_verified_minute_s"] == 105.0
    assert [step["name"] for step in found["steps"]] == list(STEPS)
    assert found == json.loads(json.dumps(as_json(outcome), ensure_ascii=False))


def test_a_folder_that_takes_no_report_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ResourceExhausted, match="report"):
        write(accept(Story())[0], tmp_path / "file" / "below")


def test_every_text_that_a_step_may_say_is_there_in_both_languages_with_the_same_values():
    source = "".join((steps.__spec__.loader.get_source(steps.__name__) or "",))
    used = set(re.findall(r'Said\(\s*"([a-z_]+)"', source)) | {f"step_{name}" for name in STEPS}
    used |= {f"advice_{condition}" for condition in get_args(CameraCondition)}
    used |= {"advice_no_broker", "advice_no_clock", "dropped_by_agent", "dropped_by_hand"}
    fields = {}
    for language in LANGUAGES:
        texts = catalogue(language)
        missing = [key for key in used if f"accept.{key}" not in texts]
        assert not missing, (language, missing)
        names = {
            key: {name for _, name, _, _ in Formatter().parse(text) if name}
            for key, text in texts.items()
            if key.startswith("accept.")
        }
        fields[language] = names
    assert fields["en"] == fields["zh-CN"]


def test_words_of_the_contract_are_put_into_the_persons_language():
    chinese = Speech("zh-CN")
    said = Said("gap_open", {"camera": "gate", "cause": "camera_unreachable", "start_us": NOON_US})
    assert told(chinese, said, "Asia/Shanghai").endswith("摄像头连接不上）")
    refused = Said("deletion_refused", {"count": 2, "attacks": ["version delete", "something new"]})
    assert "删除; something new" in told(chinese, refused, "UTC")
    assert "UTC" in told(chinese, Said("camera_secured", {"camera": "c", "at_us": NOON_US}), "No/Where")
