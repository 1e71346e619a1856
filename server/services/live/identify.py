"""Whose marked live view a clip shows: reads what is on record, asks ``server.marking``, and puts the question itself on record.

Invariant (I4): a search that names people stands in the site's ledger before its answer is given.
"""

from dataclasses import dataclass
from typing import BinaryIO

from sqlalchemy import select

from config.base.clock import US_PER_S, Clock
from config.base.errors import InvalidInput, NotFound
from config.base.ids import is_slug
from config.base.timespan import Span
from server.domain.authorisation import Action
from server.marking.accuse import LATE_US, Answer, Candidate, Fit, accuse
from server.marking.clip import read_clip
from server.marking.soft import ASPECT
from server.services.live.marking import TRACED, Marker, needed
from server.services.people.operators import site_for
from storage.database import accesses
from storage.database.models import Camera, LiveView, ViewRow
from storage.database.scope import Scope
from storage.database.unit_of_work import Database

WINDOW_US_MAX = 6 * 3_600 * US_PER_S
VIEWS_MAX = 5_000
REASON_CHARS_MAX = 120


@dataclass(frozen=True)
class Named:
    """A view that the clip follows, and whose it was."""

    fit: Fit
    code: str
    account: str
    role: str
    lease_id: str | None
    opened_us: int


@dataclass(frozen=True)
class Question:
    """``begin_us`` to ``end_us``: when the clip can have been taken."""

    site_id: str
    camera_id: str
    begin_us: int
    end_us: int
    reason: str
    person: Scope
    aspect: float = ASPECT
    source: str = ""


@dataclass(frozen=True)
class Identified:
    """``views``: how many there were to choose from."""

    named: tuple[Named, ...]
    answer: Answer
    views: int


def identify(
    database: Database, clock: Clock, marker: Marker | None, clip_file: BinaryIO, question: Question
) -> Identified:
    """Raises NotFound, PermissionDenied, InvalidInput (``bad_window``, ``bad_clip``, ``other_key``), Unavailable."""
    known = needed(marker)
    if not question.reason.strip():
        raise InvalidInput("say why you ask: it stands on the site's record", code="reason_missing")
    if not 0 < question.end_us - question.begin_us <= WINDOW_US_MAX:
        raise InvalidInput(
            "say from when to when the clip can have been taken: six hours at the most", code="bad_window"
        )
    views, other_keys = _views(database, clock, known, question)
    if not views and other_keys:
        raise InvalidInput(
            f"the {other_keys} views of then were marked by another key: put that one into live.marking_key_file",
            code="other_key",
        )
    if not views:
        return Identified((), Answer((), None, 0.0, 0.0, 0), 0)
    clip = read_clip(clip_file)
    now_us = clock.utc_us()
    candidates = [
        Candidate(view.id, known.word(view.id), view.opened_us, view.closed_us or now_us) for view in views.values()
    ]
    answer = accuse(
        clip, known.seed(question.camera_id), candidates, question.begin_us, question.end_us, question.aspect
    )
    named = tuple(_named(fit, views[fit.view_id]) for fit in answer.named)
    return Identified(named, answer, len(views))


def _views(database: Database, clock: Clock, marker: Marker, question: Question) -> tuple[dict[str, ViewRow], int]:
    """Those that were open then and marked by this key, and how many were by another; puts the question on record."""
    with database.unit_of_work() as session:
        site = site_for(session, question.person, question.site_id, Action.LOOKS_READ)
        camera = session.get(Camera, question.camera_id) if is_slug(question.camera_id) else None
        if camera is None or camera.site_id != site.id:
            raise NotFound("the site has no such camera")
        access = accesses.Access(
            site_id=question.site_id,
            camera_id=question.camera_id,
            account=question.person.account_name,
            what="live",
            span=Span(question.begin_us, question.end_us),
            subject=TRACED,
            subject_id=question.camera_id,
            reason=question.reason.strip()[:REASON_CHARS_MAX],
            source=question.source,
        )
        accesses.record(session, access, clock.utc_us())
    query = (
        select(ViewRow, LiveView.marking_key)
        .join(LiveView, LiveView.id == ViewRow.id)
        .where(
            ViewRow.site_id == question.site_id,
            ViewRow.camera_id == question.camera_id,
            ViewRow.opened_us <= question.end_us,
            (ViewRow.closed_us.is_(None)) | (ViewRow.closed_us >= question.begin_us - LATE_US),
            LiveView.marking_key.is_not(None),
        )
        .order_by(ViewRow.opened_us.desc())
        .limit(VIEWS_MAX)
    )
    with database.reading() as session:
        found = [(view, name) for view, name in session.execute(query)]
        session.expunge_all()
    views = {view.id: view for view, name in found if name == marker.name}
    return views, len(found) - len(views)


def _named(fit: Fit, view: ViewRow) -> Named:
    return Named(fit, view.code, view.account_name, view.role, view.lease_id, view.opened_us)
