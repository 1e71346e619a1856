"""The server's answers: checked first, obeyed then.

Invariant: a message that the server's key did not sign, or that speaks to another agent, changes nothing but a
counter. It is named in the log, never obeyed.
"""

import queue
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.base.errors import IntegrityViolation, InvalidInput, NightlightError
from config.base.logs import get_logger
from config.wire.cells import CellChallenge, CellFetch, CellOrder
from config.wire.desired_state import DesiredState
from config.wire.envelope import decode_payload, open_envelope
from config.wire.live import LiveWanted
from config.wire.segments import Receipt, UploadRefused
from config.wire.status import Acknowledgement
from config.wire.witness import LedgerCheckpoint
from edge_agent.lifecycle import Worker
from edge_agent.reporting.publisher import OutboxPublisher
from edge_agent.spool.outbox import Outbox
from edge_agent.spool.segments import SegmentSpool
from edge_agent.timekeeping import AgentClock
from edge_agent.upload.uploader import UploadQueue

WAIT_S = 0.5

log = get_logger("inbox")

Answer = (
    Acknowledgement
    | Receipt
    | UploadRefused
    | DesiredState
    | LedgerCheckpoint
    | CellChallenge
    | CellFetch
    | CellOrder
    | LiveWanted
)


@dataclass
class InboxCounters:
    """Answers since the start."""

    invalid: int = 0
    """Not signed by the server, not for this agent, or not readable."""
    mismatched: int = 0
    """Receipts that do not name what was uploaded."""


class Inbox(Worker):
    """One thread, so that answers take effect in the order of their arrival."""

    def __init__(
        self,
        source: "queue.Queue[bytes]",
        server_key: Ed25519PublicKey,
        identity: tuple[str, str],
        outbox: Outbox,
        spool: SegmentSpool,
        publisher: OutboxPublisher,
        uploads: UploadQueue,
        clock: AgentClock,
    ) -> None:
        """``identity``: site and agent id that an answer must name."""
        super().__init__("inbox")
        self._source = source
        self._server_key = server_key
        self._identity = identity
        self._outbox = outbox
        self._spool = spool
        self._publisher = publisher
        self._uploads = uploads
        self._clock = clock
        self.counters = InboxCounters()
        self.on_cell: Callable[[CellChallenge | CellFetch | CellOrder], None] = lambda _task: None
        self.on_live: Callable[[LiveWanted], None] = lambda _wanted: None
        """Takes the word that somebody watches a camera; must not wait."""
        self.on_checkpoint: Callable[[LedgerCheckpoint], None] = lambda _shown: None
        """Takes a checkpoint of the site's ledger."""
        self.on_desired: Callable[[DesiredState, bytes], None] = lambda _state, _sealed: None
        """Takes a desired state and its envelope; must not wait."""

    def run(self) -> None:
        while not self.stopping.is_set():
            self.pulse()
            try:
                data = self._source.get(timeout=WAIT_S)
            except queue.Empty:
                continue
            self.take(data)

    def take(self, data: bytes) -> None:
        """Handles one message from the server."""
        try:
            answer = self._checked(data)
        except (InvalidInput, IntegrityViolation) as error:
            self.counters.invalid += 1
            log.warning("answer_rejected", code=error.code, why=str(error), rejected=self.counters.invalid)
            return
        try:
            self._obey(answer, data)
        except NightlightError as error:  # the question is sent again, and so is this answer
            log.exception("answer_not_carried_out", kind=type(answer).__name__, why=str(error))

    def _checked(self, data: bytes) -> Answer:
        opened = open_envelope(data)
        opened.verify(self._server_key)
        message = decode_payload(opened)
        if not isinstance(message, Answer):
            raise InvalidInput(f"a {type(message).__name__} is not for an agent", code="unexpected_kind")
        if (message.site_id, message.agent_id) != self._identity:
            raise InvalidInput("the answer is for another agent", code="wrong_recipient")
        return message

    def _obey(self, answer: Answer, sealed: bytes) -> None:
        if isinstance(answer, LedgerCheckpoint):
            self.on_checkpoint(answer)
        elif isinstance(answer, DesiredState):
            self.on_desired(answer, sealed)
        elif isinstance(answer, LiveWanted):
            self.on_live(answer)
        elif isinstance(answer, CellChallenge | CellFetch | CellOrder):
            self.on_cell(answer)
        elif isinstance(answer, Acknowledgement):
            self._publisher.answered(answer.of_message_id)
            self._outbox.acknowledge(answer.of_message_id, answer.outcome, answer.reason, self._clock.utc_us())
        elif isinstance(answer, Receipt):
            self._release(answer)
        elif self._spool.upload_again(answer):
            again_s = self._uploads.hold_back(answer.segment_id)
            log.error(
                "upload_refused_by_server",
                segment_id=answer.segment_id,
                reason=answer.reason,
                detail=answer.detail,
                again_in_s=round(again_s, 1),
            )

    def _release(self, receipt: Receipt) -> None:
        outcome = self._spool.release(receipt)
        if outcome == "freed":
            self._uploads.forget(receipt.segment_id)
            log.info("segment_receipted", segment_id=receipt.segment_id, version_id=receipt.version_id)
        elif outcome == "mismatch":
            self.counters.mismatched += 1
            log.error("receipt_mismatch", segment_id=receipt.segment_id, mismatched=self.counters.mismatched)
