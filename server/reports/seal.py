"""Signs a PDF so that any reader can tell whether it was changed: PAdES baseline B, or T where a timestamp authority is set.

The certificate is the server's own (its authority's), for the one purpose of signing documents. Whoever reads a report
outside trusts it by that authority's certificate, which ``python -m server.admin init`` makes and the console hands out.

Source: ETSI EN 319 142-1; RFC 9336 (document signing); ISO 32000-2, 12.8.
"""

import io
from dataclasses import dataclass

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from pyhanko.keys import load_certs_from_pemder_data, load_private_key_from_pemder_data
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import fields, signers, timestamps
from pyhanko.sign.general import SigningError
from pyhanko.sign.timestamps import TimestampRequestError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from config.base.errors import ConfigurationError, Unavailable

FIELD = "Nightlight"
TSA_TIMEOUT_S = 15


@dataclass(frozen=True)
class Sealer:
    """``pem``: the certificate, its issuer's after it, and the key. ``tsa_url``: ``""`` for none."""

    pem: bytes
    tsa_url: str = ""

    def seal(self, pdf: bytes, reason: str) -> bytes:
        """The same document with a signature appended. Raises Unavailable where the timestamp authority does not answer."""
        made = io.BytesIO()
        details = signers.PdfSignatureMetadata(
            field_name=FIELD, subfilter=fields.SigSeedSubFilter.PADES, md_algorithm="sha256", reason=reason
        )
        stamper = timestamps.HTTPTimeStamper(self.tsa_url, timeout=TSA_TIMEOUT_S) if self.tsa_url else None
        try:
            signers.sign_pdf(
                IncrementalPdfFileWriter(io.BytesIO(pdf)), details, self._signer(), timestamper=stamper, output=made
            )
        except (TimestampRequestError, OSError) as error:
            raise Unavailable(f"the timestamp authority does not answer: {error}", code="no_timestamp") from error
        except (SigningError, PdfError) as error:
            raise ConfigurationError(f"the report cannot be signed: {error}") from error
        return made.getvalue()

    def _signer(self) -> signers.SimpleSigner:
        try:
            own, *issuers = load_certs_from_pemder_data(self.pem)
            key = load_pem_private_key(self.pem, password=None)
        except (ValueError, TypeError) as error:
            raise ConfigurationError(
                "the file of the report's certificate holds no certificate and key in PEM"
            ) from error
        der = key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        store = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        for issuer in issuers:
            store.register(issuer)
        return signers.SimpleSigner(
            signing_cert=own,
            signing_key=load_private_key_from_pemder_data(der, passphrase=None),
            cert_registry=store,
        )
