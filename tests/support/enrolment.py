"""A server that enrols, and boxes that come to it with a code.

def test_something(enrolling):
    box = Box()
    enrolling.desk.enrol(box.request(enrolling.code()), "somewhere")
"""

import base64
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from config.base.clock import US_PER_DAY
from config.base.ids import fresh_id
from config.wire.codes import InvitationCode, parse_code
from config.wire.enrolment import CertificateRequest, Enrolled, EnrolmentAnswer, EnrolmentRequest, proof_bytes
from config.wire.envelope import Signer
from server.services.agents.authority import CertificateAuthority
from server.services.agents.enrol_agent import Directions, EnrolmentDesk
from server.services.agents.invite_agent import Inviter
from server.services.registers.register import Register
from storage.database.unit_of_work import Database
from tests.support.clock import NOON_US, SimulatedClock

SITE, AGENT = "sunflower", "sunflower-box"
URL = "https://watch.example.org"


@cache
def authority() -> CertificateAuthority:
    """One for all tests; it began years before noon, and the machine's own today is within its life as well."""
    return CertificateAuthority.create(NOON_US - 6 * 365 * US_PER_DAY)


@dataclass
class Box:
    """What a bare box makes for itself; ``fresh_csr`` before another certificate is asked for."""

    identity: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    sealing: X25519PrivateKey = field(default_factory=X25519PrivateKey.generate)

    def __post_init__(self) -> None:
        self.signer = Signer(self.identity)
        self.fresh_csr()

    def fresh_csr(self, key: object = None) -> "Box":
        self.key = key or ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([])
        made = x509.CertificateSigningRequestBuilder().subject_name(name).sign(self.key, hashes.SHA256())
        self.csr_der = made.public_bytes(serialization.Encoding.DER)
        self.csr = made.public_bytes(serialization.Encoding.PEM).decode()
        return self

    def request(self, code: InvitationCode, **changes: object) -> bytes:
        """A sealed EnrolmentRequest."""
        identity, sealing = self.signer.public_raw, self.sealing.public_key().public_bytes_raw()
        made = EnrolmentRequest(
            message_id=fresh_id(),
            identity_key=base64.b64encode(identity).decode(),
            sealing_key=base64.b64encode(sealing).decode(),
            csr=self.csr,
            code_key=base64.b64encode(code.key.public_key().public_bytes_raw()).decode(),
            code_proof=base64.b64encode(code.key.sign(proof_bytes(identity, sealing, self.csr_der))).decode(),
        )
        return self.signer.seal(msgspec.structs.replace(made, **changes))

    def renewal(self, serial: str, **changes: object) -> bytes:
        """A sealed CertificateRequest."""
        made = CertificateRequest(message_id=fresh_id(), site_id=SITE, agent_id=AGENT, csr=self.csr, serial=serial)
        return self.signer.seal(msgspec.structs.replace(made, **changes))


@dataclass
class Enrolling:
    """The services of enrolment on the test's database and clock."""

    database: Database
    clock: SimulatedClock
    desk: EnrolmentDesk
    inviter: Inviter

    def code(self, agent_id: str = AGENT, site_id: str = SITE) -> InvitationCode:
        return parse_code(self.inviter.invite_as("test", site_id, agent_id).code)

    def enrol(self, box: Box, code: InvitationCode | None = None) -> Enrolled:
        return told(self.desk.enrol(box.request(code or self.code()), "here"))


def told(answer: EnrolmentAnswer) -> Enrolled:
    return msgspec.json.decode(base64.b64decode(answer.document), type=Enrolled)


def certificate_of(pem: str) -> x509.Certificate:
    return x509.load_pem_x509_certificate(pem.encode())


def serial_of(pem: str) -> str:
    return f"{certificate_of(pem).serial_number:x}"


def enrolling_on(database: Database, clock: SimulatedClock) -> Enrolling:
    """Two sites, and the services."""
    register = Register(database, clock)
    for site_id in (SITE, "little-boat"):
        register.add_site(site_id, "托育园", "cn/sichuan/luzhou", "Asia/Shanghai")
    directions = Directions(Signer(Ed25519PrivateKey.generate()).public_pem.decode(), "", "broker.example.org", 8883)
    desk = EnrolmentDesk(database, clock, authority, lambda: directions, agent_days=14, return_days=90)
    return Enrolling(database, clock, desk, Inviter(database, clock, authority, URL, code_minutes=15))


@pytest.fixture
def enrolling(database: Database, clock: SimulatedClock) -> Enrolling:
    return enrolling_on(database, clock)


def write_authority(folder: Path) -> None:
    """The authority's files, as ``server.admin init`` would make them."""
    if not (folder / "authority-key.pem").exists():
        authority().write(folder / "authority.pem", folder / "authority-key.pem")
