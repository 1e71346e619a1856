"""``python3 dev.py demo --smoke``: breaks the running system on purpose and looks at what the server then says.

Invariant: it ends within ``OVERALL_S``, leaves no process behind, and its last line is one JSON object; the exit
status is non-zero where anything that was promised did not happen.
"""

import json
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from config.base.clock import US_PER_MINUTE, US_PER_S, SystemClock
from config.base.errors import IntegrityViolation, NightlightError, Unavailable
from config.base.timespan import Span, SpanSet
from deploy.local import evidence
from deploy.local.acceptance import AcceptanceTrial
from deploy.local.broker import version as broker_version
from deploy.local.facilities import SITES
from deploy.local.say import line, step
from deploy.local.stack import Stack
from deploy.local.watch import CameraView, Gap, SiteView, Watcher
from storage.objects.canary import attack_version
from storage.objects.connection import access_from
from storage.objects.keys import CANARY_PREFIX
from storage.objects.s3 import S3EvidenceStore

OVERALL_S = 300.0
LOOK_EVERY_S = 1.0
FIRST_SEGMENT_WITHIN_S = 60.0
FIRST_MINUTE_WITHIN_S = 90.0
SHOWN_WITHIN_S = 60.0
UNVERIFIED_WITHIN_S = 75.0
BACKFILLED_WITHIN_S = 90.0
ACCEPTED_WITHIN_S = 90.0
BROKER_OUTAGE_S = 20.0
CUT_US = 5 * US_PER_S
"""What kill -9 may cost: the group of pictures that was being written, and the seconds to reach the kill itself."""
SLIVERS_US_MAX = 3 * US_PER_S
STEADY, KILLED = (site.site_id for site in SITES)


class Failed(Exception):
    """Something that was promised did not happen."""


@dataclass
class Result:
    """The last line."""

    first_verified_minute_s: float | None = None
    cameras: int = 0
    segments: int = 0
    gaps: int = 0
    refused_deletions: int = 0
    backfilled_s: float = 0.0
    evidence: dict[str, Any] = field(default_factory=dict)
    """What ``nightlight-verify`` says of a package, and where it refuses a mutant of it."""
    acceptance: dict[str, Any] = field(default_factory=dict)
    """What ``nightlight-agent accept`` found."""
    store: str = ""
    broker: str = ""
    duration_s: float = 0.0
    failures: list[str] = field(default_factory=list)


def run(stack: Stack) -> int:
    """The whole run; returns the exit status."""
    result = Result(broker=broker_version())
    began = time.monotonic()
    try:
        stack.claim(empty=True)
        with step(
            "Starting broker, store, server, cameras and agents", "正在启动消息代理、存储、服务器、摄像头和园内主机"
        ) as note:
            stack.start(note)
        result.store = f"{stack.store.kind} {stack.store.version}"
        _Smoke(stack, result, began + OVERALL_S).run()
    except (NightlightError, Failed) as error:
        result.failures.append(str(error))
    except KeyboardInterrupt:
        result.failures.append("interrupted")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with step("Stopping", "正在停止"):
            stack.stop()
    result.duration_s = round(time.monotonic() - began, 1)
    if result.failures:
        print(f"the logs are in {stack.layout.logs}", file=sys.stderr)
    print(json.dumps(vars(result), ensure_ascii=False), flush=True)
    return 1 if result.failures else 0


class _Smoke:
    """The parts of the run, and what they share."""

    def __init__(self, stack: Stack, result: Result, deadline: float) -> None:
        self._stack = stack
        self._result = result
        self._deadline = deadline
        self._watcher = Watcher(stack.address, stack.auditor.name, stack.auditor.password)
        self._began_us = _now_us()
        self._trial = AcceptanceTrial(stack.layout, SITES[0])

    def run(self) -> None:
        for english, chinese, part in (
            ("The first segment is secured", "第一个片段已锁定", self._first_segment),
            ("A locked segment cannot be deleted", "已锁定的片段无法删除", self._deletion),
            ("A dead camera shows as an open gap and closes", "摄像头断开显示为缺口，恢复后闭合", self._camera_off),
            ("The first verified minute", "第一个核实的分钟", self._first_minute),
            ("An evidence package verifies, its mutant does not", "证据包通过验证，被改动的不通过", self._evidence),
            ("A broker outage and a killed agent are backfilled", "消息代理中断、园内主机被杀之后补录", self._outage),
            ("The installer's acceptance test passes", "安装验收测试通过", self._accept),
        ):
            try:
                with step(english, chinese):
                    part()
            except (Failed, NightlightError) as error:
                self._result.failures.append(f"{english}: {error}")
        self._count()

    def _first_segment(self) -> None:
        self._wait(
            "a secured segment",
            lambda view: any(c.covered for c in view[STEADY].cameras.values()),
            FIRST_SEGMENT_WITHIN_S,
        )

    def _deletion(self) -> None:
        store = S3EvidenceStore(access_from(self._stack.settings().store), SystemClock())
        stored = store.list_versions(f"{STEADY}/")
        listed = next((version for version in stored if not version.key.startswith(CANARY_PREFIX)), None)
        if listed is None:
            raise Failed("there is nothing to delete")
        target = store.stat_version(listed.key, listed.version_id)
        try:
            refusals = attack_version(store, target)
        except IntegrityViolation as error:
            raise Failed(f"the store gave in: {error}") from error
        self._result.refused_deletions = sum("delete" in refusal.attack for refusal in refusals)
        if not self._result.refused_deletions:
            raise Failed("no deletion was tried")

    def _camera_off(self) -> None:
        camera = SITES[0].cameras[0]
        off_us = _now_us()
        self._stack.simulator.switch(camera.stream, "off")
        try:
            self._wait(
                "an open gap of an unreachable camera",
                lambda view: _is_down(view[STEADY].cameras[camera.camera_id]),
                SHOWN_WITHIN_S,
            )
        finally:
            self._stack.simulator.switch(camera.stream, "on")
        self._wait(
            "the gap of the camera that is back to close",
            lambda view: _is_back(view[STEADY].cameras[camera.camera_id], off_us),
            SHOWN_WITHIN_S,
        )

    def _first_minute(self) -> None:
        self._wait(
            "a verified minute",
            lambda _view: self._result.first_verified_minute_s is not None,
            max(1.0, FIRST_MINUTE_WITHIN_S - (time.monotonic() - self._stack.ready_at)),
        )
        if (self._result.first_verified_minute_s or 0) > FIRST_MINUTE_WITHIN_S:
            raise Failed(f"it took {self._result.first_verified_minute_s} s, {FIRST_MINUTE_WITHIN_S:.0f} s are allowed")

    def _evidence(self) -> None:
        view = self._watcher.site(STEADY)
        camera = max(view.cameras.values(), key=lambda camera: camera.longest_covered_us)
        longest = max(camera.covered, key=lambda span: span.duration_us, default=None)
        if longest is None:
            raise Failed("there is nothing to export")
        span = Span(max(longest.start_us, longest.end_us - US_PER_MINUTE), longest.end_us)
        target = self._stack.layout.root / "evidence" / "package.zip"
        evidence.export(self._stack.address, self._stack.auditor, STEADY, camera.camera_id, span, target)
        facts = evidence.judged(target, self._stack.layout.signing_key.with_suffix(".pub.pem"))
        covered_s = facts["covered_us"] // US_PER_S
        self._result.evidence = {"segments": facts["segments"], "covered_s": covered_s, "genuine": facts["genuine"]}
        self._result.evidence["mutant_refused_at"] = facts["mutant_refused"]
        line(
            f"  nightlight-verify: genuine, {facts['segments']} recordings, {covered_s} s covered;"
            f" with one bit flipped refused at {facts['mutant_refused']}",
            f"  nightlight-verify：真实，{facts['segments']} 段录像，覆盖 {covered_s} 秒；"
            f"翻转一个比特后被拒绝：{facts['mutant_refused']}",
        )

    def _outage(self) -> None:
        self._stack.broker.stop()
        stopped_us = _now_us()
        time.sleep(BROKER_OUTAGE_S)
        self._stack.kill_agent(KILLED)
        killed_us = _now_us()
        self._stack.broker.start()
        self._trial.start()  # goes on beside what follows: it is about the other facility
        try:
            self._wait(
                "every camera of a dead agent to be UNVERIFIED",
                lambda view: all(_is_unknown(camera) for camera in view[KILLED].cameras.values()),
                UNVERIFIED_WITHIN_S,
            )
        finally:
            self._stack.start_agent(KILLED)
            back_us = _now_us()
        outage = SpanSet.of((stopped_us, killed_us - CUT_US))
        self._wait(
            "what was recorded during the outage to be secured",
            lambda view: all(
                _is_whole(camera, outage) for site_id in (STEADY, KILLED) for camera in view[site_id].cameras.values()
            ),
            BACKFILLED_WITHIN_S,
        )
        self._wait(
            "the dead time, and nothing more, to stay a gap",
            lambda view: all(
                _only_dead_time(
                    camera, SpanSet.of((killed_us - CUT_US, view[KILLED].now_us)), stopped_us, killed_us, back_us
                )
                for camera in view[KILLED].cameras.values()
            ),
            SHOWN_WITHIN_S,
        )
        view = self._watcher.site(KILLED)
        self._result.backfilled_s = round(
            sum((c.covered & outage).total_us for c in view.cameras.values()) / US_PER_S, 1
        )

    def _accept(self) -> None:
        found = self._trial.finish(ACCEPTED_WITHIN_S)
        self._result.acceptance = {
            name: found.get(name) for name in ("passed", "skipped", "first_verified_minute_s", "unattended")
        }
        self._result.acceptance["steps"] = {step["name"]: step["status"] for step in found.get("steps", [])}
        if found.get("passed") is not True or found.get("skipped"):
            raise Failed(f"{self._result.acceptance}; it says why in {self._trial.log}")

    def _count(self) -> None:
        with suppress(NightlightError):
            views = [self._watcher.site(site.site_id) for site in SITES]
            self._result.cameras = sum(len(view.cameras) for view in views)
            self._result.gaps = sum(len(camera.gaps) for view in views for camera in view.cameras.values())
            store = S3EvidenceStore(access_from(self._stack.settings().store), SystemClock())
            self._result.segments = sum(1 for site in SITES for _ in store.list_versions(f"{site.site_id}/"))

    def _wait(self, what: str, happened: Callable[[dict[str, SiteView]], bool], within_s: float) -> None:
        """Looks until it has happened. Raises Failed when its time or all time is over, or where a process died."""
        deadline = min(self._deadline, time.monotonic() + within_s)
        seen = "nothing"
        while True:
            dead = self._stack.crashed()
            if dead:
                raise Failed(f"{what}: {dead}")
            try:
                view = {site.site_id: self._watcher.site(site.site_id) for site in SITES}
                self._note_first_minute(view)
                if happened(view):
                    return
                seen = _summary(view)
            except Unavailable as error:
                seen = str(error)
            if time.monotonic() > deadline:
                raise Failed(f"waited {within_s:.0f} s for {what}; seen: {seen}")
            time.sleep(LOOK_EVERY_S)

    def _note_first_minute(self, view: dict[str, SiteView]) -> None:
        longest_us = max(camera.longest_covered_us for site in view.values() for camera in site.cameras.values())
        if self._result.first_verified_minute_s is None and longest_us >= US_PER_MINUTE:
            self._result.first_verified_minute_s = round(time.monotonic() - self._stack.ready_at, 1)


def _is_down(camera: CameraView) -> bool:
    gap = camera.open_gap
    return gap is not None and gap.cause == "camera_unreachable" and camera.status == "NON_COMPLIANT"


def _is_back(camera: CameraView, off_us: int) -> bool:
    closed = [
        gap.end_us for gap in camera.gaps if gap.cause == "camera_unreachable" and gap.end_us and gap.end_us > off_us
    ]
    return camera.open_gap is None and any(end_us in camera.covered for end_us in closed)


def _is_unknown(camera: CameraView) -> bool:
    gap = camera.open_gap
    return camera.status == "UNVERIFIED" and gap is not None and gap.status == "unverified"


def _is_whole(camera: CameraView, span: SpanSet) -> bool:
    return not span - camera.covered


def _only_dead_time(camera: CameraView, dead: SpanSet, stopped_us: int, killed_us: int, back_us: int) -> bool:
    """After ``stopped_us`` every gap is known and closed, lies where nobody recorded, and is the agent's absence.

    At both ends of it the last sign of life and the last frame lie up to a group of pictures apart: such a sliver may
    bear another cause.
    """
    later = [gap for gap in camera.gaps if gap.end_us is None or gap.end_us > stopped_us]
    if any(gap.end_us is None or gap.status != "missing" for gap in later):
        return False
    holes = SpanSet((gap.start_us, gap.end_us) for gap in later if gap.end_us is not None)
    absence = SpanSet((gap.start_us, gap.end_us) for gap in later if gap.end_us and gap.cause == "agent_offline")
    slivers = holes - absence
    return not holes - dead and not SpanSet.of((killed_us, back_us)) - holes and slivers.total_us <= SLIVERS_US_MAX


def _summary(view: dict[str, SiteView]) -> str:
    told = [
        f"{camera.camera_id} {camera.status} covered {camera.covered.total_us // US_PER_S} s "
        + ", ".join(_told(gap) for gap in camera.gaps)
        for site in view.values()
        for camera in site.cameras.values()
    ]
    return "; ".join(told)


def _told(gap: Gap) -> str:
    length = f"{(gap.end_us - gap.start_us) / US_PER_S:.2f} s" if gap.end_us else "open"
    return f"{gap.cause}/{gap.status} {length}"


def _now_us() -> int:
    return SystemClock().utc_us()
