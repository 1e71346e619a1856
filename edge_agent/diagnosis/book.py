"""What the server has been told of picture findings: every change of them once, with its still, over crashes.

Invariants: a change and the message about it are one transaction; what could not be written down waits, in order, for the
camera's next report; a finding stays open until a shard has seen good pictures, whatever became of the shard or the
agent; without the server's key a still is not sent, and the finding says so.

A spool that begins anew tells of every finding that is clear, once: the server may know of one that an earlier spool
left open.
"""

import hashlib
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from config.base.errors import InvalidInput
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.wire.findings import FindingName, FindingStill, PictureFinding
from config.wire.sealing import finding_still, seal_to
from edge_agent.diagnosis.reports import DiagnosisReport, FindingNow, decode
from edge_agent.messages import SealedMessage, Sealer
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox

WAITING_MAX = 16
"""Reports of one camera with changes that the spool could not take; past that the oldest goes, and what stands is told."""

log = get_logger("diagnosis")


@dataclass(frozen=True)
class _Told:
    """A finding as it was last told."""

    finding_id: str
    is_open: bool
    since_us: int


@dataclass(frozen=True)
class _Step:
    """A finding as it stood at an instant."""

    timeline_id: str
    at_us: int
    now: FindingNow
    still: bytes | None
    still_us: int


class FindingBook:
    """Thread-safe; ``take`` is the fleet's handler of ``reports.KIND``."""

    def __init__(
        self, database: SpoolDatabase, outbox: Outbox, sealer: Sealer, server_key: X25519PublicKey | None
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._sealer = sealer
        self._server_key = server_key
        self._lock = threading.Lock()
        self._waiting: dict[str, deque[DiagnosisReport]] = {}
        self._told: dict[tuple[str, str], _Told] = {
            (row["camera_id"], row["finding"]): _Told(row["finding_id"], bool(row["open"]), row["since_us"])
            for row in database.all("SELECT * FROM picture_findings")
        }

    def take(self, camera_id: str, body: bytes) -> None:
        """Puts what is new of a shard's report into the outbox. Raises InvalidInput, and what the spool raises."""
        try:
            report = decode(body)
        except msgspec.MsgspecError as error:
            raise InvalidInput(f"a diagnosis report that makes no sense: {error}") from error
        self.take_report(camera_id, report)

    def take_report(self, camera_id: str, report: DiagnosisReport) -> None:
        """The same of a report that needs no decoding. What the spool refuses is tried again with the next report."""
        with self._lock:
            reports = [*self._waiting.get(camera_id, ()), report]
            if report.changes:
                self._wait(camera_id, report)
            told: dict[tuple[str, str], _Told] = {}
            if any(self._is_news(camera_id, step.now, told) for one in reports for step in _steps(one)):
                with self._database.transaction() as connection:
                    for step in (step for one in reports for step in _steps(one)):
                        if self._is_news(camera_id, step.now, told):
                            self._write(connection, camera_id, step, told)
                self._told.update(told)
            self._waiting.pop(camera_id, None)
        if told:
            self._outbox.wake.set()

    def _wait(self, camera_id: str, report: DiagnosisReport) -> None:
        waiting = self._waiting.setdefault(camera_id, deque(maxlen=WAITING_MAX))
        if len(waiting) == WAITING_MAX:
            lost = [f"{change.now.name} {change.now.state}" for change in waiting[0].changes]
            log.error("finding_changes_lost", camera=camera_id, changes=lost, why="the spool takes nothing")
        waiting.append(report)

    def _write(
        self, connection: sqlite3.Connection, camera_id: str, step: _Step, told: dict[tuple[str, str], _Told]
    ) -> None:
        name = step.now.name
        mark, messages = self._messages(camera_id, step, told.get((camera_id, name), self._told.get((camera_id, name))))
        for message in messages:
            self._outbox.put(connection, message)
        connection.execute(
            "INSERT INTO picture_findings (camera_id, finding, finding_id, open, since_us)"
            " VALUES (?, ?, ?, ?, ?) ON CONFLICT (camera_id, finding) DO UPDATE SET"
            " finding_id = excluded.finding_id, open = excluded.open, since_us = excluded.since_us",
            (camera_id, name, mark.finding_id, int(mark.is_open), mark.since_us),
        )
        told[camera_id, name] = mark

    def open_findings(self) -> dict[str, list[str]]:
        """Finding → cameras, for the heartbeat."""
        found: dict[str, list[str]] = {}
        for (camera_id, finding), told in sorted(self._told.items()):
            if told.is_open:
                found.setdefault(finding, []).append(camera_id)
        return found

    def _is_news(self, camera_id: str, now: FindingNow, told: dict[tuple[str, str], _Told]) -> bool:
        if now.state == "unknown":
            return False
        last = told.get((camera_id, now.name), self._told.get((camera_id, now.name)))
        return last is None or last.is_open != (now.state == "open")

    def _messages(self, camera_id: str, step: _Step, told: _Told | None) -> tuple[_Told, list[SealedMessage]]:
        now = step.now
        is_open = now.state == "open"
        finding_id = told.finding_id if told is not None and not is_open else fresh_id()
        since_us = told.since_us if told is not None and not is_open else now.since_us
        since_us = max(0, since_us)
        still = self._still(camera_id, finding_id, step) if is_open else None
        finding = PictureFinding(
            **self._sealer.who(),
            camera_id=camera_id,
            timeline_id=step.timeline_id,
            finding_id=finding_id,
            finding=now.name,
            state="raised" if is_open else "cleared",
            at_us=max(0, step.at_us),
            since_us=since_us,
            until_us=None if is_open else max(now.since_us, 0),
            score=now.score,
            threshold=now.threshold,
            still_sha256=still.sha256 if still is not None else None,
            no_still=("no_picture" if step.still is None else "no_key") if is_open and still is None else "",
        )
        about_us = since_us if finding.until_us is None else finding.until_us
        messages = [self._sealer.sealed(finding, about_us, camera_id)]
        if still is not None:
            messages.append(self._sealer.sealed(still, still.taken_us, camera_id))
        _log(camera_id, now.name, finding)
        return _Told(finding_id, is_open, since_us), messages

    def _still(self, camera_id: str, finding_id: str, step: _Step) -> FindingStill | None:
        if step.still is None or self._server_key is None:
            return None
        context = finding_still(self._sealer.agent_id, camera_id, finding_id)
        return FindingStill(
            **self._sealer.who(),
            camera_id=camera_id,
            finding_id=finding_id,
            taken_us=max(0, step.still_us),
            sha256=hashlib.sha256(step.still).hexdigest(),
            size_bytes=len(step.still),
            sealed=seal_to(self._server_key, step.still, context),
        )


def _steps(report: DiagnosisReport) -> Iterator[_Step]:
    """What changed, then what stands."""
    still_us = report.at_us if report.still_us is None else report.still_us
    for change in report.changes:
        still = (
            report.still if change.at_us == still_us else None
        )  # another finding's picture shows nothing of this one
        yield _Step(change.timeline_id, change.at_us, change.now, still, still_us)
    for now in report.findings:
        yield _Step(report.timeline_id, report.at_us, now, report.still, still_us)


def _log(camera_id: str, name: FindingName, finding: PictureFinding) -> None:
    log.info(
        "finding_told", camera=camera_id, finding=name, state=finding.state, still=finding.still_sha256 is not None
    )
