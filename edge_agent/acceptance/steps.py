"""The steps of the acceptance test, one after another, against the running agent and the real server.

Invariants: a step passes only on what the server itself has seen since the test began; every wait has an end; an answer
that does not come is waited for again until then, and is named if it never came. Nothing here deletes or changes a
recording.
"""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from config.base.clock import US_PER_S, Clock
from config.base.errors import NightlightError, Unavailable
from config.wire.acceptance import AcceptanceAnswer, CameraSeen, GapSeen
from edge_agent.acceptance.inquiry import Inquiry
from edge_agent.acceptance.outcome import STEPS, CameraFacts, Outcome, Said, StepName, StepOutcome, StepStatus
from edge_agent.control.messages import Answer, CameraNow, PauseCamera, Question, Status

START_WITHIN_S = 10.0
AGENT_WITHIN_S = 30.0
MINUTE_WITHIN_S = 240.0
DELETION_WITHIN_S = 90.0
GAP_WITHIN_S = 60.0
PERSON_WITHIN_S = 300.0
MARGIN_S = 90.0
"""On top of two segments: upload, read-back, and a slow link."""
BEFORE_US = 2 * US_PER_S
CAMERA_CAUSES = frozenset({"camera_unreachable", "camera_unauthorised", "camera_no_video", "stream_stalled"})
PICTURE = "picture_"
"""What the causes begin with that are findings of the picture."""
SLIVER_US = 3 * US_PER_S
"""A new connection costs up to a group of pictures: a gap that is shorter is not the one that was made."""


@dataclass(frozen=True)
class Plan:
    """How the test is run."""

    segment_s: int
    unattended: bool = False
    camera_id: str = ""
    """Whose connection is dropped; empty: the first that records."""
    outage_s: int = 20
    person_within_s: float = PERSON_WITHIN_S


class Person(Protocol):
    """Who watches."""

    def step(self, name: StepName) -> AbstractContextManager[Callable[[Said], None]]:
        """Shows that a step has begun; yields a function that takes a short note of how it goes."""
        ...

    def please(self, said: Said) -> None:
        """Asks for something to be done by hand."""
        ...

    def outcome(self, step: StepOutcome) -> None:
        """Shows what came of a step."""
        ...


class _Ended(Exception):
    """A step that did not pass; ``seen`` and ``advice`` say why and what to do."""

    def __init__(self, *seen: Said, advice: tuple[Said, ...] = (), skipped: bool = False) -> None:
        super().__init__()
        self.seen, self.advice, self.skipped = seen, advice, skipped


class Acceptance:
    """``run`` once."""

    def __init__(self, ask: Callable[[Question], Answer], person: Person, plan: Plan, clock: Clock) -> None:
        self._inquiry = Inquiry(ask)
        self._person = person
        self._plan = plan
        self._clock = clock

    def run(self) -> Outcome:
        """Every step. Raises Unavailable (``not_running``) where there is no agent to be tested."""
        began_us = self._clock.utc_us()
        status = self._inquiry.until(START_WITHIN_S, self._inquiry.status)
        if status is None:
            raise Unavailable("the agent does not answer", code="not_running")
        self._inquiry.since_us = status.now_us - BEFORE_US
        steps: list[StepOutcome] = []
        for name in STEPS:
            if steps and steps[0].status == "failed":
                step = StepOutcome(name, "skipped", 0.0, (Said("not_reached"),))
            else:
                step = self._one(name)
            self._person.outcome(step)
            steps.append(step)
        return self._outcome(began_us, tuple(steps))

    def _one(self, name: StepName) -> StepOutcome:
        work: dict[StepName, Callable[[], tuple[Said, ...]]] = {
            "agent": self._agent,
            "record": self._record,
            "minute": self._minute,
            "lock": self._lock,
            "deletion": self._deletion,
            "disconnect": self._disconnect,
            "panel": self._panel,
        }
        began_s = time.monotonic()

        def ended(status: StepStatus, seen: tuple[Said, ...], advice: tuple[Said, ...] = ()) -> StepOutcome:
            return StepOutcome(name, status, round(time.monotonic() - began_s, 1), seen, advice)

        try:
            with self._person.step(name) as self._inquiry.note:
                return ended("passed", work[name]())
        except _Ended as end:
            return ended("skipped" if end.skipped else "failed", end.seen, end.advice)
        except NightlightError as error:
            return ended("failed", (Said("error", {"detail": str(error)}, good=False),), (Said("advice_error"),))

    # --- the steps ---

    def _agent(self) -> tuple[Said, ...]:
        def look() -> Status | None:
            status = self._inquiry.status()
            return status if status.broker_connected and status.clock_offset_us is not None else None

        status = self._inquiry.until(AGENT_WITHIN_S, look)
        if status is None:
            last = self._inquiry.known
            broken = "no_broker" if not last.broker_connected else "no_clock"
            raise _Ended(Said(broken, good=False), advice=(Said(f"advice_{broken}"),))
        if not status.cameras:
            raise _Ended(Said("no_cameras", good=False), advice=(Said("advice_no_cameras"),))
        values = {"cameras": len(status.cameras), "offset_ms": round((status.clock_offset_us or 0) / 1_000, 1)}
        return (Said("agent_fine", values),)

    def _record(self) -> tuple[Said, ...]:
        return self._each_camera(
            self._segments_within_s(),
            lambda camera: camera.secured is not None,
            lambda camera: (
                Said("camera_secured", {"camera": camera.camera_id, "at_us": camera.secured.verified_us})
                if camera.secured
                else Said("camera_waits", {"camera": camera.camera_id}, good=False)
            ),
        )

    def _minute(self) -> tuple[Said, ...]:
        def done(camera: CameraSeen) -> Said:
            minute = camera.first_minute
            if minute is None:
                return Said("camera_waits", {"camera": camera.camera_id}, good=False)
            values = {"camera": camera.camera_id, "start_us": minute.start_us, "verified_us": minute.verified_us}
            return Said("camera_minute", values)

        within_s = max(MINUTE_WITHIN_S, self._segments_within_s())
        return self._each_camera(within_s, lambda camera: camera.first_minute is not None, done)

    def _lock(self) -> tuple[Said, ...]:
        seen = self._inquiry.seen()
        said = [_locked(camera) for camera in seen.cameras if camera.secured is not None]
        if not said:
            raise _Ended(Said("nothing_secured", good=False), advice=(Said("advice_nothing_secured"),))
        if any(not one.good for one in said):
            raise _Ended(*said, advice=(Said("advice_lock"),))
        return tuple(said)

    def _deletion(self) -> tuple[Said, ...]:
        def look() -> AcceptanceAnswer | None:
            return self._inquiry.seen(canary=True)

        seen = self._inquiry.until(DELETION_WITHIN_S, look)
        if seen is None or seen.canary is None:
            raise _Ended(Said("no_answer", good=False), advice=(Said("advice_error"),))
        if seen.canary.failure:
            raise _Ended(
                Said("store_gave_in", {"detail": seen.canary.failure}, good=False), advice=(Said("advice_store"),)
            )
        attacks = [one.attack for one in seen.canary.refusals]
        return (Said("deletion_refused", {"count": len(attacks), "attacks": attacks}),)

    def _disconnect(self) -> tuple[Said, ...]:
        before_us = self._inquiry.seen().now_us
        camera_id = self._dropped_by_agent() if self._plan.unattended else self._dropped_by_hand()
        gap = self._inquiry.until(GAP_WITHIN_S, lambda: self._open_gap(camera_id, before_us))
        if gap is None:
            raise _Ended(Said("no_gap", {"camera": camera_id}, good=False), advice=(Said("advice_no_gap"),))
        how = "dropped_by_agent" if self._plan.unattended else "dropped_by_hand"
        opened = Said("gap_open", {"camera": camera_id, "cause": gap.cause, "start_us": gap.start_us})
        if not self._plan.unattended:
            self._person.please(Said("plug_in", {"camera": camera_id}))
        within_s = self._segments_within_s() + (self._plan.outage_s if self._plan.unattended else PERSON_WITHIN_S)
        shown_us = self._inquiry.last_seen.now_us if self._inquiry.last_seen else before_us
        closed = self._inquiry.until(within_s, lambda: self._closed_gap(camera_id, shown_us))
        if closed is None or closed.end_us is None:
            raise _Ended(
                Said(how, {"camera": camera_id, "seconds": self._plan.outage_s}),
                opened,
                Said("gap_stays", {"camera": camera_id}, good=False),
                advice=(Said("advice_gap_stays"),),
            )
        length_s = round((closed.end_us - closed.start_us) / US_PER_S, 1)
        return (
            Said(how, {"camera": camera_id, "seconds": self._plan.outage_s}),
            opened,
            Said("gap_closed", {"camera": camera_id, "end_us": closed.end_us, "seconds": length_s}),
        )

    def _panel(self) -> tuple[Said, ...]:
        if not self._inquiry.known.panels:
            raise _Ended(Said("no_panel"), skipped=True)
        before_us = self._inquiry.seen().now_us
        self._person.please(Said("press_test"))

        def look() -> Said | None:
            seen = self._inquiry.seen()
            for test in seen.alarm_tests:
                if test.received_us >= before_us:
                    took_s = round((test.received_us - test.at_us) / US_PER_S, 2)
                    return Said("panel_heard", {"at_us": test.at_us, "detail": test.detail, "seconds": took_s})
            return None

        heard = self._inquiry.until(self._plan.person_within_s, look)
        if heard is None:
            raise _Ended(Said("panel_silent", good=False), advice=(Said("advice_panel"),))
        return (heard,)

    # --- what they share ---

    def _each_camera(
        self, within_s: float, is_done: Callable[[CameraSeen], bool], said: Callable[[CameraSeen], Said]
    ) -> tuple[Said, ...]:
        """Waits for every camera of the agent; what is said of each. Raises _Ended naming those that never were."""

        def look() -> AcceptanceAnswer | None:
            status, seen = self._inquiry.status(), self._inquiry.seen()
            by_id = {camera.camera_id: camera for camera in seen.cameras}
            waiting = [one for one in status.cameras if one.camera_id not in by_id or not is_done(by_id[one.camera_id])]
            if not waiting:
                return seen
            first = waiting[0]
            done = len(status.cameras) - len(waiting)
            values = {"done": done, "of": len(status.cameras), "camera": first.camera_id, "condition": first.condition}
            self._inquiry.note(Said("waiting", values))
            return None

        seen = self._inquiry.until(within_s, look)
        if seen is not None:
            return tuple(
                said(camera)
                for camera in seen.cameras
                if camera.camera_id in {one.camera_id for one in self._inquiry.known.cameras}
            )
        by_id = (
            {camera.camera_id: camera for camera in self._inquiry.last_seen.cameras} if self._inquiry.last_seen else {}
        )
        lines: list[Said] = []
        advice: list[Said] = []
        for camera in self._inquiry.known.cameras:
            known = by_id.get(camera.camera_id)
            spoilt = _spoilt(known)
            if known is not None and is_done(known):
                lines.append(said(known))
            elif spoilt:
                lines.append(Said("camera_spoilt", {"camera": camera.camera_id, "cause": spoilt}, good=False))
                advice.append(Said("advice_picture", {"camera": camera.camera_id}))
            else:
                lines.append(_not_there(camera, registered=known is not None))
                advice.append(_advice(camera, registered=known is not None))
        raise _Ended(*lines, advice=_once(advice))

    def _dropped_by_agent(self) -> str:
        recording = [one.camera_id for one in self._inquiry.status().cameras if one.condition == "recording"]
        wanted = self._plan.camera_id or (recording[0] if recording else "")
        if not wanted or wanted not in recording:
            raise _Ended(
                Said("none_records", {"camera": wanted or "-"}, good=False), advice=(Said("advice_none_records"),)
            )
        self._inquiry.ask(PauseCamera(camera_id=wanted, seconds=self._plan.outage_s))
        return wanted

    def _dropped_by_hand(self) -> str:
        recording = {one.camera_id for one in self._inquiry.status().cameras if one.condition == "recording"}
        if self._plan.camera_id:
            recording &= {self._plan.camera_id}
        if not recording:
            wanted = self._plan.camera_id or "-"
            raise _Ended(Said("none_records", {"camera": wanted}, good=False), advice=(Said("advice_none_records"),))
        self._person.please(Said("pull_cable", {"cameras": ", ".join(sorted(recording))}))

        def look() -> str | None:
            for one in self._inquiry.status().cameras:
                if one.camera_id in recording and one.condition not in ("recording", "starting"):
                    return one.camera_id
            return None

        dropped = self._inquiry.until(self._plan.person_within_s, look)
        if dropped is None:
            raise _Ended(Said("nothing_pulled", good=False), advice=(Said("advice_nothing_pulled"),))
        return dropped

    def _open_gap(self, camera_id: str, since_us: int) -> GapSeen | None:
        """A gap that lasts, or has lasted, and is the camera's; the slivers between two runs are none."""
        for gap in self._gaps(camera_id):
            lasted = gap.end_us is None or gap.end_us > max(since_us, gap.start_us + SLIVER_US)
            if lasted and gap.certainty == "missing" and gap.cause in CAMERA_CAUSES:
                return gap
        return None

    def _closed_gap(self, camera_id: str, shown_us: int) -> GapSeen | None:
        """The gap that was there at ``shown_us``, once it has an end and nothing is missing after it."""
        gaps = self._gaps(camera_id)
        if any(gap.end_us is None for gap in gaps):
            return None
        ended = [gap for gap in gaps if gap.cause in CAMERA_CAUSES and (gap.end_us or 0) > shown_us - SLIVER_US]
        return ended[0] if ended else None

    def _gaps(self, camera_id: str) -> list[GapSeen]:
        return [gap for camera in self._inquiry.seen().cameras if camera.camera_id == camera_id for gap in camera.gaps]

    def _segments_within_s(self) -> float:
        return 2 * self._plan.segment_s + MARGIN_S

    def _outcome(self, began_us: int, steps: tuple[StepOutcome, ...]) -> Outcome:
        status, seen = self._inquiry.known, self._inquiry.last_seen
        return Outcome(
            site_id=status.site_id,
            agent_id=status.agent_id,
            site_name=seen.site_name if seen else "",
            timezone=seen.timezone if seen else "UTC",
            agent_software=status.software,
            server_software=seen.software if seen else "",
            began_us=began_us,
            ended_us=self._clock.utc_us(),
            enrolled_us=seen.enrolled_us if seen else None,
            unattended=self._plan.unattended,
            cameras=tuple(_facts(camera) for camera in seen.cameras) if seen else (),
            steps=steps,
        )


def _facts(camera: CameraSeen) -> CameraFacts:
    return CameraFacts(
        camera_id=camera.camera_id,
        name=camera.name,
        zone_name=camera.zone_name,
        retain_until_us=camera.secured.retain_until_us if camera.secured else None,
        first_minute_us=camera.first_minute.verified_us if camera.first_minute else None,
    )


def _locked(camera: CameraSeen) -> Said:
    secured = camera.secured
    if secured is None or not secured.locked:
        values = {"camera": camera.camera_id, "detail": secured.detail if secured else ""}
        return Said("not_locked", values, good=False)
    return Said("locked", {"camera": camera.camera_id, "until_us": secured.retain_until_us})


def _spoilt(camera: CameraSeen | None) -> str:
    """The picture finding for which footage that is there does not count; empty where there is none."""
    causes = [gap.cause for gap in camera.gaps if gap.cause.startswith(PICTURE)] if camera and camera.secured else []
    return causes[-1] if causes else ""


def _not_there(camera: CameraNow, *, registered: bool) -> Said:
    if not registered:
        return Said("not_registered", {"camera": camera.camera_id}, good=False)
    values = {"camera": camera.camera_id, "condition": camera.condition, "detail": camera.detail}
    return Said("camera_not_there", values, good=False)


def _advice(camera: CameraNow, *, registered: bool) -> Said:
    return Said("advice_register" if not registered else f"advice_{camera.condition}", {"camera": camera.camera_id})


def _once(advice: list[Said]) -> tuple[Said, ...]:
    """Each advice once, for the first camera that needs it."""
    kept: dict[str, Said] = {}
    for said in advice:
        kept.setdefault(said.key, said)
    return tuple(kept.values())
