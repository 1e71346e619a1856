"""Redeems a one-time code: from a bare box to an agent that may come in.

Invariants: nobody is trusted at first sight. The code carries the fingerprint of the authority; what the authority did not
sign changes nothing here. Until the last file is written the box is not enrolled, and whatever failed can be done
again with the same code: keys that were made are kept, and the server answers the same request with the same answer.
A box whose key is no longer trusted (``key_revoked``) makes new ones; what waits in its outbox is signed anew as it is sent.
"""

import base64
import binascii
import hashlib
import os
from pathlib import Path

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.base.clock import US_PER_S, Clock
from config.base.decoding import decode_json
from config.base.errors import IntegrityViolation, PermissionDenied
from config.base.ids import fresh_id
from config.settings.edge import ENROLLED_FILE
from config.wire.codes import InvitationCode, fingerprint_of
from config.wire.enrolment import Enrolled, EnrolmentAnswer, EnrolmentRequest, answer_bytes, proof_bytes
from config.wire.envelope import Signer
from edge_agent.enrolment.credentials import AUTHORITY_FILE, Asked, Credentials, asked_in, checked, write
from edge_agent.enrolment.front_door import FrontDoor
from edge_agent.enrolment.next_keys import NextKeys, adopt, forget_next_keys, make_next_keys, next_keys
from edge_agent.identity import create_key, load_sealing_key, load_signer

PENDING_FILE = "enrolment-pending.pem"
SERVER_KEY_FILE, SERVER_SEALING_KEY_FILE = "server-key.pem", "server-sealing-key.pem"
CLOCK_ERROR_US_MAX = 300 * US_PER_S

REFUSALS = ("code_unknown", "code_expired", "code_used", "key_revoked", "key_in_use", "agent_elsewhere")
"""Answers that no further try with the same code can change."""


class ClockWrong(IntegrityViolation):
    """The box's clock is too far off for certificates: ``off_us`` is the server's minus ours."""

    code = "clock_wrong"

    def __init__(self, off_us: int) -> None:
        super().__init__(
            f"the clock of this machine is {abs(off_us) // US_PER_S} s {'behind' if off_us > 0 else 'ahead'}"
        )
        self.off_us = off_us


def join(code: InvitationCode, state_dir: Path, clock: Clock) -> Enrolled:
    """Enrols this box; what it now is.

    Raises Unavailable where the server does not answer; PermissionDenied or InvalidInput, with the server's code, where
    it refuses; ClockWrong; IntegrityViolation (``wrong_authority``, ``bad_answer``, ``bad_certificate``) where what
    answered is not the server that the code is from; ConfigurationError where the folder cannot be written.
    """
    with FrontDoor(code.server_url) as door:
        authority_pem = door.authority_pem()
        authority = _pinned(authority_pem, code)
        off_us = door.time_us() - clock.utc_us()
        if abs(off_us) > CLOCK_ERROR_US_MAX:
            raise ClockWrong(off_us)
        trusted = door.trust(authority_pem)
        create_key(state_dir)
        asked = asked_in(state_dir / PENDING_FILE)
        answer, message_id, fresh = _ask(door, code, state_dir, asked)
    told = _believed(answer, authority, message_id)
    certificate = checked(told.certificate, authority_pem, asked, told.agent_id)
    if certificate.ends_us <= clock.utc_us():
        raise IntegrityViolation("the certificate is over already", code="bad_certificate")
    if fresh is not None:
        adopt(state_dir, fresh)
    _settle(state_dir, clock, code.server_url, told, asked, own_ca=trusted)
    return told


def give_to_owner(folder: Path) -> None:
    """Whatever root has written goes to the folder's own user: the service runs as that one."""
    if os.geteuid() != 0:
        return
    owner = folder.stat()
    for file in folder.iterdir():
        # The folder is the service's: a link there may name anything, and stays what it is.
        if file.lstat().st_uid != owner.st_uid:
            os.chown(file, owner.st_uid, owner.st_gid, follow_symlinks=False)


def forget_pending(state_dir: Path) -> None:
    """After a refusal that is final."""
    (state_dir / PENDING_FILE).unlink(missing_ok=True)
    forget_next_keys(state_dir)


def _pinned(pem: str, code: InvitationCode) -> x509.Certificate:
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise IntegrityViolation("what answers is no Nightlight server", code="wrong_authority") from error
    if fingerprint_of(found.public_bytes(serialization.Encoding.DER)) != code.fingerprint:
        raise IntegrityViolation("the server that answers is not the one that the code is from", code="wrong_authority")
    return found


def _ask(
    door: FrontDoor, code: InvitationCode, state_dir: Path, asked: Asked
) -> tuple[EnrolmentAnswer, str, NextKeys | None]:
    """The answer, to which message, and the new keys if it is for new ones."""
    code_id = hashlib.sha256(code.key.public_key().public_bytes_raw()).hexdigest()
    fresh = next_keys(state_dir, code_id)
    if fresh is None:
        request = _request(code, load_signer(state_dir), load_sealing_key(state_dir), asked)
        try:
            return door.enrol(load_signer(state_dir).seal(request)), request.message_id, None
        except PermissionDenied as error:
            if error.code != "key_revoked":
                raise
        fresh = make_next_keys(state_dir, code_id)
    signer = Signer(fresh.identity)
    request = _request(code, signer, fresh.sealing, asked)
    return door.enrol(signer.seal(request)), request.message_id, fresh


def _request(code: InvitationCode, signer: Signer, sealing_key: X25519PrivateKey, asked: Asked) -> EnrolmentRequest:
    identity, sealing = signer.public_raw, sealing_key.public_key().public_bytes_raw()
    proof = code.key.sign(proof_bytes(identity, sealing, asked.csr_der))
    return EnrolmentRequest(
        message_id=fresh_id(),
        identity_key=base64.b64encode(identity).decode(),
        sealing_key=base64.b64encode(sealing).decode(),
        csr=asked.csr_pem,
        code_key=base64.b64encode(code.key.public_key().public_bytes_raw()).decode(),
        code_proof=base64.b64encode(proof).decode(),
    )


def _believed(answer: EnrolmentAnswer, authority: x509.Certificate, message_id: str) -> Enrolled:
    """What the authority signed. Raises IntegrityViolation."""
    key = authority.public_key()
    try:
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise IntegrityViolation("the authority's key is of another kind", code="bad_answer")
        document = base64.b64decode(answer.document, validate=True)
        signature = base64.b64decode(answer.signature, validate=True)
        key.verify(signature, answer_bytes(document), ec.ECDSA(hashes.SHA256()))
        told = decode_json(document, Enrolled)
        server_key = serialization.load_pem_public_key(told.server_key.encode())
    except (InvalidSignature, msgspec.MsgspecError, binascii.Error, ValueError) as error:
        raise IntegrityViolation("the answer is not signed by the server's authority", code="bad_answer") from error
    if told.of_message_id != message_id or not isinstance(server_key, Ed25519PublicKey):
        raise IntegrityViolation("the answer is to another request", code="bad_answer")
    return told


def _settle(state_dir: Path, clock: Clock, server_url: str, told: Enrolled, asked: Asked, *, own_ca: bool) -> None:
    """Writes everything; the last file makes it so."""
    write(state_dir / AUTHORITY_FILE, told.authority)
    write(state_dir / SERVER_KEY_FILE, told.server_key)
    sealing_file = ""
    if told.server_sealing_key:
        sealing_file = str(state_dir / SERVER_SEALING_KEY_FILE)
        write(state_dir / SERVER_SEALING_KEY_FILE, told.server_sealing_key)
    Credentials(state_dir, clock).install(told.certificate, asked.key_pem)
    tables: dict[str, dict[str, str | int]] = {
        "agent": {"site_id": told.site_id, "agent_id": told.agent_id},
        "mqtt": {"host": told.broker_host, "port": told.broker_port},
        "server": {
            "url": server_url,
            "ca_file": str(state_dir / AUTHORITY_FILE) if own_ca else "",
            "public_key_file": str(state_dir / SERVER_KEY_FILE),
            "sealing_key_file": sealing_file,
        },
    }
    lines = ["# Written by: nightlight-agent enrol. The settings file comes after it and may say otherwise."]
    for name, table in tables.items():
        # A JSON string is a TOML basic string: the same quotes, the same escapes.
        lines += [f"[{name}]", *(f"{key} = {msgspec.json.encode(value).decode()}" for key, value in table.items())]
    write(state_dir / ENROLLED_FILE, "\n".join(lines) + "\n")
    forget_pending(state_dir)
