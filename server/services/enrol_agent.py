"""Turns a one-time code into an agent with a certificate, and a certificate into the next one.

Invariants: a code gives exactly one certificate, however many ask at once: whoever has the code's row first has it. The
same request asked again is answered with the same certificate, so an answer that got lost costs nothing. Who signs a
renewal is who was enrolled; an expired certificate may be renewed for ``return_days``, a revoked one never.
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY, US_PER_S, Clock
from config.base.errors import Conflict, IntegrityViolation, InvalidInput, NotFound, PermissionDenied, ResourceExhausted
from config.base.logs import get_logger
from config.wire.enrolment import (
    CertificateAnswer,
    CertificateRequest,
    Enrolled,
    EnrolmentAnswer,
    EnrolmentRequest,
    proof_bytes,
)
from config.wire.envelope import decode_payload, open_envelope
from server.services.authority import CertificateAuthority, Csr, Issued, read_csr
from server.services.invite_agent import code_sha256
from server.services.sign_in import FailureLimit
from storage.database.models import Agent, AgentCertificate, Invitation
from storage.database.unit_of_work import Database

RENEWALS_APART_US = 60 * US_PER_S

log = get_logger("enrolment")


@dataclass(frozen=True)
class Directions:
    """What every agent is told of the server."""

    server_key_pem: str
    sealing_key_pem: str
    broker_host: str
    broker_port: int


@dataclass(frozen=True)
class _Box:
    """A request for enrolment that is sound in itself."""

    request: EnrolmentRequest
    identity_key: bytes
    sealing_key: bytes
    csr: Csr
    csr_sha256: str
    code_sha256: str


@dataclass(frozen=True)
class EnrolmentDesk:
    """Where boxes turn up."""

    database: Database
    clock: Clock
    authority: Callable[[], CertificateAuthority]
    directions: Callable[[], Directions]
    agent_days: int
    return_days: int
    limit: FailureLimit = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "limit", FailureLimit(self.clock))

    def enrol(self, data: bytes, source: str) -> EnrolmentAnswer:
        """The signed answer to a sealed EnrolmentRequest.

        Raises ResourceExhausted after too many codes that do not exist; PermissionDenied (``code_unknown``,
        ``code_expired``, ``code_used``); Conflict (``key_in_use``, ``agent_elsewhere``); InvalidInput and
        IntegrityViolation for what is no sound request.
        """
        self.limit.check(source)
        box = _sound(data)
        now_us = self.clock.utc_us()
        with self.database.reading() as session:
            # Those who come too late are told without waiting for the writer.
            known = session.get(Invitation, box.code_sha256)
            if known is None:
                self.limit.failed(source)
                raise PermissionDenied("there is no such code: ask the operator for a new one", code="code_unknown")
            pem = _already(session, known, box, now_us)
        if pem is None:
            with self.database.unit_of_work() as session:
                invitation = session.get_one(Invitation, box.code_sha256, with_for_update=True)
                pem = _already(session, invitation, box, now_us) or self._redeem(session, invitation, box, now_us)
            log.info("agent_enrolled", site=known.site_id, agent=known.agent_id)
        return self._answer(box, known, pem)

    def renew(self, data: bytes) -> CertificateAnswer:
        """The next certificate, for a sealed CertificateRequest.

        Raises NotFound (``unknown_agent``); PermissionDenied (``agent_revoked``, ``certificate_too_old``); Conflict
        (``unknown_certificate``, ``certificate_superseded``); ResourceExhausted where it asks too often; InvalidInput
        and IntegrityViolation for what is no sound request.
        """
        opened = open_envelope(data)
        request = decode_payload(opened)
        if not isinstance(request, CertificateRequest):
            raise InvalidInput("a certificate is asked for with a certificate-request", code="unknown_kind")
        csr = read_csr(request.csr)
        digest, now_us = hashlib.sha256(csr.der).hexdigest(), self.clock.utc_us()
        with self.database.unit_of_work() as session:
            agent = session.get(Agent, request.agent_id, with_for_update=True)
            if agent is None or agent.site_id != request.site_id:
                raise NotFound("no such agent at this site", code="unknown_agent")
            opened.verify(Ed25519PublicKey.from_public_bytes(agent.public_key))
            if agent.revoked_us is not None:
                raise PermissionDenied("this agent was revoked: ask the operator", code="agent_revoked")
            present = session.get(AgentCertificate, request.serial)
            if present is None or present.agent_id != agent.id or present.identity_key != agent.public_key:
                raise Conflict("this agent was never given that certificate", code="unknown_certificate")
            if present.revoked_us is not None:
                raise PermissionDenied("this certificate was revoked: ask the operator", code="agent_revoked")
            if present.successor is not None:
                next_one = session.get_one(AgentCertificate, present.successor)
                if next_one.csr_sha256 != digest:
                    log.error("agent_copied", site=agent.site_id, agent=agent.id, serial=present.serial)
                    raise Conflict(
                        "this certificate was replaced already, on another request: the box was copied, or its disk put"
                        " back. Ask the operator for a new code",
                        code="certificate_superseded",
                    )
                return CertificateAnswer(certificate=next_one.pem)
            self._check_age(present, now_us)
            issued = self._issue(session, agent, csr, digest, now_us)
            present.successor = issued.serial
        log.info("certificate_renewed", site=agent.site_id, agent=agent.id)
        return CertificateAnswer(certificate=issued.pem)

    def _check_age(self, present: AgentCertificate, now_us: int) -> None:
        if now_us > present.ends_us + self.return_days * US_PER_DAY:
            raise PermissionDenied(
                f"the certificate ended more than {self.return_days} days ago: ask the operator for a new code",
                code="certificate_too_old",
            )
        if 0 <= now_us - present.issued_us < min(RENEWALS_APART_US, (present.ends_us - present.issued_us) // 4):
            raise ResourceExhausted("this certificate was made a moment ago", code="too_soon")

    def _redeem(self, session: Session, invitation: Invitation, box: _Box, now_us: int) -> str:
        agent = session.get(Agent, invitation.agent_id, with_for_update=True)
        holder = session.scalar(
            select(Agent.id).where(Agent.public_key == box.identity_key, Agent.id != invitation.agent_id).limit(1)
        )
        if holder is not None:
            raise Conflict("this box is enrolled as another agent: give it an empty folder first", code="key_in_use")
        if agent is None:
            agent = Agent(id=invitation.agent_id, site_id=invitation.site_id, created_us=now_us)
            session.add(agent)
        elif agent.site_id != invitation.site_id:
            raise Conflict("meanwhile another site has an agent of that id", code="agent_elsewhere")
        elif agent.public_key != box.identity_key:
            held = (AgentCertificate.agent_id == agent.id, AgentCertificate.revoked_us.is_(None))
            session.execute(update(AgentCertificate).where(*held).values(revoked_us=now_us))
        agent.public_key, agent.sealing_key = box.identity_key, box.sealing_key
        agent.revoked_us = agent.revoked_reason = None
        session.flush()
        issued = self._issue(session, agent, box.csr, box.csr_sha256, now_us)
        session.flush()
        invitation.redeemed_us, invitation.serial = now_us, issued.serial
        return issued.pem

    def _issue(self, session: Session, agent: Agent, csr: Csr, csr_sha256: str, now_us: int) -> Issued:
        ends_us = now_us + self.agent_days * US_PER_DAY
        issued = self.authority().issue_agent(csr, agent.site_id, agent.id, now_us, ends_us)
        session.add(
            AgentCertificate(
                serial=issued.serial,
                agent_id=agent.id,
                identity_key=agent.public_key,
                csr_sha256=csr_sha256,
                pem=issued.pem,
                issued_us=now_us,
                ends_us=issued.ends_us,
            )
        )
        return issued

    def _answer(self, box: _Box, invitation: Invitation, pem: str) -> EnrolmentAnswer:
        told, authority = self.directions(), self.authority()
        document = msgspec.json.encode(
            Enrolled(
                of_message_id=box.request.message_id,
                site_id=invitation.site_id,
                agent_id=invitation.agent_id,
                certificate=pem,
                authority=authority.pem,
                server_key=told.server_key_pem,
                server_sealing_key=told.sealing_key_pem,
                broker_host=told.broker_host,
                broker_port=told.broker_port,
                utc_us=self.clock.utc_us(),
            )
        )
        return EnrolmentAnswer(document=base64.b64encode(document).decode(), signature=authority.sign_answer(document))


def _sound(data: bytes) -> _Box:
    """Raises InvalidInput, IntegrityViolation (``bad_signature``, ``bad_proof``)."""
    opened = open_envelope(data)
    request = decode_payload(opened)
    if not isinstance(request, EnrolmentRequest):
        raise InvalidInput("a box enrols with an enrolment-request", code="unknown_kind")
    identity_key, sealing_key = base64.b64decode(request.identity_key), base64.b64decode(request.sealing_key)
    opened.verify(Ed25519PublicKey.from_public_bytes(identity_key))
    csr = read_csr(request.csr)
    code_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(request.code_key))
    try:
        code_key.verify(base64.b64decode(request.code_proof), proof_bytes(identity_key, sealing_key, csr.der))
    except InvalidSignature as error:
        raise IntegrityViolation(
            "the request does not prove that its sender holds the code", code="bad_proof"
        ) from error
    digest = hashlib.sha256(csr.der).hexdigest()
    return _Box(request, identity_key, sealing_key, csr, digest, code_sha256(code_key))


def _already(session: Session, invitation: Invitation, box: _Box, now_us: int) -> str | None:
    """The certificate that this very request was given before; None while the code is open. Raises PermissionDenied."""
    if invitation.serial is not None:
        given = session.get_one(AgentCertificate, invitation.serial)
        if (given.identity_key, given.csr_sha256) == (box.identity_key, box.csr_sha256) and given.revoked_us is None:
            return given.pem
        raise PermissionDenied("the code was used already: ask the operator for a new one", code="code_used")
    if invitation.voided_us is not None or invitation.expires_us <= now_us:
        raise PermissionDenied("the code is over: ask the operator for a new one", code="code_expired")
    return None
