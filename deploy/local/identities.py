"""An authority of a test broker's own, and a certificate for everybody that it knows."""

from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from config.base.clock import US_PER_DAY, SystemClock
from server.domain.broker_rights import AgentRight
from server.services.agents.authority import CertificateAuthority, read_csr
from server.services.agents.broker_files import CertificateFiles, Keeper, replace

DAYS = 30


def make_identities(folder: Path, broker_dir: Path, agents: Sequence[tuple[str, str]]) -> None:
    """``USER.pem`` for ingest, broker access and each agent (site id, agent id), and the broker's files; made once."""
    clock = SystemClock()
    folder.mkdir(mode=0o700, exist_ok=True)
    files = CertificateFiles(
        authority=folder / "authority.pem",
        authority_key=folder / "authority-key.pem",
        ingest=folder / "ingest.pem",
        broker_access=folder / "broker-access.pem",
        broker_dir=broker_dir,
        reports=folder / "reports.pem",
    )
    authority = files.make_authority(clock.utc_us())
    keeper = Keeper(files, clock, DAYS, ())
    keeper.keep(authority, tuple(AgentRight(site_id, agent_id, "") for site_id, agent_id in agents))
    keeper.list_revoked(authority, {})
    for site_id, agent_id in agents:
        file = folder / f"{agent_id}.pem"
        if not file.exists():
            replace(file, _identity(authority, site_id, agent_id, clock.utc_us()), 0o600)


def _identity(authority: CertificateAuthority, site_id: str, agent_id: str, now_us: int) -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    asked = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([])).sign(key, hashes.SHA256())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    csr = read_csr(asked.public_bytes(encoding).decode())
    issued = authority.issue_agent(csr, site_id, agent_id, now_us, now_us + DAYS * US_PER_DAY)
    return issued.pem + key.private_bytes(encoding, form, serialization.NoEncryption()).decode()
