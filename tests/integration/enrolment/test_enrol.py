"""Codes, first certificates and the next ones: what the services give, to whom, and what they refuse."""

import base64
import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from sqlalchemy import Engine, event, func, select

from config.base.errors import (
    Conflict,
    IntegrityViolation,
    InvalidInput,
    NightlightError,
    NotFound,
    PermissionDenied,
    ResourceExhausted,
)
from config.wire.codes import InvitationCode
from server.services.agents import invite_agent
from server.services.agents.revoke_agent import Revoker, revoked_serials
from server.services.people.sign_in import FAILURES_MAX
from server.services.registers.register import Register
from storage.database.models import Agent, AgentCertificate, Invitation
from storage.database.scope import AUDITOR, OPERATOR, Scope
from storage.database.unit_of_work import Database
from tests.support.enrolment import AGENT, SITE, URL, Box, Enrolling, authority, certificate_of, serial_of, told

ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
DAY_S = 86_400.0
REDEMPTIONS, AT_ONCE = 200, 16


def refused(kind: type[NightlightError], code: str, call, *arguments) -> None:
    with pytest.raises(kind) as raised:
        call(*arguments)
    assert raised.value.code == code


def test_a_box_with_a_code_becomes_the_agent(enrolling: Enrolling) -> None:
    box, code = Box(), enrolling.code()
    enrolled = enrolling.enrol(box, code)
    assert (enrolled.site_id, enrolled.agent_id) == (SITE, AGENT)
    assert (enrolled.broker_host, enrolled.broker_port) == ("broker.example.org", 8883)
    certificate = certificate_of(enrolled.certificate)
    certificate.verify_directly_issued_by(certificate_of(authority().pem))
    (name,) = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    assert name.value == AGENT
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == [
        f"urn:nightlight:agent:{SITE}:{AGENT}",
        f"urn:nightlight:key:{box.signer.public_raw.hex()}",
    ]
    usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert (certificate.not_valid_after_utc - certificate.not_valid_before_utc).total_seconds() == 14 * DAY_S + 3_600
    with enrolling.database.reading() as session:
        agent = session.get_one(Agent, AGENT)
        assert agent.public_key == box.signer.public_raw
        assert agent.sealing_key == box.sealing.public_key().public_bytes_raw()
        (row,) = session.scalars(select(AgentCertificate)).all()
        assert (row.serial, row.identity_key) == (serial_of(enrolled.certificate), box.signer.public_raw)


def test_the_code_itself_is_kept_nowhere(enrolling: Enrolling) -> None:
    code = enrolling.code()
    with enrolling.database.reading() as session:
        (row,) = session.scalars(select(Invitation)).all()
    public = code.key.public_key().public_bytes_raw()
    assert row.code_sha256 == hashlib.sha256(public).hexdigest()
    kept = "".join(str(value) for value in vars(row).values())
    assert code.secret.hex() not in kept
    assert public.hex() not in kept


@ON_SQLITE
def test_the_same_request_is_answered_again_and_another_one_is_not(enrolling: Enrolling) -> None:
    box, code = Box(), enrolling.code()
    first = enrolling.enrol(box, code)
    assert enrolling.enrol(box, code).certificate == first.certificate
    refused(PermissionDenied, "code_used", enrolling.enrol, Box(), code)
    refused(PermissionDenied, "code_used", enrolling.enrol, box.fresh_csr(), code)
    with enrolling.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AgentCertificate)) == 1


@ON_SQLITE
def test_a_code_ends_after_a_quarter_of_an_hour_and_with_a_newer_one(enrolling: Enrolling) -> None:
    old = enrolling.code()
    new = enrolling.code()
    refused(PermissionDenied, "code_expired", enrolling.enrol, Box(), old)
    enrolling.clock.advance(15 * 60 - 1)
    box = Box()
    enrolling.enrol(box, new)
    late = enrolling.code()
    enrolling.clock.advance(15 * 60)
    refused(PermissionDenied, "code_expired", enrolling.enrol, box.fresh_csr(), late)


@ON_SQLITE
def test_guessing_is_stopped_and_those_who_hold_a_code_come_in_from_elsewhere(enrolling: Enrolling) -> None:
    code, box = enrolling.code(), Box()
    for _ in range(FAILURES_MAX):
        guess = box.request(InvitationCode.fresh(URL, authority().der))
        refused(PermissionDenied, "code_unknown", enrolling.desk.enrol, guess, "there")
    refused(ResourceExhausted, "too_many_attempts", enrolling.desk.enrol, box.request(code), "there")
    assert enrolling.desk.enrol(box.request(code), "here")


@ON_SQLITE
def test_a_request_that_proves_nothing_is_refused(enrolling: Enrolling) -> None:
    code, box, thief = enrolling.code(), Box(), Box()
    seen = code.key.public_key().public_bytes_raw()
    other = InvitationCode.fresh(URL, authority().der)
    stolen = {"code_key": base64.b64encode(seen).decode()}
    refused(IntegrityViolation, "bad_proof", enrolling.desk.enrol, thief.request(other, **stolen), "x")
    refused(IntegrityViolation, "bad_proof", enrolling.desk.enrol, box.request(code, csr=thief.csr), "x")
    refused(
        IntegrityViolation,
        "bad_signature",
        enrolling.desk.enrol,
        box.request(code, identity_key=base64.b64encode(thief.signer.public_raw).decode()),
        "x",
    )
    for bad in ("nonsense", box.fresh_csr(rsa.generate_private_key(65_537, 2_048)).csr):
        refused(InvalidInput, "bad_csr", enrolling.desk.enrol, box.request(code, csr=bad), "x")
    curve = Box().fresh_csr(ec.generate_private_key(ec.SECP384R1()))
    refused(InvalidInput, "bad_csr", enrolling.desk.enrol, curve.request(code), "x")
    refused(InvalidInput, "unknown_kind", enrolling.desk.enrol, box.fresh_csr().renewal("1"), "x")
    refused(InvalidInput, "malformed", enrolling.desk.enrol, b"{}", "x")
    enrolling.enrol(box, code)


def test_an_operator_invites_for_the_own_sites_alone(enrolling: Enrolling) -> None:
    Register(enrolling.database, enrolling.clock).add_account("lin", OPERATOR, "little-lamp-at-night", [SITE])
    made = enrolling.inviter.invite(Scope("lin", OPERATOR), SITE, AGENT)
    assert (made.site_id, made.agent_id) == (SITE, AGENT)
    refused(NotFound, "not_found", enrolling.inviter.invite, Scope("lin", OPERATOR), "little-boat", "boat-box")
    refused(PermissionDenied, "not_allowed", enrolling.inviter.invite, Scope("a", AUDITOR, "*"), SITE, AGENT)
    refused(NotFound, "not_found", enrolling.inviter.invite_as, "x", "nowhere", AGENT)
    refused(InvalidInput, "bad_agent_id", enrolling.inviter.invite_as, "x", SITE, "Not A Slug")
    enrolling.enrol(Box())
    refused(Conflict, "agent_elsewhere", enrolling.inviter.invite_as, "x", "little-boat", AGENT)


@ON_SQLITE
def test_two_sites_that_invite_the_same_new_id(enrolling: Enrolling) -> None:
    here, there = enrolling.code(), enrolling.code(AGENT, "little-boat")
    enrolling.enrol(Box(), here)
    refused(Conflict, "agent_elsewhere", enrolling.enrol, Box(), there)


@ON_SQLITE
def test_open_codes_of_a_site_are_bounded(enrolling: Enrolling) -> None:
    for number in range(invite_agent.OPEN_PER_SITE_MAX):
        enrolling.code(f"box-{number}")
    refused(ResourceExhausted, "too_many_codes", enrolling.code, "one-more")
    enrolling.clock.advance(15 * 60)
    enrolling.code("one-more")


@ON_SQLITE
def test_a_box_is_one_agent(enrolling: Enrolling) -> None:
    box = Box()
    enrolling.enrol(box)
    code = enrolling.code("second-box")
    refused(Conflict, "key_in_use", enrolling.enrol, box.fresh_csr(), code)
    enrolling.enrol(Box(), code)


def test_a_new_box_in_an_agents_place_ends_what_the_old_one_held(enrolling: Enrolling) -> None:
    old, new = Box(), Box()
    before = serial_of(enrolling.enrol(old).certificate)
    after = serial_of(enrolling.enrol(new).certificate)
    assert set(revoked_serials(enrolling.database, enrolling.clock.utc_us())) == {before}
    enrolling.clock.advance(DAY_S)
    refused(IntegrityViolation, "bad_signature", enrolling.desk.renew, old.fresh_csr().renewal(before))
    refused(Conflict, "unknown_certificate", enrolling.desk.renew, new.fresh_csr().renewal(before))
    enrolling.desk.renew(new.fresh_csr().renewal(after))


def test_renewal_hands_on_from_one_certificate_to_the_next(enrolling: Enrolling) -> None:
    box = Box()
    serial = serial_of(enrolling.enrol(box).certificate)
    for _ in range(3):
        enrolling.clock.advance(9 * DAY_S)
        request = box.fresh_csr().renewal(serial)
        pem = enrolling.desk.renew(request).certificate
        assert enrolling.desk.renew(request).certificate == pem, "an answer that was lost is given again"
        certificate_of(pem).verify_directly_issued_by(certificate_of(authority().pem))
        assert certificate_of(pem).public_key() == box.key.public_key()
        serial = serial_of(pem)
    with enrolling.database.reading() as session:
        assert session.scalar(select(func.count()).select_from(AgentCertificate)) == 4


@ON_SQLITE
def test_an_agent_that_was_away_gets_in_again_for_ninety_days(enrolling: Enrolling) -> None:
    box = Box()
    serial = serial_of(enrolling.enrol(box).certificate)
    enrolling.clock.advance((14 + 90) * DAY_S - 60)
    serial = serial_of(enrolling.desk.renew(box.fresh_csr().renewal(serial)).certificate)
    enrolling.clock.advance((14 + 90) * DAY_S + 1)
    refused(PermissionDenied, "certificate_too_old", enrolling.desk.renew, box.fresh_csr().renewal(serial))
    enrolling.enrol(box.fresh_csr())


def test_a_copied_box_is_noticed_and_is_out_when_the_box_comes_in_again(enrolling: Enrolling) -> None:
    box = Box()
    serial = serial_of(enrolling.enrol(box).certificate)
    enrolling.clock.advance(9 * DAY_S)
    copys = serial_of(enrolling.desk.renew(box.fresh_csr().renewal(serial)).certificate)
    refused(Conflict, "certificate_superseded", enrolling.desk.renew, box.fresh_csr().renewal(serial))
    assert set(revoked_serials(enrolling.database, 0)) == {serial, copys}, "nobody knows which of the two is the thief"
    code, anew = enrolling.code(), Box()
    refused(PermissionDenied, "key_revoked", enrolling.enrol, box.fresh_csr(), code)
    enrolling.enrol(anew, code)
    enrolling.clock.advance(DAY_S)
    refused(IntegrityViolation, "bad_signature", enrolling.desk.renew, box.fresh_csr().renewal(copys))


@ON_SQLITE
def test_a_box_that_comes_in_again_keeps_its_key_and_loses_what_it_held(enrolling: Enrolling) -> None:
    box = Box()
    held = [serial_of(enrolling.enrol(box.fresh_csr()).certificate) for _ in range(3)]
    assert set(revoked_serials(enrolling.database, 0)) == set(held[:-1])
    enrolling.clock.advance(DAY_S)
    for old in held[:-1]:
        refused(PermissionDenied, "agent_revoked", enrolling.desk.renew, box.fresh_csr().renewal(old))
    enrolling.desk.renew(box.fresh_csr().renewal(held[-1]))
    enrolling.enrol(Box())
    refused(PermissionDenied, "key_revoked", enrolling.enrol, box.fresh_csr())
    refused(Conflict, "key_in_use", enrolling.enrol, box.fresh_csr(), enrolling.code("second-box"))


def test_who_signs_nothing_takes_no_lock_for_a_renewal(enrolling: Enrolling, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Box()
    serial = serial_of(enrolling.enrol(box).certificate)
    monkeypatch.setattr(Database, "unit_of_work", lambda _self: pytest.fail("a transaction for a stranger"))
    refused(IntegrityViolation, "bad_signature", enrolling.desk.renew, Box().renewal(serial))
    refused(NotFound, "unknown_agent", enrolling.desk.renew, box.renewal(serial, agent_id="stranger"))


def test_the_agent_is_locked_before_the_code(enrolling: Enrolling) -> None:
    enrolling.enrol(Box())
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest) -> None:
        if statement.startswith("SELECT"):
            seen.append(statement.partition("FROM ")[2].split()[0])

    box, code = Box(), enrolling.code()
    event.listen(Engine, "before_cursor_execute", note)
    try:
        enrolling.enrol(box, code)
        assert seen[:3] == ["invitation", "agent", "invitation"], "the first only looks"
        seen.clear()
        Revoker(enrolling.database, enrolling.clock).revoke(SITE, AGENT, "why")
        assert seen[:2] == ["agent", "invitation"]
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def test_codes_end_also_where_no_box_has_come_yet(enrolling: Enrolling) -> None:
    revoker, code = Revoker(enrolling.database, enrolling.clock), enrolling.code()
    refused(NotFound, "not_found", revoker.revoke, "little-boat", AGENT, "why")
    assert revoker.revoke(SITE, AGENT, "sent to the wrong person")
    refused(PermissionDenied, "code_expired", enrolling.enrol, Box(), code)
    refused(NotFound, "not_found", revoker.revoke, SITE, AGENT, "nothing is left")


@ON_SQLITE
def test_renewals_that_are_refused(enrolling: Enrolling) -> None:
    box = Box()
    serial = serial_of(enrolling.enrol(box).certificate)
    refused(ResourceExhausted, "too_soon", enrolling.desk.renew, box.fresh_csr().renewal(serial))
    enrolling.clock.advance(DAY_S)
    request = box.fresh_csr().renewal
    refused(NotFound, "unknown_agent", enrolling.desk.renew, request(serial, agent_id="stranger"))
    refused(NotFound, "unknown_agent", enrolling.desk.renew, request(serial, site_id="little-boat"))
    refused(IntegrityViolation, "bad_signature", enrolling.desk.renew, Box().renewal(serial))
    refused(Conflict, "unknown_certificate", enrolling.desk.renew, request("abc"))
    refused(InvalidInput, "bad_csr", enrolling.desk.renew, request(serial, csr="nonsense"))
    refused(InvalidInput, "unknown_kind", enrolling.desk.renew, box.request(enrolling.code()))
    enrolling.desk.renew(request(serial))


def test_a_revoked_agent_gets_nothing_until_it_is_enrolled_anew(enrolling: Enrolling) -> None:
    box = Box()
    serial = serial_of(enrolling.enrol(box).certificate)
    open_code = enrolling.code()
    enrolling.clock.advance(DAY_S)
    revoker = Revoker(enrolling.database, enrolling.clock)
    assert revoker.revoke(SITE, AGENT, "box was stolen")
    assert not revoker.revoke(SITE, AGENT, "told twice")
    assert set(revoked_serials(enrolling.database, enrolling.clock.utc_us())) == {serial}
    refused(PermissionDenied, "agent_revoked", enrolling.desk.renew, box.fresh_csr().renewal(serial))
    refused(PermissionDenied, "code_expired", enrolling.enrol, box, open_code)
    with enrolling.database.reading() as session:
        assert session.get_one(Agent, AGENT).revoked_reason == "box was stolen"
    code, anew = enrolling.code(), Box()
    refused(PermissionDenied, "key_revoked", enrolling.enrol, box.fresh_csr(), code)
    enrolling.enrol(anew, code)
    with enrolling.database.reading() as session:
        assert session.get_one(Agent, AGENT).revoked_us is None
    refused(IntegrityViolation, "bad_signature", enrolling.desk.renew, box.fresh_csr().renewal(serial))
    refused(Conflict, "unknown_certificate", enrolling.desk.renew, anew.fresh_csr().renewal(serial))
    refused(PermissionDenied, "key_revoked", enrolling.enrol, box)
    enrolling.clock.advance(30 * DAY_S)
    assert revoked_serials(enrolling.database, enrolling.clock.utc_us()) == {}, "what has ended needs no list"


@ON_SQLITE
def test_whom_one_cannot_revoke(enrolling: Enrolling) -> None:
    revoker = Revoker(enrolling.database, enrolling.clock)
    refused(NotFound, "not_found", revoker.revoke, SITE, AGENT, "why")
    enrolling.enrol(Box())
    refused(NotFound, "not_found", revoker.revoke, "little-boat", AGENT, "why")
    for reason in ("", "  ", "x" * 201):
        refused(InvalidInput, "no_reason", revoker.revoke, SITE, AGENT, reason)


def test_redemptions_at_once_give_one_certificate(enrolling: Enrolling) -> None:
    code = enrolling.code()
    requests = [Box().request(code) for _ in range(REDEMPTIONS)]

    def try_it(request: bytes) -> str:
        try:
            return told(enrolling.desk.enrol(request, "here")).certificate
        except PermissionDenied as error:
            return error.code

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(try_it, requests))
    assert answers.count("code_used") == REDEMPTIONS - 1
    given = [pem for pem in answers if pem != "code_used"]
    with enrolling.database.reading() as session:
        assert [row.serial for row in session.scalars(select(AgentCertificate))] == [serial_of(given[0])]


def test_renewals_at_once_give_one_certificate(enrolling: Enrolling) -> None:
    box = Box()
    serial = serial_of(enrolling.enrol(box).certificate)
    enrolling.clock.advance(9 * DAY_S)
    requests = [box.fresh_csr().renewal(serial) for _ in range(24)]

    def try_it(request: bytes) -> str:
        try:
            return enrolling.desk.renew(request).certificate
        except (Conflict, PermissionDenied):  # the second was a copy's; from then on the family is out
            return ""

    with ThreadPoolExecutor(AT_ONCE) as pool:
        assert len([pem for pem in pool.map(try_it, requests) if pem]) == 1
