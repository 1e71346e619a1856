"""What a person is told of a site's own store: how much lies there, what was asked, and how much that proves.

Invariant: it says at every place that bytes and locks are as the site's agent read them; the bound is stated with the
figures it comes from, and only evenly drawn leaves count in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, Clock
from config.base.errors import NotFound
from config.base.ids import is_slug
from server.domain.cells import COST_BYTES, chance_to_miss, lost_at_most, unproven_from_us
from server.services.cells.answer_cell import RIGHT
from storage.database import cell_orders, cells
from storage.database import scope as scoping
from storage.database.models import Agent, Cell, CellChallengeRow, CellCopy, DeletionRun, Segment, Site
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

LOST_FRACTIONS = (0.001, 0.01, 0.05)
FAILED_MAX = 50


class MissChance(msgspec.Struct, frozen=True):
    """Where this fraction of all kept leaves had been lost, every answer would still have been right so often: (1 - f)^k."""

    lost_fraction: float
    chance: float


class FailedChallenge(msgspec.Struct, frozen=True):
    """A recording whose leaf did not come, or not rightly; it does not count."""

    camera_id: str
    segment_id: str
    start_us: int
    end_us: int
    leaf: int
    outcome: str
    drawn_us: int
    detail: str


class AgentProof(msgspec.Struct, frozen=True):
    """What one agent's part of the store is known by. Figures of challenges are of the last 24 h."""

    agent_id: str
    recordings: int
    waiting: int
    """Read back whole and locked by the agent, and not yet proven by a challenge: not counted."""
    unsound: int
    asked: int
    right: int
    overdue: int
    wrong: int
    samples: int
    """Leaves drawn evenly among all that is kept and answered rightly: the k of the bound."""
    lost_at_most: float
    """With a confidence of 95 %, no more than this fraction of the leaves was lost; 1 where nothing is known."""
    chances: list[MissChance]
    last_answer_us: int | None
    challenge_bytes: int
    """About what the challenges have cost on the line."""
    proven_us: int | None = None
    """When the newest leaf was drawn, evenly among all that is kept, that was answered rightly."""
    unproven: bool = False
    """That is too long ago: nothing of it counts until an answer comes."""


class OrdersView(msgspec.Struct, frozen=True):
    """Orders of one kind: ``hold``, ``release``, ``extend``, ``delete``."""

    action: str
    pending: int
    overdue: int
    """Of these, how many have not come to pass in time."""
    given_up: int
    """Asked for so often that it is tried again only after a day."""
    said: str
    """What the store answered last."""


class WaitingDeletion(msgspec.Struct, frozen=True):
    """A deletion of more than half of the store, which waits for a person, or that one has allowed."""

    versions: int
    of_versions: int
    confirmed_by: str | None


class SiteCell(msgspec.Struct, frozen=True):
    """A site's own store. The lock and the bytes are as the site's agent read them: the centre cannot look itself."""

    site_id: str
    name: str
    timezone: str
    now_us: int
    since_us: int
    agents: list[AgentProof]
    failed: list[FailedChallenge]
    basis: str = "as_the_sites_agent_read_it"
    orders: list[OrdersView] = []
    """What was asked for there and has not been read back: the most urgent first."""
    held: int = 0
    """Recordings under a hold that an agent has read back as held."""
    not_held: int = 0
    """Recordings under a hold of which nobody knows that they are held there."""
    deletion: WaitingDeletion | None = None


class CellDay(msgspec.Struct, frozen=True):
    """What the coverage of a site with a store of its own rests on, of the agent of which least is known. Last 24 h."""

    samples: int
    lost_at_most: float
    chance_at_one_percent: float
    unproven: bool = False
    """Of an agent's recordings nothing counts, because nobody has answered for them for too long."""
    basis: str = "as_the_sites_agent_read_it"


def cell_day(session: Session, site_id: str, now_us: int) -> CellDay | None:
    """None where the site keeps its recordings at the centre."""
    if session.get(Cell, site_id) is None:
        return None
    # Also of an agent that was revoked: its recordings count while another one of the site answers for them.
    agents = session.scalars(select(Agent.id).where(Agent.site_id == site_id)).all()
    with_copies = [agent_id for agent_id in agents if cells.is_anything_kept(session, agent_id, now_us)]
    samples = min((_samples(session, agent_id, now_us) for agent_id in with_copies), default=0)
    unproven = any(proof.is_over(now_us) for proof in _proofs(session, with_copies).values())
    return CellDay(samples, lost_at_most(samples), chance_to_miss(0.01, samples), unproven)


class _Proof(NamedTuple):
    """When an agent's recordings were last proven, and when the last of their locks ends."""

    proven_us: int | None
    locked_until_us: int

    def is_over(self, now_us: int) -> bool:
        """Whether nothing of it counts now."""
        return (
            self.proven_us is not None and unproven_from_us(self.proven_us, self.locked_until_us, 0, now_us) is not None
        )


def _proofs(session: Session, agent_ids: Sequence[str]) -> dict[str, _Proof]:
    return {row.agent_id: _Proof(row.proven_us, end_us) for row, end_us in cells.standings_of(session, agent_ids)}


def _samples(session: Session, agent_id: str, now_us: int) -> int:
    query = select(func.count()).where(
        CellChallengeRow.agent_id == agent_id,
        CellChallengeRow.why == "kept",
        CellChallengeRow.drawn_us > now_us - US_PER_DAY,
        CellChallengeRow.outcome == RIGHT,
    )
    return session.scalar(query) or 0


@dataclass(frozen=True)
class CellReader:
    """Reads on behalf of one person at a time."""

    database: Database
    clock: Clock

    def of_site(self, scope: Scope, site_id: str) -> SiteCell:
        """Raises NotFound where the site is out of reach, or keeps its recordings at the centre."""
        if not is_slug(site_id):
            raise NotFound("no such site")
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            site = scoping.site_in_reach(session, scope, site_id)
            cell = session.get(Cell, site_id)
            if cell is None:
                raise NotFound(f"{site_id} keeps its recordings at the centre")
            agents = session.scalars(select(Agent.id).where(Agent.site_id == site_id).order_by(Agent.id)).all()
            return SiteCell(
                site_id=site_id,
                name=site.name,
                timezone=site.timezone,
                now_us=now_us,
                since_us=cell.set_us,
                agents=[_proof(session, agent_id, now_us) for agent_id in agents],
                failed=_failed(session, site),
                **_orders(session, site_id, now_us),
            )


def _proof(session: Session, agent_id: str, now_us: int) -> AgentProof:
    copies = session.execute(
        select(CellCopy.state, func.count())
        .where(CellCopy.agent_id == agent_id, CellCopy.retain_until_us > now_us)
        .group_by(CellCopy.state)
    ).all()
    states = {state: count for state, count in copies if state != cells.REFUSED}
    for state, count in cells.lapsed_by_state(session, agent_id, now_us):
        states[state] = states.get(state, 0) + count
    since_us = now_us - US_PER_DAY
    asked = session.execute(
        select(CellChallengeRow.why, CellChallengeRow.outcome, func.count())
        .where(CellChallengeRow.agent_id == agent_id, CellChallengeRow.drawn_us > since_us)
        .group_by(CellChallengeRow.why, CellChallengeRow.outcome)
    ).all()
    by_outcome: dict[str | None, int] = {}
    for _, outcome, count in asked:
        by_outcome[outcome] = by_outcome.get(outcome, 0) + count
    samples = _samples(session, agent_id, now_us)
    proof = _proofs(session, [agent_id]).get(agent_id, _Proof(None, 0))
    whole = sum(by_outcome.values())
    right, overdue = by_outcome.get(RIGHT, 0), by_outcome.get("overdue", 0)
    last_us = session.scalar(
        select(func.max(CellChallengeRow.answered_us)).where(CellChallengeRow.agent_id == agent_id)
    )
    return AgentProof(
        agent_id=agent_id,
        recordings=sum(states.values()),
        waiting=sum(states.get(state, 0) for state in (cells.CLAIMED, cells.WAITING)),
        unsound=states.get(cells.UNSOUND, 0),
        asked=whole,
        right=right,
        overdue=overdue,
        wrong=whole - right - overdue - by_outcome.get(None, 0),
        samples=samples,
        lost_at_most=lost_at_most(samples),
        chances=[MissChance(lost, chance_to_miss(lost, samples)) for lost in LOST_FRACTIONS],
        last_answer_us=last_us,
        challenge_bytes=right * COST_BYTES,
        proven_us=proof.proven_us,
        unproven=proof.is_over(now_us),
    )


def _orders(session: Session, site_id: str, now_us: int) -> dict[str, Any]:
    held, not_held = cell_orders.held(session, site_id)
    query = select(DeletionRun).where(DeletionRun.finished_us.is_(None), DeletionRun.site_id == site_id)
    asked = session.scalars(query.order_by(DeletionRun.id).limit(1)).first()
    return {
        "orders": [
            OrdersView(
                each.action,
                each.pending,
                each.overdue,
                each.refused,
                cell_orders.last_detail(session, site_id, each.action),
            )
            for each in cell_orders.standing_of(session, site_id, now_us)
        ],
        "held": held,
        "not_held": not_held,
        "deletion": WaitingDeletion(asked.versions, asked.of_versions, asked.confirmed_by) if asked else None,
    }


def _failed(session: Session, site: Site) -> list[FailedChallenge]:
    rows = session.execute(
        select(CellChallengeRow, Segment)
        .join(Segment, Segment.id == CellChallengeRow.segment_id)
        .join(CellCopy, CellCopy.segment_id == Segment.id)
        .where(
            CellChallengeRow.site_id == site.id,
            CellChallengeRow.outcome.is_not(None),
            CellChallengeRow.outcome != RIGHT,
            CellCopy.state == cells.UNSOUND,
        )
        .order_by(CellChallengeRow.drawn_us.desc())
        .limit(FAILED_MAX)
    )
    return [
        FailedChallenge(
            camera_id=row.camera_id,
            segment_id=row.segment_id,
            start_us=segment.start_us,
            end_us=segment.end_us,
            leaf=row.leaf,
            outcome=row.outcome or "",
            drawn_us=row.drawn_us,
            detail=row.detail,
        )
        for row, segment in rows
    ]
