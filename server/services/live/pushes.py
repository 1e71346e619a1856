"""Whose pictures a push brings: checked against the agent's key, its cameras, and what was asked for just now.

Invariant: a camera's live pictures come from the agent that the camera belongs to, over a push that this server asked for.
"""

from collections.abc import Collection
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from config.base.errors import InvalidInput, NotFound, PermissionDenied
from config.wire.envelope import decode_payload, open_envelope
from config.wire.live import LivePush
from storage.database.models import Agent, Camera
from storage.database.unit_of_work import Database


@dataclass(frozen=True)
class PushLine:
    """Which agent is asked for a camera."""

    site_id: str
    agent_id: str
    camera_id: str


class PushDesk:
    """Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def line(self, camera_id: str) -> PushLine:
        """Raises NotFound where nobody is there to be asked, Unavailable."""
        with self._database.reading() as session:
            camera = session.get(Camera, camera_id)
            agent = session.get(Agent, camera.agent_id) if camera is not None and camera.agent_id else None
            if camera is None or agent is None or agent.revoked_us is not None:
                raise NotFound(f"no agent has the camera {camera_id}")
            return PushLine(camera.site_id, agent.id, camera.id)

    def check(self, sealed: bytes) -> LivePush:
        """The first message of a push, believed.

        Raises InvalidInput, IntegrityViolation (``bad_signature``), NotFound, PermissionDenied, Unavailable.
        """
        opened = open_envelope(sealed)
        hello = decode_payload(opened)
        if not isinstance(hello, LivePush):
            raise InvalidInput("a push begins with a live-push", code="unknown_kind")
        with self._database.reading() as session:
            agent, camera = session.get(Agent, hello.agent_id), session.get(Camera, hello.camera_id)
        if agent is None or agent.site_id != hello.site_id:
            raise NotFound("no such agent at this site", code="unknown_agent")
        opened.verify(Ed25519PublicKey.from_public_bytes(agent.public_key))
        if agent.revoked_us is not None:
            raise PermissionDenied("this agent was revoked: ask the operator", code="agent_revoked")
        if camera is None or (camera.site_id, camera.agent_id) != (hello.site_id, hello.agent_id):
            raise PermissionDenied("the camera is not one of this agent's", code="foreign_camera")
        return hello

    def gone(self, lines: Collection[PushLine]) -> set[PushLine]:
        """Those whose agent was revoked, or lost the camera. Raises Unavailable."""
        with self._database.reading() as session:
            query = select(Camera.site_id, Camera.agent_id, Camera.id).join(Agent, Agent.id == Camera.agent_id)
            query = query.where(Camera.id.in_([line.camera_id for line in lines]), Agent.revoked_us.is_(None))
            good = {PushLine(*row) for row in session.execute(query)}
        return set(lines) - good
