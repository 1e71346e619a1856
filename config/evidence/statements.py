"""What else a package says, and whether it holds: who vouches for the ledger, what each day was, whose the keys are.

Invariant: each of these may be missing, and the package then proves so much less; none may be there and be false.
"""

import base64
import binascii
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes

from config.base.decoding import decode_json
from config.base.errors import ConfigurationError, IntegrityViolation, InvalidInput
from config.base.timespan import SpanSet
from config.evidence import merkle, package
from config.evidence.checkpoint import Checkpoint
from config.evidence.entries import DayAttested, decode
from config.evidence.note import NoteKey, SignedNote
from config.evidence.refusal import NotGenuine
from config.evidence.timestamp import Stamp, available, check_stamp
from config.wire.enrolment import AGENT_URN, KEY_URN

Document = TypeVar("Document")


@dataclass(frozen=True)
class Vouched:
    """Who vouches for the first ``size`` entries of the ledger."""

    size: int
    signed: dict[NoteKey, int]
    """By witness, when it saw the ledger (Unix seconds)."""
    stamp: Stamp | None = None
    """By a timestamp authority; None where there is none, or it cannot be read here."""
    has_stamp: bool = False

    @property
    def cosigned(self) -> dict[str, int]:
        """By name, when each witness saw the ledger."""
        return {key.name: at_s for key, at_s in self.signed.items()}


@dataclass(frozen=True)
class Keys:
    """By whom a ledger of ``origin`` may be vouched for; without the ledger's own key nothing counts."""

    origin: str
    ledger: NoteKey
    witnesses: Sequence[NoteKey] = ()
    """Agents of the site, and those that the reader handed in."""
    roots: Sequence[x509.Certificate] = ()
    """Of timestamp authorities that the reader trusts."""


def vouched(name: str, data: bytes, keys: Keys) -> tuple[Checkpoint, Vouched]:
    """A checkpoint of the ledger and who signed it besides the centre. Raises NotGenuine."""
    note = SignedNote.parse(data)
    checkpoint = Checkpoint.parse(note.text)
    if checkpoint.origin != keys.origin:
        raise NotGenuine(name, "it is of another ledger")
    try:
        signed = note.verified([keys.ledger, *keys.witnesses])
    except IntegrityViolation as error:
        raise NotGenuine(name, "a signature on it does not hold") from error
    if keys.ledger not in signed:
        raise NotGenuine(name, "it is not signed by the key you trust")
    return checkpoint, Vouched(checkpoint.size, {key: at_s for key, at_s in signed.items() if at_s is not None})


def check_anchors(data: bytes, newest: Checkpoint, keys: Keys) -> list[Vouched]:
    """Older checkpoints, each of which ``newest`` continues. Raises NotGenuine."""
    name, found = package.ANCHORS, []
    anchors = decoded(name, data, list[package.Anchor])
    if len(anchors) > package.ANCHORS_MAX:
        raise NotGenuine(name, "it is too large")
    for anchor in anchors:
        checkpoint, by = vouched(name, anchor.note.encode(), keys)
        path = [bytes.fromhex(step) for step in anchor.consistency]
        if not merkle.continues((checkpoint.size, checkpoint.root), (newest.size, newest.root), path):
            raise NotGenuine(name, "the ledger does not continue this checkpoint", str(checkpoint.size))
        found.append(
            replace(by, stamp=_stamp(name, anchor, checkpoint, keys.roots), has_stamp=anchor.timestamp is not None)
        )
    return found


def _stamp(
    name: str, anchor: package.Anchor, checkpoint: Checkpoint, roots: Sequence[x509.Certificate]
) -> Stamp | None:
    if anchor.timestamp is None or not available():
        return None
    try:
        return check_stamp(base64.b64decode(anchor.timestamp, validate=True), checkpoint.text(), roots)
    except (InvalidInput, IntegrityViolation, ConfigurationError, binascii.Error) as error:
        raise NotGenuine(name, "its timestamp does not hold", str(error)) from error


def check_attestations(data: bytes, index: package.Index, checkpoint: Checkpoint) -> list[DayAttested]:
    """The attestation in force of each day, oldest first. Raises NotGenuine where one is no link of the chain."""
    name = package.ATTESTATIONS
    told = decoded(name, data, list[package.Attestation])
    if len(told) > package.ATTESTATIONS_MAX:
        raise NotGenuine(name, "it is too large")
    chain: dict[str, tuple[str, DayAttested]] = {}
    last = -1
    for attestation in told:
        body = attestation.entry.encode()
        entry, number = decode(body), attestation.proof.number
        if not isinstance(entry, DayAttested) or entry.site_id != index.site_id:
            raise NotGenuine(name, "it attests no day of this site")
        if entry.end_us <= index.start_us or entry.start_us >= index.end_us or number <= last:
            raise NotGenuine(name, "it is about something else")
        path = [bytes.fromhex(step) for step in attestation.proof.path]
        if not merkle.includes(checkpoint.root, checkpoint.size, number, merkle.leaf_hash(body), path):
            raise NotGenuine(name, "it does not show that the entry stands in the ledger", entry.day)
        _check_link(name, entry, chain)
        chain[entry.day] = (hashlib.sha256(body).hexdigest(), entry)
        last = number
    return [chain[day][1] for day in sorted(chain)]


def _check_link(name: str, entry: DayAttested, chain: dict[str, tuple[str, DayAttested]]) -> None:
    before = chain.get(entry.day)
    if entry.supersedes_sha256 != (before[0] if before is not None else None):
        raise NotGenuine(name, "it does not name the attestation that it replaces", entry.day)
    days = [day for day in chain if day < entry.day]
    if days and entry.previous_sha256 != chain[max(days)][0]:
        raise NotGenuine(name, "it does not continue the attestation of the day before", entry.day)


def check_against(days: Sequence[DayAttested], covered: SpanSet, camera_id: str) -> None:
    """Raises NotGenuine where time is called covered that the attestation of its day calls missing (I1)."""
    for day in days:
        for camera in day.cameras:
            gaps = SpanSet((gap.start_us, gap.end_us) for gap in camera.gaps if gap.start_us < gap.end_us)
            if camera.camera_id == camera_id and covered & gaps:
                raise NotGenuine(package.COVERAGE, "it calls time covered that the day's attestation calls missing")


def check_certificates(data: bytes, index: package.Index) -> dict[str, str]:
    """By public key, the agent that the authority enrolled it for. Raises NotGenuine where a certificate is another's.

    A certificate from before certificates named their keys proves that the agent was enrolled, not its key; it is left out.
    """
    name = package.CERTIFICATES
    told = decoded(name, data, package.Certificates)
    if len(told.certificates) > package.CERTIFICATES_MAX:
        raise NotGenuine(name, "it is too large")
    known = {(agent.agent_id, agent.public_key) for agent in index.agents}
    authority = _certificate(name, told.authority)
    if _is_root(authority):
        _check_issued(name, authority, authority)  # people compare its fingerprint: it must be whole itself
    found: dict[str, str] = {}
    for each in told.certificates:
        if (each.agent_id, each.public_key) not in known:
            raise NotGenuine(name, "it is of a key that the index does not name")
        certificate = _certificate(name, each.pem)
        _check_issued(name, certificate, authority)
        names = _uris(certificate)
        agent = f"{AGENT_URN}{index.site_id}:{each.agent_id}"
        keys = [uri.removeprefix(KEY_URN) for uri in names if uri.startswith(KEY_URN)]
        if agent not in names or (keys and keys != [each.public_key]):
            raise NotGenuine(name, "it is the certificate of another agent or key")
        if keys:
            found[each.public_key] = each.agent_id
    return found


def authority_fingerprint(data: bytes) -> str:
    """SHA-256 of the authority's certificate (DER), as people compare it."""
    told = decoded(package.CERTIFICATES, data, package.Certificates)
    return _certificate(package.CERTIFICATES, told.authority).fingerprint(hashes.SHA256()).hex()


def _certificate(name: str, pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NotGenuine(name, "it cannot be read", str(error)) from error


def _is_root(authority: x509.Certificate) -> bool:
    try:
        return authority.issuer == authority.subject
    except ValueError:
        return True


def _check_issued(name: str, certificate: x509.Certificate, authority: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm) as error:
        raise NotGenuine(name, "its authority did not issue it") from error


def _uris(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        return []
    return names.get_values_for_type(x509.UniformResourceIdentifier)


def decoded(name: str, data: bytes, kind: type[Document]) -> Document:
    """A JSON document of a package. Raises NotGenuine."""
    try:
        return decode_json(data, kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise NotGenuine(name, "it cannot be read", str(error)) from error
