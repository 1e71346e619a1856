"""Keeps the ledgers: numbers what was written, signs checkpoints, hands out proofs, takes witnesses' signatures in.

Invariant: a checkpoint that was signed once is the only one of its size; each continues the one before it, which is
checked before it is signed, so that even a damaged database cannot make the centre contradict itself.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from config.base.clock import Clock
from config.base.errors import IntegrityViolation, InvalidInput, NotFound
from config.base.logs import get_logger
from config.evidence import entries, merkle
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import NoteKey, NoteSignature, NoteSigner, SignedNote
from config.evidence.package import LedgerProof
from storage.database import ledger
from storage.database.models import LedgerCheckpoint
from storage.database.unit_of_work import Database

BATCH = 2_000

log = get_logger("ledger")


@dataclass(frozen=True)
class LedgerKeeper:
    """``origin`` names the centre's ledgers; a site's is ``{origin}/{site_id}``."""

    database: Database
    clock: Clock
    signer: NoteSigner
    origin: str

    def number_all(self) -> int:
        """Gives a number to everything that waits for one; how many entries there were."""
        with self.database.reading() as session:
            sites = ledger.waiting_sites(session)
        return sum(self._number(site_id) for site_id in sites)

    def checkpoint(self, site_id: str) -> SignedNote:
        """The signed checkpoint of everything numbered so far; the one there is, where nothing was added.

        Raises NotFound for an empty ledger, IntegrityViolation where the ledger no longer continues what was signed.
        """
        with self.database.unit_of_work() as session:
            last = ledger.latest_checkpoint(session, site_id)
            size = ledger.size(session, site_id)
            if size == 0:
                raise NotFound("the ledger is empty")
            tiles = ledger.Tiles(session, site_id)
            made = Checkpoint(f"{self.origin}/{site_id}", size, merkle.root(size, tiles.node))
            if last is not None:
                self._check_continues(last, made, tiles)
                if last.size == size:
                    return SignedNote.parse(last.note)
            note = SignedNote(made.text(), ()).plus(self.signer.sign(made.text()))
            row = LedgerCheckpoint(site_id=site_id, size=size, note=note.serialise(), made_us=self.clock.utc_us())
            session.add(row)
        log.info("checkpoint_signed", site=site_id, size=size)
        return note

    def without_checkpoint(self, older_than_us: int) -> list[str]:
        """Sites whose ledger has grown since their last checkpoint, which is older than that or does not exist."""
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            return ledger.grown_since(session, now_us - older_than_us, now_us)

    def cosign(self, site_id: str, size: int, witness: NoteKey, signature: NoteSignature) -> None:
        """Adds a witness's signature to a checkpoint. Raises NotFound; IntegrityViolation where it does not hold."""
        if (signature.name, signature.key_id) != (witness.name, witness.key_id):
            raise InvalidInput("the signature is by another key than the witness's", code="bad_signature")
        with self.database.unit_of_work() as session:
            row = ledger.checkpoint_at(session, site_id, size)
            if row is None:
                raise NotFound("no checkpoint of that size")
            add_cosignature(row, witness, signature, self.clock.utc_us())

    def inclusions(
        self, site_id: str, kind: str, subjects: Sequence[str], size: int, *, all_of_them: bool = True
    ) -> dict[str, tuple[bytes, LedgerProof]]:
        """The same for many subjects, by subject. Raises NotFound where one of them is not there, and all have to be."""
        found: dict[str, tuple[bytes, LedgerProof]] = {}
        with self.database.reading() as session:
            tiles = ledger.Tiles(session, site_id)
            for entry in ledger.entries_about(session, site_id, kind, subjects):
                if entry.number is not None and entry.number < size:
                    path = merkle.inclusion_proof(entry.number, size, tiles.node)
                    proof = LedgerProof(number=entry.number, path=[step.hex() for step in path])
                    found[entry.subject] = (entry.body, proof)
        for subject in subjects:
            if all_of_them and subject not in found:
                raise NotFound(f"no {kind} about {subject} in the ledger of {size}")
        return found

    def inclusion(self, site_id: str, kind: str, subject: str, size: int) -> tuple[bytes, LedgerProof]:
        """The newest entry about a subject, and the proof that the ledger of ``size`` holds it. Raises NotFound."""
        return self.inclusions(site_id, kind, [subject], size)[subject]

    def proof(self, site_id: str, number: int, size: int) -> LedgerProof:
        """What shows that the ledger of ``size`` holds entry ``number``. Raises InvalidInput out of range."""
        with self.database.reading() as session:
            if not 0 <= number < size <= ledger.size(session, site_id):
                raise InvalidInput("the ledger has no such entry", code="bad_size")
            path = merkle.inclusion_proof(number, size, ledger.Tiles(session, site_id).node)
        return LedgerProof(number=number, path=[step.hex() for step in path])

    def consistency(self, site_id: str, older: int, newer: int) -> list[bytes]:
        """What shows that the ledger of ``newer`` continues that of ``older``. Raises InvalidInput out of range."""
        with self.database.reading() as session:
            if not 0 <= older <= newer <= ledger.size(session, site_id):
                raise InvalidInput("the ledger has no such sizes", code="bad_size")
            return merkle.consistency_proof(older, newer, ledger.Tiles(session, site_id).node)

    def _number(self, site_id: str) -> int:
        done = 0
        while True:
            with self.database.unit_of_work() as session:
                numbered = ledger.number_waiting(session, site_id, BATCH)
            done += numbered
            if numbered < BATCH:
                return done

    def _check_continues(self, last: LedgerCheckpoint, made: Checkpoint, tiles: ledger.Tiles) -> None:
        before = Checkpoint.parse(SignedNote.parse(last.note).text)
        if made.size < before.size:
            raise IntegrityViolation(f"the ledger of {made.origin} has lost entries", code="ledger_rewritten")
        proof = merkle.consistency_proof(before.size, made.size, tiles.node)
        if not merkle.continues((before.size, before.root), (made.size, made.root), proof):
            raise IntegrityViolation(f"the ledger of {made.origin} was rewritten", code="ledger_rewritten")


def add_cosignature(row: LedgerCheckpoint, witness: NoteKey, signature: NoteSignature, now_us: int) -> bool:
    """Adds a witness's signature in the caller's transaction; False where it has signed already.

    Raises IntegrityViolation where the signature does not hold, InvalidInput where there is no room for one more.
    """
    note = SignedNote.parse(row.note)
    SignedNote(note.text, (signature,)).verified([witness])
    if witness in note.verified([witness]):
        return False
    row.note = note.plus(signature).serialise()
    row.cosigned_us = row.cosigned_us if row.cosigned_us is not None else now_us
    return True


def kind_of(entry: entries.Entry) -> str:
    """The tag that an entry carries in its body, and its row in its column."""
    return str(entry.__struct_config__.tag)
