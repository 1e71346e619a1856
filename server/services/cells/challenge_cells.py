"""Draws leaves of recordings in cells, sends the challenges, and says what was not answered in time.

Invariants: which leaf is drawn comes from the system's own randomness, after everything it may fall on was claimed; of an
agent's recordings at most one leaf of each kind is asked for at a time, and only while it lives, or another agent of its site
does, which is asked instead; what is drawn is committed before it is sent, and stays asked until it is answered or its time is
over.
"""

import random
import secrets
from dataclasses import dataclass, field

import msgspec
from sqlalchemy.orm import Session

from config.base.clock import US_PER_S, Clock
from config.base.errors import IntegrityViolation, Unavailable
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.wire.cells import CellChallenge
from server.domain import cells as rules
from server.domain.verdict import day_of
from server.services.cells.cell_doors import CellDoors
from storage.database import cells, evidence, spans
from storage.database.models import Agent, CellChallengeRow, CellCopy, Segment, Site
from storage.database.unit_of_work import Database

ALIVE_US = 90 * US_PER_S
AT_ONCE_MAX = 50
TRIES_MAX = 8
OVERDUE = "overdue"
CHALLENGE_OVERDUE = "challenge_overdue"

log = get_logger("cells")


@dataclass(frozen=True)
class CellChallenger:
    """Call ``due`` once a second; several processes may."""

    database: Database
    clock: Clock
    doors: CellDoors
    randomness: random.Random = field(default_factory=secrets.SystemRandom)

    def due(self) -> list[msgspec.Struct]:
        """What is to be sent now. Raises Unavailable where the database does not answer, or the key is missing."""
        self._end_overdue()
        with self.database.reading() as session:
            agents = cells.agents_with_cells(session)
        for agent_id in agents:
            self._draw(agent_id)
        return self._messages()

    def _draw(self, agent_id: str) -> None:
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            if not self._is_due(session, agent_id, now_us):
                return
        with self.database.unit_of_work() as session:
            session.get_one(Agent, agent_id, with_for_update=True)
            if not self._is_due(session, agent_id, now_us):
                return  # another process was first
            asked = cells.open_reasons(session, agent_id)
            if "new" not in asked:
                self._ask_new(session, agent_id, now_us)
            if not asked & {"kept", "again"}:
                self._ask_kept(session, agent_id, now_us)

    def _is_due(self, session: Session, agent_id: str, now_us: int) -> bool:
        if cells.answerer(session, agent_id, now_us - ALIVE_US) is None:
            return False
        asked = cells.open_reasons(session, agent_id)
        if "new" in asked and asked & {"kept", "again"}:
            return False
        waiting = [] if "new" in asked else cells.waiting(session, agent_id)
        oldest_us = waiting[0][0].read_us if waiting else None
        last_us = cells.last_draw_us(session, agent_id)
        if not waiting and not cells.is_anything_kept(session, agent_id, now_us):
            return False  # nothing of it lies in this cell, or none of it has to any more
        return rules.draw_is_due(sum(size for _, size in waiting), oldest_us, last_us, now_us)

    def _ask_new(self, session: Session, agent_id: str, now_us: int) -> None:
        """Evenly among what waits: a right answer is good for all of it, and for nothing that is taken in later."""
        copies = [copy for copy, _ in cells.waiting(session, agent_id)]
        if not copies:
            return
        number = self.randomness.randrange(sum(copy.leaves for copy in copies))
        until_leaf = (copies[-1].first_leaf or 0) + copies[-1].leaves
        for copy in copies:
            if number < copy.leaves:
                self._ask(session, copy, number, "new", now_us, until_leaf)
                return
            number -= copy.leaves

    def _ask_kept(self, session: Session, agent_id: str, now_us: int) -> None:
        """Evenly among all that is locked or held; every other time, where there is any, what was not answered rightly."""
        unsound = cells.unsound(session, agent_id, now_us)
        if unsound and self.randomness.randrange(2):
            copy = self.randomness.choice(unsound)
            failed = cells.failed_leaves(session, copy.segment_id)
            self._ask(session, copy, failed[-1] if failed else 0, "again", now_us)
            return
        first = cells.first_kept_leaf(session, agent_id, now_us)
        end = cells.next_leaf(session, agent_id)
        first = end if first is None else first
        lapsed = cells.lapsed_leaves(session, agent_id, first, now_us)
        for _ in range(TRIES_MAX if lapsed + end - first > 0 else 0):
            number = self.randomness.randrange(lapsed + end - first)
            if number < lapsed:
                drawn = cells.lapsed_at(session, agent_id, first, number, now_us)
            else:
                drawn = cells.kept_at(session, agent_id, first + number - lapsed, now_us)
            if drawn is not None:
                self._ask(session, *drawn, "kept", now_us)
                return

    def _ask(
        self, session: Session, copy: CellCopy, leaf: int, why: str, now_us: int, until_leaf: int | None = None
    ) -> None:
        session.add(
            CellChallengeRow(
                id=fresh_id(),
                site_id=copy.site_id,
                agent_id=copy.agent_id,
                camera_id=copy.camera_id,
                segment_id=copy.segment_id,
                leaf=leaf,
                why=why,
                until_leaf=until_leaf,
                drawn_us=now_us,
                due_us=now_us,
                deadline_us=now_us + rules.ANSWER_US,
                detail="",
            )
        )

    def _messages(self) -> list[msgspec.Struct]:
        now_us = self.clock.utc_us()
        with self.database.unit_of_work() as session:
            # Whoever is asked may have fallen silent since, or is not trusted any more: then another agent of the site.
            rows = cells.take_challenges(session, now_us, now_us + rules.ASK_AGAIN_US, AT_ONCE_MAX)
            return [message for row in rows if (message := self._message(session, row)) is not None]

    def _message(self, session: Session, row: CellChallengeRow) -> CellChallenge | None:
        try:
            access = self.doors.access(session, row.site_id)
        except IntegrityViolation as error:
            raise Unavailable(f"the secret of the cell of {row.site_id} cannot be opened: {error}") from error
        if access is None:
            return None
        copy = session.get_one(CellCopy, row.segment_id)
        row.asked_id = cells.answerer(session, row.agent_id, self.clock.utc_us() - ALIVE_US) or row.asked_id
        return CellChallenge(
            message_id=fresh_id(),
            site_id=row.site_id,
            agent_id=row.asked_id or row.agent_id,
            challenge_id=row.id,
            segment_id=row.segment_id,
            version_id=copy.version_id,
            leaf=row.leaf,
            url=self.doors.leave_to_read(access, copy.object_key, copy.version_id),
        )

    def _end_overdue(self) -> None:
        """Nothing is known of what nobody answered for: its time does not count until somebody does (I1).

        Also what had waited for its first challenge: whoever is silent about a leaf is not asked for an easier one.
        """
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            if not cells.overdue(session, now_us, 1):
                return
        with self.database.unit_of_work() as session:
            for row in cells.overdue(session, now_us, AT_ONCE_MAX):
                row.due_us, row.outcome = None, OVERDUE
                segment, copy = session.get_one(Segment, row.segment_id), session.get_one(CellCopy, row.segment_id)
                if copy.gone_us is not None:
                    session.delete(row)  # it went after its last day: there is nothing to answer for
                    continue
                log.error("challenge_overdue", camera=row.camera_id, segment=row.segment_id, why=row.why)
                unanswered(session, segment, copy)


def unanswered(session: Session, segment: Segment, copy: CellCopy) -> None:
    """Nobody answered for a recording in time: nothing is known of it, and it does not count until somebody does."""
    if copy.state not in (cells.PROVEN, cells.WAITING):
        return
    copy.state = cells.UNSOUND
    segment.secured_us, segment.refusal = None, CHALLENGE_OVERDUE
    spans.withdraw_secured(session, segment)
    site = session.get_one(Site, segment.site_id)
    evidence.assess_again(session, [segment.camera_id], day_of(segment.start_us, site.timezone).isoformat())
