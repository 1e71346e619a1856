"""Where every alarm comes in: makes the events, and puts them on the disk before anybody is told that they were taken.

Invariant: when ``take`` has returned, the events survive a power cut, and so does the knowledge that this very thing
was taken: what comes again makes no second event, also after ``kill -9`` between the commit and the answer.
"""

import hashlib
import sqlite3
from dataclasses import dataclass

from config.base.clock import US_PER_S
from config.base.errors import ResourceExhausted
from config.base.logs import get_logger
from config.wire.alarms import AlarmEvent, AlarmSource
from edge_agent.alarms.messages import Report
from edge_agent.alarms.panels import Panel, PanelBook
from edge_agent.messages import Sealer
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.timekeeping import AgentClock, Instant

FRAMES_KEPT_MAX = 2_000
"""Of one panel."""
RETRY_US = 60 * US_PER_S
"""Within this a panel sends one event again and again."""
WAITING_MAX = 50_000
"""Alarm events in the outbox: days of the worst that a flood may bring."""
PARTITIONS_MAX = 64
"""Of one panel: further ones are told, and not remembered."""

log = get_logger("alarms")


@dataclass(frozen=True)
class Said:
    """One thing that a source said."""

    source: AlarmSource
    panel_id: str
    reports: tuple[Report, ...]
    raw: bytes = b""
    plaintext: bytes | None = None
    account: str = ""
    panel_at_us: int | None = None
    encrypted: bool = False
    identity: bytes = b""
    """What makes it the same thing when it comes again; empty where every one is new."""
    stamp_us: int | None = None
    """When the panel sent it, by its own clock. What is much newer than the first is no repetition, whatever its number."""


class AlarmDesk:
    """Thread-safe. ``take`` raises ResourceExhausted or Unavailable where nothing could be stored: then nothing was."""

    def __init__(
        self, book: PanelBook, clock: AgentClock, database: SpoolDatabase, outbox: Outbox, sealer: Sealer, repeat_s: int
    ) -> None:
        self.book = book
        self._clock = clock
        self._database = database
        self._outbox = outbox
        self._sealer = sealer
        self._repeat_us = repeat_s * US_PER_S

    def take(self, said: Said, states: dict[str, str] | None = None) -> bool:
        """Stores what was said; False where it had been taken already. ``states``: what else to remember of it."""
        now = self._clock.now()
        panel = self.book.panels.get(said.panel_id)
        events = [self._event(said, report, now) for report in said.reports]
        arming = _arming(panel, said.reports, now.us) if panel else {}
        kept = {f"armed/{said.panel_id}/{name}": f"{armed:d}@{since}" for name, (armed, since) in arming.items()}
        with self._database.transaction() as connection:
            if said.identity and not self._is_new(connection, said, now.us):
                return False
            if self._outbox.express_count(connection) + len(events) > WAITING_MAX:
                raise ResourceExhausted(
                    f"{WAITING_MAX} alarm events wait for the server already", code="too_many_alarms"
                )
            for event in events:
                self._outbox.put(connection, self._sealer.sealed(event, event.at_us))
            for name, value in {**kept, **(states or {})}.items():
                connection.execute("INSERT OR REPLACE INTO alarm_states VALUES (?, ?)", (name, value))
        self._outbox.wake.set()
        for event in events:
            log.info(
                "alarm_taken", panel=event.panel_id, kind=event.kind, state=event.state, message_id=event.message_id
            )
        if panel is not None:
            self._note(panel, arming, events)
        return True

    def _event(self, said: Said, report: Report, now: Instant) -> AlarmEvent:
        kind, state, _about = report.meaning
        return AlarmEvent(
            **self._sealer.who(),
            timeline_id=now.timeline_id,
            at_us=max(0, now.us),
            source=said.source,
            panel_id=said.panel_id,
            account=said.account,
            partition=report.partition,
            point=report.point,
            code=report.code,
            about=report.meaning.about,
            kind=kind,
            state=state,
            panel_at_us=said.panel_at_us,
            encrypted=said.encrypted,
            detail=report.text,
            raw=said.raw,
            plaintext=said.plaintext,
        )

    def _is_new(self, connection: sqlite3.Connection, said: Said, now_us: int) -> bool:
        # The panel is a part of the key: what one of them says in a flood pushes out none of another's.
        panel = f"{said.panel_id}:"
        digest = panel + hashlib.sha256(said.identity).hexdigest()
        row = connection.execute("SELECT taken_us, stamp_us FROM alarm_frames WHERE digest = ?", (digest,)).fetchone()
        if row is not None and abs(now_us - row["taken_us"]) <= self._repeat_us and not _sent_later(row, said):
            return False
        connection.execute("INSERT OR REPLACE INTO alarm_frames VALUES (?, ?, ?)", (digest, now_us, said.stamp_us))
        connection.execute("DELETE FROM alarm_frames WHERE abs(taken_us - ?) > ?", (now_us, self._repeat_us))
        connection.execute(
            "DELETE FROM alarm_frames WHERE rowid IN (SELECT rowid FROM alarm_frames WHERE digest >= ? AND digest < ?"
            " ORDER BY rowid DESC LIMIT -1 OFFSET ?)",
            (panel, f"{said.panel_id};", FRAMES_KEPT_MAX),
        )
        return True

    def _note(self, panel: Panel, arming: dict[str, tuple[bool, int]], events: list[AlarmEvent]) -> None:
        with self.book.lock:
            panel.armed.update(arming)
            if any(event.state == "test" for event in events):
                panel.tested_us = events[-1].at_us


def _sent_later(row: sqlite3.Row, said: Said) -> bool:
    """Some panels send the same number again for another event: a panel tries an event again within RETRY_US."""
    return row["stamp_us"] is not None and said.stamp_us is not None and said.stamp_us - row["stamp_us"] > RETRY_US


def _arming(panel: Panel, reports: tuple[Report, ...], now_us: int) -> dict[str, tuple[bool, int]]:
    found: dict[str, tuple[bool, int]] = {}
    for report in reports:
        if report.meaning.kind == "arming":
            found[report.partition] = (report.meaning.state == "armed", now_us)
    known = {*panel.armed, *panel.hours, ""}
    return {name: word for name, word in found.items() if name in known or len(known) < PARTITIONS_MAX}
