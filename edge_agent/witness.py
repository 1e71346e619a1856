"""Watches over the site's ledger: cosigns what continues the checkpoint that it keeps, and nothing else.

Invariant: a checkpoint is on the disk as the one that is kept before it is signed, so that no crash and no second message
can have the agent sign two ledgers that contradict each other. A contradiction is refused, told to the server as a notice,
and kept for a person to look at.

Source: C2SP tlog-witness and tlog-cosignature.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from config.base.clock import US_PER_S
from config.base.errors import IntegrityViolation, InvalidInput
from config.base.logs import get_logger
from config.evidence import merkle
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import ED25519, NoteKey, NoteSigner, SignedNote
from config.wire.notices import LEDGER_FORKED
from config.wire.witness import CheckpointSeen, LedgerCheckpoint, Refusal
from edge_agent.messages import Sealer
from edge_agent.reporting.notices import NoticeBook
from edge_agent.spool.database import SpoolDatabase
from edge_agent.spool.outbox import Outbox
from edge_agent.timekeeping import AgentClock

CHECKPOINT_SEEN = "checkpoint-seen"

log = get_logger("witness")


@dataclass(frozen=True)
class Kept:
    """The newest checkpoint that this box has on its disk."""

    origin: str = ""
    size: int = 0
    root: bytes = b""


class _Refused(Exception):
    def __init__(self, why: Refusal, detail: str) -> None:
        super().__init__(detail)
        self.why = why


class CheckpointWitness:
    """Used by the thread that takes the server's messages."""

    def __init__(
        self,
        database: SpoolDatabase,
        outbox: Outbox,
        sealer: Sealer,
        notices: NoticeBook,
        clock: AgentClock,
        server_key: Ed25519PublicKey,
        signer: NoteSigner,
    ) -> None:
        self._database = database
        self._outbox = outbox
        self._sealer = sealer
        self._notices = notices
        self._clock = clock
        self._server_key = server_key.public_bytes_raw()
        self._signer = signer
        self.before_signing: Callable[[], None] = lambda: None
        """For tests that end the process here."""

    def kept(self) -> Kept:
        row = self._database.one(
            "SELECT origin, size, root FROM witnessed WHERE server_key = ?", self._server_key.hex()
        )
        return Kept(row["origin"], row["size"], bytes(row["root"])) if row is not None else Kept()

    def show(self, shown: LedgerCheckpoint) -> None:
        """Cosigns a checkpoint, or says why not. Raises NightlightError where the disk does not take it."""
        kept = self.kept()
        try:
            note, found = self._read(shown, kept)
            if kept.size not in (found.size, shown.older_size):
                self._tell("other_size", found.size)
                return
            self._check_continues(kept, found, shown)
        except _Refused as refused:
            self._refuse(shown, kept, refused)
            return
        if found.size != kept.size:
            self._keep(found, note)
        self.before_signing()
        signature = self._signer.cosign(note.text, max(0, self._clock.utc_us()) // US_PER_S)
        line = SignedNote(note.text, (signature,)).serialise().decode().rpartition("\n\n")[2]
        self._tell("cosigned", found.size, cosignature=line)
        self._notices.tell(LEDGER_FORKED, raised=False)

    def _read(self, shown: LedgerCheckpoint, kept: Kept) -> tuple[SignedNote, Checkpoint]:
        """The checkpoint, signed by the server's key under the name that its origin begins with."""
        try:
            note = SignedNote.parse(shown.note.encode())
            found = Checkpoint.parse(note.text)
        except InvalidInput as error:
            raise _Refused("malformed", str(error)) from error
        name, slash, site_id = found.origin.partition("/ledger/")
        if not slash or site_id != self._sealer.site_id or (kept.size and found.origin != kept.origin):
            raise _Refused("foreign_ledger", found.origin[:100])
        key = NoteKey(name, ED25519, self._server_key)
        try:
            signed = key in note.verified([key])
        except IntegrityViolation as error:
            raise _Refused("bad_signature", str(error)) from error
        if not signed:
            raise _Refused("bad_signature", "the server's key did not sign it")
        if found.size == 0 and found.root != merkle.EMPTY_ROOT:
            raise _Refused("malformed", "a ledger of no entries has one root")
        return note, found

    def _check_continues(self, kept: Kept, found: Checkpoint, shown: LedgerCheckpoint) -> None:
        if kept.size == 0:
            return
        if found.size == kept.size:
            if found.root != kept.root:
                raise _Refused("forked", f"two ledgers of {found.size} entries")
            return
        path = [bytes.fromhex(step) for step in shown.consistency]
        if not merkle.continues((kept.size, kept.root), (found.size, found.root), path):
            raise _Refused("not_continued", f"a ledger of {found.size} entries does not continue that of {kept.size}")

    def _keep(self, found: Checkpoint, note: SignedNote) -> None:
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO witnessed (server_key, origin, size, root, note) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (server_key) DO UPDATE SET origin = excluded.origin, size = excluded.size,"
                " root = excluded.root, note = excluded.note",
                (self._server_key.hex(), found.origin, found.size, found.root, note.serialise()),
            )

    def _refuse(self, shown: LedgerCheckpoint, kept: Kept, refused: _Refused) -> None:
        log.error("checkpoint_refused", why=refused.why, detail=str(refused), kept=kept.size)
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE witnessed SET refused = ? WHERE server_key = ?", (shown.note.encode(), self._server_key.hex())
            )
        self._notices.tell(LEDGER_FORKED, raised=True, detail=f"{refused.why}: {refused}")
        self._tell("refused", _size_of(shown), why=refused.why)

    def _tell(self, outcome: str, size: int, *, cosignature: str = "", why: Refusal = "") -> None:
        """Answers, unless an answer waits already: the server asks again for what it was not told."""
        at, kept = self._clock.now(), self.kept()
        seen = CheckpointSeen(
            **self._sealer.who(),
            timeline_id=at.timeline_id,
            at_us=max(0, at.us),
            outcome=outcome,  # type: ignore[arg-type]
            size=size,
            kept_size=kept.size,
            kept_root=kept.root.hex(),
            cosignature=cosignature,
            why=why,
        )
        sealed = self._sealer.sealed(seen, seen.at_us)
        with self._database.transaction() as connection:
            if _waits(connection):
                return
            self._outbox.put(connection, sealed)
        self._outbox.wake.set()


def _waits(connection: sqlite3.Connection) -> bool:
    row = connection.execute("SELECT 1 FROM outbox WHERE name = ? LIMIT 1", (CHECKPOINT_SEEN,)).fetchone()
    return row is not None


def _size_of(shown: LedgerCheckpoint) -> int:
    try:
        return Checkpoint.parse(SignedNote.parse(shown.note.encode()).text).size
    except InvalidInput:
        return 0
