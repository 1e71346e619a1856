"""The two verifiers of an evidence package side by side: the command's and the page's, asked the same question."""

import base64
import hashlib
import io
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from playwright.sync_api import Page

from config.base.clock import US_PER_DAY, US_PER_S
from config.evidence import package
from config.evidence.entries import CameraAttested, DayAttested, GapAttested, encode
from config.evidence.refusal import NotGenuine
from config.evidence.verify import verify
from deploy.local.evidence_page import PAGE
from server.services.agents.authority import CertificateAuthority, Csr
from tests.support.packages import AGENT, CENTRE, DAY_US, Evidence, deep_audit, raw

PEM = CENTRE.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
).decode()  # fmt: skip
BATCH = 100
BATCH_BYTES = 8 * 2**20
ASK = """async ([packages, pem]) => {
  const verdicts = [];
  for (const encoded of packages) {
    const bytes = Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0));
    try {
      const { genuine, item, why } = await nightlight.verify(new Blob([bytes]), pem);
      verdicts.push([genuine, item ?? "", why ?? ""]);
    } catch (error) {
      verdicts.push([null, "failed", String(error.stack)]);
    }
  }
  return verdicts;
}"""


class Verdict(NamedTuple):
    """Whether a package is genuine, and the first item that is not and why; None: the verifier fell over."""

    genuine: bool | None
    item: str = ""
    why: str = ""

    def agrees(self, other: "Verdict") -> bool:
        """The same verdict by the same item for the same reason.

        Of a damaged certificate it may be said that it cannot be read, or that it is not the authority's: the command's
        library reads fields that the page has no use for.
        """
        reason = self.why == other.why or self.item == other.item == package.CERTIFICATES
        return (self.genuine, self.item) == (other.genuine, other.item) and reason


def of_the_command(data: bytes, centre: Ed25519PublicKey | None = None) -> Verdict:
    try:
        verify(io.BytesIO(data), centre or CENTRE.public_key())
    except NotGenuine as error:
        return Verdict(False, error.item, error.why)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a fault of the verifier
        return Verdict(None, "failed", repr(error))
    return Verdict(True)


def of_the_page(page: Page, packages: Sequence[bytes], pem: str = PEM) -> list[Verdict]:
    """Of many packages in one page, which has been opened."""
    found: list[Verdict] = []
    at_once = max(1, min(BATCH, BATCH_BYTES // max(map(len, packages), default=1)))
    for start in range(0, len(packages), at_once):
        encoded = [base64.b64encode(data).decode() for data in packages[start : start + at_once]]
        found += [Verdict(*verdict) for verdict in page.evaluate(ASK, [encoded, pem])]
    return found


def open_page(page: Page) -> Page:
    page.goto(PAGE.as_uri())
    return page


def everything() -> Evidence:
    """A package with every part that one may have: attested days, an older witnessed checkpoint, keys' certificates,
    recordings that were deleted on their day, a deep audit, roots over the leaves of recordings."""
    authority = CertificateAuthority.create(DAY_US)
    enrolled = package.CertificateOfKey(
        agent_id="edge-rainbow",
        public_key=raw(AGENT),
        issued_us=DAY_US,
        revoked_us=None,
        pem=_certificate(authority, AGENT),
    )
    first = attested(1, previous_sha256="a" * 64)
    again = msgspec.structs.replace(first, supersedes_sha256=digest(first), unsound_versions=1)
    days = [first, attested(2, previous_sha256=digest(first)), again]
    return Evidence(
        count=6,
        lost=(3,),
        deleted=(4, 5),
        audits=deep_audit(),
        leaf_roots=True,
        attestations=[encode(day) for day in days],
        anchored_at=6,
        enrolled=package.Certificates(authority=authority.pem, certificates=[enrolled]),
    )


LOST = GapAttested(DAY_US + 180 * US_PER_S, DAY_US + 240 * US_PER_S, "disk_full", "missing")


def attested(day: int, gap: GapAttested = LOST, **changes: object) -> DayAttested:
    """Of a day of the period, which here begins and ends a minute after the one before it."""
    camera = CameraAttested(
        camera_id="nap-room-1", status="NON_COMPLIANT", expected_us=6, covered_us=5, backfilled_us=0, gaps=[gap]
    )
    entry = DayAttested(
        site_id="rainbow",
        at_us=DAY_US + US_PER_DAY,
        day=f"2026-09-{day:02}",
        start_us=DAY_US + day * 60 * US_PER_S,
        end_us=DAY_US + (day + 1) * 60 * US_PER_S,
        cameras=[camera],
        audited_versions=5,
        unsound_versions=0,
        previous_sha256=None,
    )
    return msgspec.structs.replace(entry, **changes)


def digest(entry: DayAttested) -> str:
    return hashlib.sha256(encode(entry)).hexdigest()


def _certificate(authority: CertificateAuthority, key: Ed25519PrivateKey) -> str:
    csr = Csr(b"", ec.generate_private_key(ec.SECP256R1()).public_key())
    public = key.public_key().public_bytes_raw()
    return authority.issue_agent(csr, "rainbow", "edge-rainbow", DAY_US, DAY_US + US_PER_DAY, identity_key=public).pem
