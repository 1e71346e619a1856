"""Turns a one-time code into an agent with a certificate, and a certificate into the next one.

Invariants: a code gives exactly one certificate, however many ask at once: whoever has the code's row first has it. The
same request asked again is answered with the same certificate, so an answer that got lost costs nothing. Who signs a
renewal is who was enrolled; an expired certificate may be renewed for ``return_days``, a revoked one never. A redeemed code
ends every certificate that the agent held, and a key whose trust was taken back never comes in again: not that of a revoked
agent, of a box that was replaced, or one that two boxes hold.
Locks are taken in one order: agent, then invitation.
Source: RFC 9700, 4.14.2 (who replaced something twice was copied, and nobody knows which of the two is the thief).
"""

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select, update
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
from config.wire.envelope import OpenedEnvelope, decode_payload, open_envelope
from server.services.agents.authority import CertificateAuthority, Csr, Issued, read_csr
from server.services.agents.invite_agent import code_sha256
from server.services.people.sign_in import FailureLimit
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
        ``code_expired``, ``code_used``, ``key_revoked``); Conflict (``key_in_use``, ``agent_elsewhere``); InvalidInput and
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
                agent = session.get(Agent, known.agent_id, with_for_update=True)
                invitation = session.get_one(Invitation, box.code_sha256, with_for_update=True, populate_existing=True)
                agent = agent or session.get(Agent, known.agent_id)  # made while we waited
                pem = _already(session, invitation, box, now_us)
                pem = pem or self._redeem(session, agent, invitation, box, now_us)
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
        key = self._proved(opened, request)
        with self.database.unit_of_work() as session:
            agent = session.get_one(Agent, request.agent_id, with_for_update=True)
            if agent.public_key != key:
                raise IntegrityViolation("another box has taken this agent's place", code="bad_signature")
            if agent.revoked_us is not None:
                raise PermissionDenied("this agent was revoked: ask the operator", code="agent_revoked")
            present = session.get(AgentCertificate, request.serial)
            if present is None or present.agent_id != agent.id or present.identity_key != agent.public_key:
                raise Conflict("this agent was never given that certificate", code="unknown_certificate")
            if present.revoked_us is not None:
                raise PermissionDenied("this certificate was revoked: ask the operator", code="agent_revoked")
            if present.successor is not None:
                next_one = session.get_one(AgentCertificate, present.successor)
                if next_one.csr_sha256 == digest:
                    return CertificateAnswer(certificate=next_one.pem)
                pem = None
                _end_certificates(session, agent.id, now_us)
            else:
                self._check_age(present, now_us)
                issued = self._issue(session, agent, csr, digest, now_us)
                present.successor, pem = issued.serial, issued.pem
        if pem is None:
            log.error("agent_copied", site=request.site_id, agent=request.agent_id, serial=request.serial)
            raise Conflict(
                "this certificate was replaced already, on another request: the box was copied, or its disk put back."
                " Ask the operator for a new code",
                code="certificate_superseded",
            )
        log.info("certificate_renewed", site=request.site_id, agent=request.agent_id)
        return CertificateAnswer(certificate=pem)

    def _proved(self, opened: OpenedEnvelope, request: CertificateRequest) -> bytes:
        """The agent's key, which signed the request: no lock is taken for anybody else."""
        with self.database.reading() as session:
            agent = session.get(Agent, request.agent_id)
            if agent is None or agent.site_id != request.site_id:
                raise NotFound("no such agent at this site", code="unknown_agent")
            key = agent.public_key
        opened.verify(Ed25519PublicKey.from_public_bytes(key))
        return key

    def _check_age(self, present: AgentCertificate, now_us: int) -> None:
        if now_us > present.ends_us + self.return_days * US_PER_DAY:
            raise PermissionDenied(
                f"the certificate ended more than {self.return_days} days ago: ask the operator for a new code",
                code="certificate_too_old",
            )
        if 0 <= now_us - present.issued_us < min(RENEWALS_APART_US, (present.ends_us - present.issued_us) // 4):
            raise ResourceExhausted("this certificate was made a moment ago", code="too_soon")

    def _redeem(self, session: Session, agent: Agent | None, invitation: Invitation, box: _Box, now_us: int) -> str:
        _check_key(session, agent, invitation.agent_id, box.identity_key)
        if agent is None:
            agent = Agent(id=invitation.agent_id, site_id=invitation.site_id, created_us=now_us)
            session.add(agent)
        elif agent.site_id != invitation.site_id:
            raise Conflict("meanwhile another site has an agent of that id", code="agent_elsewhere")
        same_key = agent.public_key == box.identity_key
        agent.public_key, agent.sealing_key = box.identity_key, box.sealing_key
        agent.revoked_us = agent.revoked_reason = None
        session.flush()
        serial = select(AgentCertificate.serial).where(AgentCertificate.agent_id == agent.id)
        before = list(session.scalars(serial.where(AgentCertificate.revoked_us.is_(None))))
        issued = self._issue(session, agent, box.csr, box.csr_sha256, now_us)
        session.flush()
        _end_certificates(session, agent.id, now_us, before, issued.serial if same_key else None)
        invitation.redeemed_us, invitation.serial = now_us, issued.serial
        return issued.pem

    def _issue(self, session: Session, agent: Agent, csr: Csr, csr_sha256: str, now_us: int) -> Issued:
        ends_us = now_us + self.agent_days * US_PER_DAY
        issued = self.authority().issue_agent(
            csr, agent.site_id, agent.id, now_us, ends_us, identity_key=agent.public_key
        )
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


def _check_key(session: Session, agent: Agent | None, agent_id: str, key: bytes) -> None:
    """Raises Conflict (``key_in_use``), PermissionDenied (``key_revoked``)."""
    given = select(AgentCertificate.serial).where(AgentCertificate.identity_key == key).limit(1)
    others = select(Agent.id).where(Agent.public_key == key, Agent.id != agent_id).limit(1)
    if session.scalar(others) or session.scalar(given.where(AgentCertificate.agent_id != agent_id)):
        raise Conflict("this box is enrolled as another agent: give it an empty folder first", code="key_in_use")
    # A certificate that ended because its own box came in again has a successor; one that was taken back has none.
    taken_back = given.where(AgentCertificate.revoked_us.is_not(None), AgentCertificate.successor.is_(None))
    revoked = agent is not None and agent.revoked_us is not None and agent.public_key == key
    if revoked or session.scalar(taken_back):
        raise PermissionDenied("this key is no longer trusted: make a new one", code="key_revoked")


def _end_certificates(
    session: Session, agent_id: str, now_us: int, serials: list[str] | None = None, successor: str | None = None
) -> None:
    """Revokes what the agent holds, or of it only ``serials``; ``successor`` follows those that had none."""
    held = [AgentCertificate.agent_id == agent_id, AgentCertificate.revoked_us.is_(None)]
    if serials is not None:
        held.append(AgentCertificate.serial.in_(serials))
    followed = func.coalesce(AgentCertificate.successor, successor)
    session.execute(update(AgentCertificate).where(*held).values(revoked_us=now_us, successor=followed))


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
