"""How the server's own processes show the broker who they are: a certificate of the authority, read again each time.

Invariant: nobody but a broker with a certificate of this authority is spoken to.
"""

import ssl
from pathlib import Path

from config.base.errors import ConfigurationError


class ServiceTls:
    """One process's side of TLS. ``refresh`` before each connection: certificates are replaced while processes run."""

    def __init__(self, authority: Path, certificate: Path) -> None:
        """Raises ConfigurationError where a file is missing or holds nothing of its kind."""
        self._certificate = certificate
        try:
            self.context = ssl.create_default_context(cafile=str(authority))
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"{authority}: {error}. Make it with: python -m server.admin init") from error
        self.context.minimum_version = ssl.TLSVersion.TLSv1_3
        self.refresh()

    def refresh(self) -> None:
        """Takes the certificate that lies there now. Raises ConfigurationError."""
        try:
            self.context.load_cert_chain(self._certificate)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"'mqtt.certificate_file': {self._certificate}: {error}. Make it with: python -m server.admin init"
            ) from error
