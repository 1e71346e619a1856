"""What the agent shows the broker: its certificate with the key, from the authority that it was enrolled with.

Invariants: a certificate and its key are one file, replaced whole, so no power cut leaves half of a pair. Nobody but a
server with a certificate of the pinned authority is spoken to over MQTT.
"""

import os
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from config.base.clock import US_PER_S, Clock
from config.base.errors import ConfigurationError, IntegrityViolation

CERTIFICATE_FILE, AUTHORITY_FILE = "certificate.pem", "authority.pem"
_NO_CHECK_TIME = 0x200000  # OpenSSL, x509_vfy.h: X509_V_FLAG_NO_CHECK_TIME

NOT_ENROLLED = "this machine has no certificate: ask the operator for a code, then: sudo nightlight-agent enrol. It goes on recording"


@dataclass(frozen=True)
class Certificate:
    """What matters of a certificate; instants are microseconds UTC."""

    serial: str
    agent_id: str
    starts_us: int
    ends_us: int


@dataclass(frozen=True)
class Asked:
    """A fresh key and the request for its certificate, both PEM; kept until an answer has come."""

    key_pem: str
    csr_pem: str

    @property
    def csr_der(self) -> bytes:
        return x509.load_pem_x509_csr(self.csr_pem.encode()).public_bytes(serialization.Encoding.DER)


class Credentials:
    """Thread-safe: everything is read from the files each time."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._folder = state_dir
        self._clock = clock

    @property
    def certificate(self) -> Certificate | None:
        """What lies there; None where there is none that can be read."""
        try:
            return described((self._folder / CERTIFICATE_FILE).read_text())
        except (OSError, IntegrityViolation):
            return None

    @property
    def certificate_ends_us(self) -> int | None:
        found = self.certificate
        return found.ends_us if found else None

    def tls_context(self) -> ssl.SSLContext:
        """For one connection to the broker. Raises ConfigurationError."""
        authority, own = self._folder / AUTHORITY_FILE, self._folder / CERTIFICATE_FILE
        if not authority.exists() or not own.exists():
            raise ConfigurationError(NOT_ENROLLED)
        try:
            context = ssl.create_default_context(cafile=str(authority))
            context.load_cert_chain(own)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"{authority} or {own} cannot be read: {error}") from error
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.forgive_clock(context)
        return context

    def forgive_clock(self, context: ssl.SSLContext) -> None:
        """A clock before our own certificate's beginning is surely wrong: then dates are not checked, names and keys are.

        A box without a battery for its clock could otherwise never ask for the time.
        """
        found = self.certificate
        if found is not None and self._clock.utc_us() < found.starts_us:
            context.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)

    def install(self, certificate_pem: str, key_pem: str) -> None:
        """Makes a certificate the one in use. Raises ConfigurationError where the disk does not take it."""
        write(self._folder / CERTIFICATE_FILE, certificate_pem.rstrip() + "\n" + key_pem)

    def check(self, certificate_pem: str, asked: Asked, agent_id: str) -> Certificate:
        """A certificate that was just given. Raises IntegrityViolation unless it is ours and the authority's."""
        return checked(certificate_pem, (self._folder / AUTHORITY_FILE).read_text(), asked, agent_id)


def asked_in(file: Path) -> Asked:
    """The key and request that wait in a file, made where there are none: asking twice is asking for one thing."""
    try:
        key_pem, _, csr_pem = file.read_text().partition("-----BEGIN CERTIFICATE REQUEST")
        csr_pem = f"-----BEGIN CERTIFICATE REQUEST{csr_pem}"
        serialization.load_pem_private_key(key_pem.encode(), None)
        x509.load_pem_x509_csr(csr_pem.encode())
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm):
        asked = _fresh()
        write(file, asked.key_pem + asked.csr_pem)
        return asked
    return Asked(key_pem, csr_pem)


def checked(certificate_pem: str, authority_pem: str, asked: Asked, agent_id: str) -> Certificate:
    """Raises IntegrityViolation unless the certificate is the authority's, for this key and this agent."""
    try:
        found = x509.load_pem_x509_certificate(certificate_pem.encode())
        found.verify_directly_issued_by(x509.load_pem_x509_certificate(authority_pem.encode()))
    except (ValueError, TypeError, InvalidSignature) as error:
        raise IntegrityViolation("the certificate is not the authority's", code="bad_certificate") from error
    mine = serialization.load_pem_private_key(asked.key_pem.encode(), None).public_key()
    told = described(certificate_pem)
    if found.public_key() != mine or told.agent_id != agent_id:
        raise IntegrityViolation("the certificate is for another key or another agent", code="bad_certificate")
    return told


def described(pem: str) -> Certificate:
    """The first certificate of a PEM text. Raises IntegrityViolation."""
    try:
        found = x509.load_pem_x509_certificate(pem.encode())
        (name,) = found.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError as error:
        raise IntegrityViolation("not a certificate in PEM form", code="bad_certificate") from error
    starts_us, ends_us = (
        int(moment.timestamp()) * US_PER_S for moment in (found.not_valid_before_utc, found.not_valid_after_utc)
    )
    return Certificate(f"{found.serial_number:x}", str(name.value), starts_us, ends_us)


def write(file: Path, text: str) -> None:
    """Replaces a file in one step, durably, for its owner alone. Raises ConfigurationError."""
    fresh = file.with_name(f"{file.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        fresh.rename(file)
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigurationError(f"'agent.state_dir': cannot write {file}: {error.strerror}") from error


def _fresh() -> Asked:
    key = ec.generate_private_key(ec.SECP256R1())
    # The authority takes nothing but the key from it.
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "nightlight-agent")])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, hashes.SHA256())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    key_pem = key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
    return Asked(key_pem, csr.public_bytes(encoding).decode())
