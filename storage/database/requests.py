"""Reads guardians' requests, what cameras saw and where children were, and the recordings that an answer is made from.

Nothing is decided here.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.orm import Session

from config.base.timespan import Span, SpanSet
from storage.database.models import (
    CameraSight,
    CellCopy,
    Child,
    ChildRoom,
    FootageRequest,
    GuardianAccount,
    GuardianChild,
    MaskedPart,
    Segment,
    Site,
    ZoneWord,
)
from storage.database.scope import Scope

LISTED_MAX = 200
SEGMENTS_MAX = 60
OPEN_US = 2**62
"""The end of what has not ended."""


def bonds(session: Session, account_name: str) -> list[tuple[GuardianAccount, str]]:
    """(bond, child) of an account that the facility has approved."""
    query = (
        select(GuardianAccount, Child.id)
        .join(
            GuardianChild,
            (GuardianChild.site_id == GuardianAccount.site_id)
            & (GuardianChild.guardian_id == GuardianAccount.guardian_id),
        )
        .join(Child, (Child.site_id == GuardianChild.site_id) & (Child.id == GuardianChild.child_id))
        .where(GuardianAccount.account_name == account_name, GuardianAccount.approved_us.is_not(None))
        .order_by(GuardianAccount.site_id, Child.id)
    )
    return [(bond, child_id) for bond, child_id in session.execute(query)]


def rooms_then(session: Session, site_id: str, child_id: str) -> Mapping[str, SpanSet]:
    """Room → when the child's class was in it, since the child was last registered.

    A pseudonym that was gone for a while may be another child's since.
    """
    query = select(ChildRoom.zone_id, ChildRoom.from_us, ChildRoom.until_us)
    rows = session.execute(query.where(ChildRoom.site_id == site_id, ChildRoom.child_id == child_id)).all()
    registered = [*SpanSet((from_us, OPEN_US if until_us is None else until_us) for _, from_us, until_us in rows)][-1:]
    found = _by_key((zone, from_us, until_us) for zone, from_us, until_us in rows if zone)
    return {zone: spans & SpanSet(registered) for zone, spans in found.items()}


def sights_then(session: Session, site_id: str) -> Mapping[str, Mapping[str, SpanSet]]:
    """Camera → place → when it was said to see it."""
    query = select(CameraSight.camera_id, CameraSight.zone_id, CameraSight.from_us, CameraSight.until_us)
    by_camera: dict[str, list[tuple[str, int, int | None]]] = defaultdict(list)
    for camera_id, zone, from_us, until_us in session.execute(query.where(CameraSight.site_id == site_id)):
        by_camera[camera_id].append((zone, from_us, until_us))
    return {camera_id: _by_key(rows) for camera_id, rows in by_camera.items()}


def _by_key(rows: Iterable[tuple[str, int, int | None]]) -> dict[str, SpanSet]:
    found: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for key, from_us, until_us in rows:
        found[key].append((from_us, OPEN_US if until_us is None else until_us))
    return {key: SpanSet(spans) for key, spans in found.items()}


def seen_then(session: Session, site_id: str, camera_id: str, span: Span) -> dict[str, set[str]]:
    """Place → the kinds that it was said to be, for all that the camera was said to see within the span.

    Empty where nothing is written down of that time.
    """
    sights = select(CameraSight.zone_id).where(CameraSight.site_id == site_id, CameraSight.camera_id == camera_id)
    zones = set(session.scalars(sights.where(*_within(CameraSight, span))))
    words = select(ZoneWord.zone_id, ZoneWord.kind).where(ZoneWord.site_id == site_id, ZoneWord.zone_id.in_(zones))
    found: dict[str, set[str]] = {zone: set() for zone in zones}
    for zone, kind in session.execute(words.where(*_within(ZoneWord, span))):
        found[zone].add(kind)
    return found


def _within(model: type[CameraSight] | type[ZoneWord], span: Span) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return model.from_us < span.end_us, or_(model.until_us.is_(None), model.until_us > span.start_us)


def of_account(session: Session, person: Scope) -> list[FootageRequest]:
    """A guardian's own, the newest first."""
    query = select(FootageRequest).where(FootageRequest.account_name == person.account_name)
    return list(session.scalars(query.order_by(FootageRequest.asked_us.desc()).limit(LISTED_MAX)))


def of_site(session: Session, site: Site) -> list[FootageRequest]:
    """All of one site that the caller has in reach, the newest first."""
    query = select(FootageRequest).where(FootageRequest.site_id == site.id)
    return list(session.scalars(query.order_by(FootageRequest.asked_us.desc()).limit(LISTED_MAX)))


def next_in(session: Session, states: Collection[str]) -> FootageRequest | None:
    """The oldest in one of these states."""
    query = select(FootageRequest).where(FootageRequest.state.in_(states))
    found: FootageRequest | None = session.scalars(query.order_by(FootageRequest.answered_us).limit(1)).first()
    return found


def recordings(session: Session, site_id: str, camera_id: str, span: Span) -> list[tuple[Segment, bool]]:
    """What is kept of the span, in order of time, and whether it lies in the site's own store."""
    query = (
        select(Segment, CellCopy.segment_id)
        .outerjoin(CellCopy, CellCopy.segment_id == Segment.id)
        .where(Segment.camera_id == camera_id, Segment.site_id == site_id)
        .where(Segment.end_us > span.start_us, Segment.start_us < span.end_us)
        .where(Segment.secured_us.is_not(None), Segment.deleted_us.is_(None))
        .order_by(Segment.start_us, Segment.id)
        .limit(SEGMENTS_MAX)
    )
    return [(segment, in_cell is not None) for segment, in_cell in session.execute(query)]


def parts(session: Session, request_id: str) -> list[tuple[int, int, int]]:
    """(number, from, to) of the masked pictures, without their bytes."""
    query = select(MaskedPart.number, MaskedPart.start_us, MaskedPart.end_us)
    query = query.where(MaskedPart.request_id == request_id).order_by(MaskedPart.number)
    return [(number, start_us, end_us) for number, start_us, end_us in session.execute(query)]


def drop_parts(session: Session, request_id: str) -> None:
    """They are no evidence and may go."""
    session.execute(delete(MaskedPart).where(MaskedPart.request_id == request_id))


def waiting(session: Session, site: Site, states: Collection[str]) -> int:
    """How many of a site stand in these states."""
    query = select(func.count()).select_from(FootageRequest)
    return session.scalar(query.where(FootageRequest.site_id == site.id, FootageRequest.state.in_(states))) or 0


def with_pictures(session: Session) -> list[FootageRequest]:
    """Those that masked pictures are kept of."""
    query = select(FootageRequest).where(FootageRequest.id.in_(select(MaskedPart.request_id).distinct()))
    return list(session.scalars(query.limit(LISTED_MAX)))
