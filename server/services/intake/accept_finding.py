"""What a picture finding and its still do to the database.

Invariant I1: a finding stays open until it is cleared. Messages of one finding may come in any order and more than once;
a clearing that comes before its raising is kept, so that the raising opens nothing. One that cannot be handled is open
all the same: its message goes to quarantine, its time is not covered.
"""

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.decoding import decode_json
from config.base.errors import InvalidInput
from config.wire.catalogue import PAYLOAD_TYPE
from config.wire.envelope import OpenedEnvelope
from config.wire.fields import HexId, Micros, Slug
from config.wire.findings import FindingName, FindingStill, PictureFinding
from server.domain.clock_trust import ClockRule
from server.domain.verdict import day_of
from server.services.intake.accept_status import note_time
from server.services.intake.incoming import Effect, Incoming
from server.services.notices.tell import FINDING, News, tell
from storage.database import evidence
from storage.database.models import AgentStatus, Camera, FindingStillRow, PictureFindingRow, Site, Timeline


def finding(session: Session, incoming: Incoming, rule: ClockRule) -> Effect:
    """Opens or closes a finding, and has the days that it touches judged again. Raises InvalidInput."""
    said: PictureFinding = incoming.message
    session.get(Camera, said.camera_id, with_for_update=True)
    timeline = note_time(session, said, (said.at_us, said.at_us), incoming.received_us, rule)
    row = session.get(PictureFindingRow, said.finding_id)
    if row is not None and row.camera_id != said.camera_id:
        raise InvalidInput("another camera has a finding of that id", code="foreign_finding")
    effect = _raised(session, row, incoming) if said.state == "raised" else _cleared(session, row, timeline, incoming)
    if effect == "committed":
        _judge_again(session, said.camera_id, said.since_us, incoming.received_us)
    return effect, []


def still(session: Session, incoming: Incoming, _rule: ClockRule) -> Effect:
    """Keeps a still as it is sealed. Before its finding has come it is not answered, so that it is sent again.

    Raises InvalidInput.
    """
    said: FindingStill = incoming.message
    row = session.get(PictureFindingRow, said.finding_id)
    if row is None or row.raised_envelope is None:
        return "deferred", []
    if row.camera_id != said.camera_id or row.still_sha256 != said.sha256:
        raise InvalidInput("not the still that its finding names", code="foreign_finding")
    if session.get(FindingStillRow, said.finding_id) is not None:
        return "duplicate", []
    session.add(
        FindingStillRow(
            finding_id=said.finding_id,
            taken_us=said.taken_us,
            kept_from_us=min(said.taken_us, incoming.received_us),
            sha256=said.sha256,
            size_bytes=said.size_bytes,
            key_id=said.sealed.key_id,
            box=said.sealed.box.encode(),
        )
    )
    return "committed", []


class _Doubtful(msgspec.Struct):
    """As much of a ``picture-finding`` as it takes to know which time is in doubt."""

    camera_id: Slug
    timeline_id: HexId
    finding_id: HexId
    finding: FindingName
    since_us: Micros
    state: str = "raised"


def keep_in_doubt(session: Session, agent_id: str, opened: OpenedEnvelope, envelope: bytes, received_us: int) -> None:
    """Opens the finding of a message that goes to quarantine; a later good picture's clearing ends it as any other.

    What ends a finding changes nothing where it cannot be handled. The message is known to be the agent's.
    """
    if opened.payload_type != PAYLOAD_TYPE[PictureFinding]:
        return
    try:
        said = decode_json(opened.payload, _Doubtful)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return
    camera = session.get(Camera, said.camera_id, with_for_update=True)
    known = session.get(PictureFindingRow, said.finding_id)
    if camera is None or camera.agent_id != agent_id or said.state == "cleared":
        return
    finding_id = said.finding_id if known is None else opened.payload_sha256[:32]
    if (known is not None and known.camera_id == camera.id) or session.get(PictureFindingRow, finding_id) is not None:
        return
    timeline_id = _timeline_in_doubt(session, agent_id, said, received_us)
    if timeline_id is None:
        return
    session.add(
        PictureFindingRow(
            id=finding_id,
            camera_id=camera.id,
            finding=said.finding,
            timeline_id=timeline_id,
            since_us=said.since_us,
            score=0.0,
            threshold=0.0,
            still_sha256=None,
            no_still="no_picture",
            raised_received_us=received_us,
            raised_envelope=envelope,
        )
    )
    _judge_again(session, camera.id, said.since_us, received_us)


def _timeline_in_doubt(session: Session, agent_id: str, said: _Doubtful, received_us: int) -> str | None:
    """The one that it names; where that cannot be the agent's, the one that the agent was last heard on."""
    named = session.get(Timeline, said.timeline_id)
    if named is None:
        ran = (said.since_us, said.since_us)
        return evidence.touch_timeline(session, said.timeline_id, agent_id, ran, received_us).id
    if named.agent_id == agent_id and not named.stored:
        return named.id
    status = session.get(AgentStatus, agent_id)
    return status.timeline_id if status is not None else None


def _raised(session: Session, row: PictureFindingRow | None, incoming: Incoming) -> str:
    if row is None:
        row = _row(incoming.message)
        session.add(row)
    elif row.raised_envelope is not None:
        return "duplicate"
    said: PictureFinding = incoming.message
    row.timeline_id, row.since_us = said.timeline_id, said.since_us
    row.score, row.threshold = said.score, said.threshold
    row.still_sha256, row.no_still = said.still_sha256, said.no_still
    row.raised_received_us, row.raised_envelope = incoming.received_us, incoming.envelope
    if row.until_us is None:
        link = f"/sites/{said.site_id}"
        tell(session, News(f"finding:{row.id}", said.site_id, FINDING, said.finding, link, incoming.received_us))
    return "committed"


def _cleared(session: Session, row: PictureFindingRow | None, timeline: Timeline, incoming: Incoming) -> str:
    said: PictureFinding = incoming.message
    if row is not None and row.cleared_envelope is not None:
        return "duplicate"
    until_us = said.until_us if said.until_us is not None else said.at_us
    if row is None and until_us > said.since_us:
        row = _row(said)
        session.add(row)
    ended = [row] if row is not None else []
    ended += [
        other for other in _open(session, said) if other is not row and _is_before(session, other, said, timeline)
    ]
    for one in ended:
        one.cleared_timeline_id, one.until_us = said.timeline_id, until_us
        one.cleared_received_us, one.cleared_envelope = incoming.received_us, incoming.envelope
    return "committed" if ended else "noted"


def _row(said: PictureFinding) -> PictureFindingRow:
    return PictureFindingRow(
        id=said.finding_id,
        camera_id=said.camera_id,
        finding=said.finding,
        timeline_id=said.timeline_id,
        since_us=said.since_us,
        score=said.score,
        threshold=said.threshold,
        still_sha256=said.still_sha256,
        no_still=said.no_still,
    )


def _open(session: Session, said: PictureFinding) -> list[PictureFindingRow]:
    query = select(PictureFindingRow).where(
        PictureFindingRow.camera_id == said.camera_id,
        PictureFindingRow.finding == said.finding,
        PictureFindingRow.until_us.is_(None),
    )
    return list(session.scalars(query))


def _is_before(session: Session, row: PictureFindingRow, said: PictureFinding, timeline: Timeline) -> bool:
    """Whether an open finding began before this clearing: one that was raised since is not ended by it."""
    if row.timeline_id == said.timeline_id:
        return said.until_us is not None and row.since_us < said.until_us
    return session.get_one(Timeline, row.timeline_id).first_heard_us < timeline.first_heard_us


def _judge_again(session: Session, camera_id: str, since_us: int, received_us: int) -> None:
    camera = session.get_one(Camera, camera_id)
    if camera.activated_us is None:
        return
    site = session.get_one(Site, camera.site_id)
    # An instant of a wrong clock may lie anywhere.
    first_us = max(min(since_us, received_us), camera.activated_us)
    evidence.assess_again(session, [camera.id], day_of(first_us, site.timezone).isoformat())
