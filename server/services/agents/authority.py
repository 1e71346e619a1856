"""The certificate authority: it makes the certificates of agents, broker and server, and lists those that are over.

    >>> authority = CertificateAuthority.load(Path("authority.pem"), Path("authority-key.pem"))
    >>> authority.issue_agent(read_csr(pem), "sunflower", "sunflower-box", now_us, ends_us)

Invariants: nothing of a request reaches a certificate but its public key. The key lies in one file that only its owner
may read. A name of the server's own (``service.…``) can never be an agent's: a slug has no dot.

P-256 with SHA-256 is what Mosquitto, OpenSSL, Python and browsers all take; browsers take no Ed25519.
Source: RFC 5280; RFC 2986 (requests); CA/Browser Forum BR 7.1 for the profile.
"""

import base64
import ipaddress
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from config.base.clock import US_PER_DAY, US_PER_S, to_datetime
from config.base.errors import ConfigurationError, InvalidInput
from config.wire.enrolment import AGENT_URN, KEY_URN, answer_bytes

AUTHORITY_US = 3_650 * US_PER_DAY
BACKDATED_US = 3_600 * US_PER_S
"""So that a box whose clock is a little behind takes a fresh certificate."""
INGEST, INGEST_EXPRESS = "service.ingest", "service.ingest-express"
LIVE = "service.live"
BROKER_ACCESS = "service.broker-access"
REPORTS = "service.reports"
DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")


@dataclass(frozen=True)
class Csr:
    """A certificate request whose own signature was good."""

    der: bytes
    key: ec.EllipticCurvePublicKey


@dataclass(frozen=True)
class Issued:
    """A fresh certificate; ``serial`` is lower-case hexadecimal."""

    serial: str
    pem: str
    ends_us: int


def read_csr(pem: str) -> Csr:
    """Raises InvalidInput (``bad_csr``) for anything but a PKCS #10 request by the P-256 key that it names."""
    try:
        csr = x509.load_pem_x509_csr(pem.encode())
        key, sound = csr.public_key(), csr.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, InvalidSignature) as error:
        raise InvalidInput("not a certificate request in PEM form", code="bad_csr") from error
    if not sound or not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise InvalidInput("a certificate request is signed by the P-256 key that it names", code="bad_csr")
    return Csr(csr.public_bytes(serialization.Encoding.DER), key)


class CertificateAuthority:
    """Thread-safe: it holds nothing that changes."""

    def __init__(self, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
        self._certificate = certificate
        self._key = key
        self.pem = certificate.public_bytes(serialization.Encoding.PEM).decode()
        self.der = certificate.public_bytes(serialization.Encoding.DER)

    @classmethod
    def create(cls, now_us: int) -> "CertificateAuthority":
        """A new authority, for ten years."""
        key, name = ec.generate_private_key(ec.SECP256R1()), _name("Nightlight CA")
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=True, crl_sign=True,
            content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        certificate = (
            _builder(now_us, now_us + AUTHORITY_US)
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(certificate, key)

    @classmethod
    def load(cls, certificate_file: Path, key_file: Path) -> "CertificateAuthority":
        """Raises ConfigurationError."""
        try:
            certificate = x509.load_pem_x509_certificate(certificate_file.read_bytes())
            key = serialization.load_pem_private_key(key_file.read_bytes(), password=None)
        except OSError as error:
            raise ConfigurationError(
                f"the certificate authority is not there: {error.filename}: {error.strerror}. Make it with: python -m"
                " server.admin init"
            ) from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(f"{certificate_file} or {key_file} holds no PEM of its kind") from error
        if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
            raise ConfigurationError(f"{key_file} is not the key of {certificate_file}")
        return cls(certificate, key)

    def write(self, certificate_file: Path, key_file: Path) -> None:
        """Writes both files, the key first and for its owner alone; never over a key that is there."""
        key_file.parent.mkdir(parents=True, exist_ok=True)
        with os.fdopen(os.open(key_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(_private_pem(self._key))
        certificate_file.write_text(self.pem)

    @property
    def ends_us(self) -> int:
        return _us(self._certificate.not_valid_after_utc)

    def issue_agent(
        self, csr: Csr, site_id: str, agent_id: str, now_us: int, ends_us: int, *, identity_key: bytes = b""
    ) -> Issued:
        """A client certificate; the broker knows its holder by the common name, which is the agent id.

        It also names the key that the agent signs its messages with (``identity_key``, raw), for whoever checks evidence.
        """
        uris = [agent_uri(site_id, agent_id), *([KEY_URN + identity_key.hex()] if identity_key else [])]
        names = x509.SubjectAlternativeName([x509.UniformResourceIdentifier(uri) for uri in uris])
        return self._issue(agent_id, csr.key, names, ExtendedKeyUsageOID.CLIENT_AUTH, now_us, ends_us)

    def issue_service(self, name: str, now_us: int, ends_us: int) -> str:
        """Certificate and key, as one PEM text, of a process of the server that connects to the broker."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._issue(name, key.public_key(), None, ExtendedKeyUsageOID.CLIENT_AUTH, now_us, ends_us)
        return issued.pem + _private_pem(key).decode()

    def issue_server(self, hosts: list[str], now_us: int, ends_us: int) -> str:
        """Certificate and key, as one PEM text, of a server that is reached as any of ``hosts``."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([_host_name(host) for host in dict.fromkeys(hosts)])
        issued = self._issue(hosts[0], key.public_key(), names, ExtendedKeyUsageOID.SERVER_AUTH, now_us, ends_us)
        return issued.pem + _private_pem(key).decode()

    def issue_signer(self, name: str, now_us: int, ends_us: int) -> str:
        """Certificate, this authority's and key, as one PEM text, of whoever signs documents (RFC 9336)."""
        key = ec.generate_private_key(ec.SECP256R1())
        issued = self._issue(name, key.public_key(), None, DOCUMENT_SIGNING, now_us, ends_us, documents=True)
        return issued.pem + self.pem + _private_pem(key).decode()

    def revocation_list(self, revoked: dict[str, int], made_us: int) -> str:
        """The list in PEM: serial → when. It names no end before the authority's own: an old list still holds."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(_whole_seconds(made_us))
            .next_update(self._certificate.not_valid_after_utc)
            .add_extension(self._authority_key_id(), critical=False)
            .add_extension(x509.CRLNumber(made_us // US_PER_S), critical=False)
        )
        for serial, revoked_us in sorted(revoked.items()):
            entry = x509.RevokedCertificateBuilder().serial_number(int(serial, 16))
            builder = builder.add_revoked_certificate(entry.revocation_date(_whole_seconds(revoked_us)).build())
        signed = builder.sign(self._key, hashes.SHA256())
        return signed.public_bytes(serialization.Encoding.PEM).decode()

    def sign_answer(self, document: bytes) -> str:
        """The signature, base64, that a box believes the document of its enrolment by."""
        return base64.b64encode(self._key.sign(answer_bytes(document), ec.ECDSA(hashes.SHA256()))).decode()

    def _issue(
        self,
        common_name: str,
        key: ec.EllipticCurvePublicKey,
        names: x509.SubjectAlternativeName | None,
        purpose: x509.ObjectIdentifier,
        now_us: int,
        ends_us: int,
        *,
        documents: bool = False,
    ) -> Issued:
        usage = x509.KeyUsage(
            digital_signature=True, key_cert_sign=False, crl_sign=False,
            content_commitment=documents, key_encipherment=False, data_encipherment=False, key_agreement=False,
            encipher_only=False, decipher_only=False,
        )  # fmt: skip
        builder = (
            _builder(now_us, min(ends_us, self.ends_us))
            .subject_name(_name(common_name))
            .issuer_name(self._certificate.subject)
            .public_key(key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
            .add_extension(self._authority_key_id(), critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        pem = made.public_bytes(serialization.Encoding.PEM).decode()
        return Issued(f"{made.serial_number:x}", pem, _us(made.not_valid_after_utc))

    def _authority_key_id(self) -> x509.AuthorityKeyIdentifier:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())


def agent_uri(site_id: str, agent_id: str) -> str:
    """How a certificate names an agent with its site."""
    return f"{AGENT_URN}{site_id}:{agent_id}"


def certificate_ends_us(pem: str) -> int:
    """The end of the first certificate in a PEM text. Raises InvalidInput."""
    return _us(_first(pem).not_valid_after_utc)


def renewal_due(pem: str, now_us: int) -> bool:
    """Whether less than a third of a certificate's life is left, or it cannot be read."""
    try:
        found = _first(pem)
    except InvalidInput:
        return True
    starts_us, ends_us = _us(found.not_valid_before_utc), _us(found.not_valid_after_utc)
    return now_us > ends_us - (ends_us - starts_us) // 3


def hosts_of(pem: str) -> set[str]:
    """The names that a server's certificate is good for; empty where there are none."""
    try:
        found = _first(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (InvalidInput, x509.ExtensionNotFound):
        return set()
    addresses = {str(address) for address in found.get_values_for_type(x509.IPAddress)}
    return addresses | set(found.get_values_for_type(x509.DNSName))


def _first(pem: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem.encode())
    except ValueError as error:
        raise InvalidInput("not a certificate in PEM form", code="bad_certificate") from error


def _builder(now_us: int, ends_us: int) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .serial_number(x509.random_serial_number())
        .not_valid_before(_whole_seconds(now_us - BACKDATED_US))
        .not_valid_after(_whole_seconds(ends_us))
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return x509.DNSName(host)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    return key.private_bytes(encoding, form, serialization.NoEncryption())


def _whole_seconds(instant_us: int) -> datetime:
    return to_datetime(instant_us // US_PER_S * US_PER_S)


def _us(moment: datetime) -> int:
    return int(moment.timestamp()) * US_PER_S
