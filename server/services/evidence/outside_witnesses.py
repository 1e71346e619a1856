"""Witnesses from outside: what one is asked to sign, and what it signed.

They speak C2SP tlog-witness: what ``request`` gives is the body of its ``add-checkpoint``, whose answer ``take`` takes in.
How it gets there and back is nobody's business here: a cosignature proves itself.

Source: C2SP tlog-witness (https://c2sp.org/tlog-witness).
"""

import base64
from collections.abc import Sequence

from config.base.errors import InvalidInput, NotFound
from config.evidence.checkpoint import Checkpoint
from config.evidence.note import ED25519_COSIGNATURE, NoteKey, NoteSignature, SignedNote
from server.services.evidence.keep_ledger import LedgerKeeper
from storage.database import ledger

ANSWER_BYTES_MAX = 16_384


def witness_keys(named: Sequence[str]) -> list[NoteKey]:
    """The witnesses of the settings. Raises InvalidInput for a key that cannot cosign."""
    keys = [NoteKey.parse(vkey) for vkey in named]
    for key in keys:
        if key.algorithm != ED25519_COSIGNATURE:
            raise InvalidInput(
                f"the key of {key.name} is for notes: a witness's begins with algorithm 4", code="bad_key"
            )
    return keys


def request(keeper: LedgerKeeper, site_id: str, older: int) -> bytes:
    """The newest checkpoint of a site and the proof that it continues that of ``older``, which the witness keeps.

    Raises NotFound where nothing was signed yet, InvalidInput where there is no such size.
    """
    with keeper.database.reading() as session:
        newest = ledger.latest_checkpoint(session, site_id)
    if newest is None:
        raise NotFound("no checkpoint of that site's ledger was signed yet")
    proof = keeper.consistency(site_id, older, newest.size)
    lines = [f"old {older}", *(base64.b64encode(step).decode() for step in proof), "", ""]
    return "\n".join(lines).encode() + newest.note


def take(keeper: LedgerKeeper, site_id: str, size: int, answer: bytes, witnesses: Sequence[NoteKey]) -> list[str]:
    """Adds the signature lines of a witness's answer to a checkpoint; the names of those that hold.

    Raises NotFound, InvalidInput where no line is by a witness named in the settings, IntegrityViolation where one of
    theirs does not hold.
    """
    if len(answer) > ANSWER_BYTES_MAX:
        raise InvalidInput("an answer of a witness is a few lines", code="oversized")
    with keeper.database.reading() as session:
        row = ledger.checkpoint_at(session, site_id, size)
    if row is None:
        raise NotFound(f"no checkpoint of {size} entries was signed")
    text = SignedNote.parse(row.note).text
    Checkpoint.parse(text)
    lines = answer if answer.endswith(b"\n") else answer + b"\n"
    signatures = SignedNote.parse(f"{text}\n".encode() + lines).signatures
    taken = [(key, found) for key in witnesses for found in signatures if _is_by(found, key)]
    if not taken:
        raise InvalidInput("no line is by a witness that 'ledger.witnesses' names", code="unknown_witness")
    for key, found in taken:
        keeper.cosign(site_id, size, key, found)
    return [key.name for key, _ in taken]


def _is_by(found: NoteSignature, key: NoteKey) -> bool:
    return (found.name, found.key_id) == (key.name, key.key_id)
