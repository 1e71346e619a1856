"""What an agent says to a checkpoint of its site's ledger.

Invariant: a cosignature is stored only where it holds over the checkpoint as the server signed it; a refusal changes nothing
of the ledger and is never forgotten silently.
"""

from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE, US_PER_S
from config.base.errors import InvalidInput
from config.base.logs import get_logger
from config.evidence.note import ED25519_COSIGNATURE, NoteKey, NoteSignature, SignedNote
from config.wire.witness import CheckpointSeen
from server.domain.clock_trust import ClockRule
from server.services.evidence.keep_ledger import add_cosignature
from server.services.intake.accept_status import note_time
from server.services.intake.incoming import Effect, Incoming
from storage.database import ledger, witnesses
from storage.database.models import Agent, LedgerWitness

AFTER_REFUSAL_US = 60 * US_PER_MINUTE
AFTER_OTHER_SIZE_US = 5 * US_PER_S
LOST = "ledger_lost_entries"

log = get_logger("witness")


def seen(session: Session, incoming: Incoming, rule: ClockRule) -> Effect:
    """Stores a cosignature, or what keeps the agent from one. Raises InvalidInput, IntegrityViolation."""
    said: CheckpointSeen = incoming.message
    note_time(session, said, (said.at_us, said.at_us), incoming.received_us, rule)
    row = witnesses.of_agent(session, said.agent_id)
    if said.outcome == "cosigned":
        return _cosigned(session, said, row, incoming.received_us), []
    if said.outcome == "refused":
        _refused(said, row, said.why, incoming.received_us)
        return "refused", []
    newest = ledger.latest_checkpoint(session, said.site_id)
    if newest is None or said.kept_size > newest.size:
        _refused(said, row, LOST, incoming.received_us)
        return "refused", []
    row.size, row.due_us = said.kept_size, incoming.received_us + AFTER_OTHER_SIZE_US
    return "committed", []


def _cosigned(session: Session, said: CheckpointSeen, row: LedgerWitness, now_us: int) -> str:
    checkpoint = ledger.checkpoint_at(session, said.site_id, said.size)
    if checkpoint is None:
        raise InvalidInput(f"no checkpoint of {said.size} entries was signed here", code="unknown_checkpoint")
    signature = _parsed(checkpoint.note, said.cosignature)
    key = session.get_one(Agent, said.agent_id).public_key
    witness = NoteKey(said.agent_id, ED25519_COSIGNATURE, key)
    if (signature.name, signature.key_id) != (witness.name, witness.key_id):
        row.due_us = now_us  # by a key of before a new enrolment: it is asked again
        return "outdated"
    added = add_cosignature(checkpoint, witness, signature, now_us)
    row.size, row.cosigned_size = max(row.size, said.size), max(row.cosigned_size, said.size)
    row.due_us = now_us
    row.refused_size = row.refused_us = row.refused_why = None
    if added:
        log.info("checkpoint_cosigned", site=said.site_id, agent=said.agent_id, size=said.size)
    return "committed" if added else "duplicate"


def _parsed(note: bytes, line: str) -> NoteSignature:
    text = SignedNote.parse(note).text
    found = SignedNote.parse(f"{text}\n{line}".encode()).signatures
    if len(found) != 1:
        raise InvalidInput("one signature line is expected", code="malformed")
    return found[0]


def _refused(said: CheckpointSeen, row: LedgerWitness, why: str, now_us: int) -> None:
    row.refused_size, row.refused_us, row.refused_why = said.size, now_us, why
    row.due_us = now_us + AFTER_REFUSAL_US
    advice = "the agent keeps another ledger than this: compare with a backup before anything is exported"
    log.error("checkpoint_refused", site=said.site_id, agent=said.agent_id, why=why, kept=said.kept_size, advice=advice)
