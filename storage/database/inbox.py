"""What has come in: messages already handled, and those that could not be."""

import hashlib

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from storage.database.models import QuarantinedMessage, SeenMessage

PAYLOAD_BYTES_KEPT = 65_536
TOPIC_CHARS_KEPT = 512


def already_seen(session: Session, agent_id: str, message_id: str) -> bool:
    """Whether this message's effect is committed already."""
    return session.get(SeenMessage, (agent_id, message_id)) is not None


def mark_seen(session: Session, agent_id: str, message_id: str, received_us: int) -> None:
    """Records a message in the transaction of its effect."""
    session.add(SeenMessage(agent_id=agent_id, message_id=message_id, received_us=received_us))


def forget_seen(session: Session, before_us: int) -> int:
    """Drops marks older than any agent would still repeat; returns how many."""
    gone = session.execute(delete(SeenMessage).where(SeenMessage.received_us < before_us))
    return int(getattr(gone, "rowcount", 0))


def quarantine(session: Session, topic: str, payload: bytes, reason: str, detail: str, received_us: int) -> bool:
    """Keeps a message that could not be handled; False where the very same is there already."""
    digest = hashlib.sha256(payload).hexdigest()
    topic = topic[:TOPIC_CHARS_KEPT]
    known = select(QuarantinedMessage.id).where(
        QuarantinedMessage.topic == topic, QuarantinedMessage.sha256 == digest, QuarantinedMessage.reason == reason
    )
    if session.scalar(known) is not None:
        return False
    session.add(
        QuarantinedMessage(
            received_us=received_us,
            topic=topic,
            reason=reason,
            detail=detail[:1_000],
            size_bytes=len(payload),
            sha256=digest,
            payload=payload[:PAYLOAD_BYTES_KEPT],
        )
    )
    return True


def quarantine_counts(session: Session) -> dict[str, int]:
    """Reason → how many messages are kept for it."""
    rows = session.execute(select(QuarantinedMessage.reason, func.count()).group_by(QuarantinedMessage.reason))
    return {reason: count for reason, count in rows}
