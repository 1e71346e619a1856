"""Messages that could not be handled, kept with their reason (invariant I11)."""

import hashlib

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from storage.database.models import QuarantinedMessage

PAYLOAD_BYTES_KEPT = 65_536
TOPIC_CHARS_KEPT = 512
MESSAGES_KEPT = 100_000
"""The oldest go first; the counters and the log have told of each."""


def keep(session: Session, topic: str, payload: bytes, reason: str, detail: str, received_us: int) -> bool:
    """Keeps a message that could not be handled; False where the very same is there already."""
    digest = hashlib.sha256(payload).hexdigest()
    topic = topic[:TOPIC_CHARS_KEPT]
    known = select(QuarantinedMessage.id).where(
        QuarantinedMessage.topic == topic, QuarantinedMessage.sha256 == digest, QuarantinedMessage.reason == reason
    )
    if session.scalar(known) is not None:
        return False
    kept = QuarantinedMessage(
        received_us=received_us,
        topic=topic,
        reason=reason,
        detail=detail[:1_000],
        size_bytes=len(payload),
        sha256=digest,
        payload=payload[:PAYLOAD_BYTES_KEPT],
    )
    session.add(kept)
    session.flush()
    session.execute(delete(QuarantinedMessage).where(QuarantinedMessage.id <= kept.id - MESSAGES_KEPT))
    return True


def counts(session: Session) -> dict[str, int]:
    """Reason → how many messages are kept for it."""
    rows = session.execute(select(QuarantinedMessage.reason, func.count()).group_by(QuarantinedMessage.reason))
    return {reason: count for reason, count in rows}  # noqa: C416 - a Row is no tuple to the type checker
