"""What a package says beside its recordings: attested days, older checkpoints that others vouch for, the agents' keys.

Everything is as of one checkpoint and is read in one view of the database.
"""

import base64
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from sqlalchemy import select
from sqlalchemy.orm import Session

from config.base.errors import InvalidInput
from config.base.timespan import Span, SpanSet
from config.evidence import merkle, package
from config.evidence.entries import DayAttested, GapAttested, decode
from server.domain.verdict import day_of
from server.services.evidence.attest_day import DAY_ATTESTED
from storage.database import ledger
from storage.database.models import Agent, AgentCertificate, LedgerCheckpoint, Site

PENDING = "attestation_pending"


@dataclass(frozen=True)
class Standing:
    """What stands behind a package; ``days`` are the attestations in force."""

    agents: list[package.AgentKey]
    anchors: list[package.Anchor]
    attestations: list[package.Attestation]
    days: list[DayAttested]
    certificates: package.Certificates | None

    def documents(self) -> dict[str, bytes]:
        """The files of a package, without those that would be empty. Raises InvalidInput (``oversized``)."""
        if len(self.attestations) > package.ATTESTATIONS_MAX:
            raise InvalidInput("too many attestations: export a shorter period", code="oversized")
        found = {
            package.ANCHORS: msgspec.json.encode(self.anchors) if self.anchors else b"",
            package.ATTESTATIONS: msgspec.json.encode(self.attestations) if self.attestations else b"",
            package.CERTIFICATES: msgspec.json.encode(self.certificates) if self.certificates is not None else b"",
        }
        if any(len(data) > package.DOCUMENT_BYTES_MAX for data in found.values()):
            raise InvalidInput("the attestations are too large: export a shorter period", code="oversized")
        return {name: data for name, data in found.items() if data}

    def contested(self, statement: package.CoverageStatement) -> package.CoverageStatement:
        """Without the time that an attestation in force calls missing: it counts once another one says so (I1)."""
        gaps = SpanSet(
            (gap.start_us, gap.end_us)
            for day in self.days
            for camera in day.cameras
            if camera.camera_id == statement.camera_id
            for gap in camera.gaps
        )
        covered = SpanSet(statement.covered)
        doubted = covered & gaps
        if not doubted:
            return statement
        told = [*statement.gaps, *(GapAttested(part.start_us, part.end_us, PENDING, "unverified") for part in doubted)]
        left = covered - doubted
        return msgspec.structs.replace(
            statement,
            covered=[(part.start_us, part.end_us) for part in left],
            backfilled=[(part.start_us, part.end_us) for part in SpanSet(statement.backfilled) & left],
            gaps=sorted(told, key=lambda gap: gap.start_us),
        )


def gather(session: Session, site: Site, span: Span, size: int, numbers: Iterable[int], authority: str) -> Standing:
    """As of the checkpoint of ``size``; ``numbers`` are those of the recordings' entries, ``authority`` is PEM or empty."""
    attestations = _attestations(session, site, span, size)
    days: dict[str, DayAttested] = {}
    for attestation in attestations:
        entry = decode(attestation.entry.encode())
        if isinstance(entry, DayAttested):
            days[entry.day] = entry
    agents = session.scalars(select(Agent).where(Agent.site_id == site.id).order_by(Agent.id)).all()
    enrolled = session.scalars(
        select(AgentCertificate)
        .where(AgentCertificate.agent_id.in_([agent.id for agent in agents]))
        .order_by(AgentCertificate.issued_us)
    ).all()
    return Standing(
        _keys(agents, enrolled),
        _anchors(session, site.id, size, max(numbers, default=-1) + 1),
        attestations,
        [days[day] for day in sorted(days)],
        _certificates(enrolled, authority),
    )


def _keys(agents: Iterable[Agent], enrolled: Iterable[AgentCertificate]) -> list[package.AgentKey]:
    """Every key that an agent of the site has had: a manifest by an older one is the agent's as well."""
    known = {(agent.id, agent.public_key.hex()) for agent in agents}
    known |= {(certificate.agent_id, certificate.identity_key.hex()) for certificate in enrolled}
    return [package.AgentKey(agent_id=agent_id, public_key=key) for agent_id, key in sorted(known)]


def _certificates(enrolled: Iterable[AgentCertificate], authority: str) -> package.Certificates | None:
    """The first and the newest certificate of each key, of those that this authority gave."""
    if not authority:
        return None
    root = x509.load_pem_x509_certificate(authority.encode())
    of_key: dict[tuple[str, bytes], list[AgentCertificate]] = {}
    for certificate in enrolled:
        with suppress(
            ValueError, TypeError, InvalidSignature
        ):  # of an authority before this one: it proves nothing here
            x509.load_pem_x509_certificate(certificate.pem.encode()).verify_directly_issued_by(root)
            of_key.setdefault((certificate.agent_id, certificate.identity_key), []).append(certificate)
    chosen = [each for found in of_key.values() for each in (found[:1] + found[1:][-1:])]
    if not chosen:
        return None
    told = [
        package.CertificateOfKey(
            agent_id=each.agent_id,
            public_key=each.identity_key.hex(),
            issued_us=each.issued_us,
            revoked_us=each.revoked_us,
            pem=each.pem,
        )
        for each in chosen
    ]
    return package.Certificates(authority=authority, certificates=told[: package.CERTIFICATES_MAX])


def _attestations(session: Session, site: Site, span: Span, size: int) -> list[package.Attestation]:
    first, last = day_of(span.start_us, site.timezone), day_of(span.end_us - 1, site.timezone)
    days = [(first + timedelta(days=number)).isoformat() for number in range((last - first).days + 1)]
    tiles = ledger.Tiles(session, site.id)
    found: list[package.Attestation] = []
    for entry in ledger.entries_about(session, site.id, DAY_ATTESTED, days):
        if entry.number is not None and entry.number < size:
            path = merkle.inclusion_proof(entry.number, size, tiles.node)
            proof = package.LedgerProof(number=entry.number, path=[step.hex() for step in path])
            found.append(package.Attestation(entry=entry.body.decode(), proof=proof))
    return sorted(found, key=lambda attestation: attestation.proof.number)


def _anchors(session: Session, site_id: str, size: int, needed: int) -> list[package.Anchor]:
    """The oldest and the newest checkpoint that is cosigned, and that is stamped; the oldest of those that hold it all."""
    rows: dict[int, LedgerCheckpoint] = {}
    witnessed = select(LedgerCheckpoint).where(LedgerCheckpoint.site_id == site_id, LedgerCheckpoint.size <= size)
    for sign in (LedgerCheckpoint.cosigned_us, LedgerCheckpoint.timestamp):
        of_kind = witnessed.where(sign.is_not(None))
        for query in (
            of_kind.where(LedgerCheckpoint.size >= needed).order_by(LedgerCheckpoint.size),
            of_kind.order_by(LedgerCheckpoint.size.desc()),
        ):
            row = session.scalars(query.limit(1)).first()
            if row is not None and (row.size < size or row.timestamp is not None):
                rows[row.size] = row
    tiles = ledger.Tiles(session, site_id)
    return [
        package.Anchor(
            note=row.note.decode(),
            consistency=[step.hex() for step in merkle.consistency_proof(row.size, size, tiles.node)],
            timestamp=base64.b64encode(row.timestamp).decode() if row.timestamp is not None else None,
        )
        for _, row in sorted(rows.items())
    ]
