"""How the store is reached: address, credentials, and a connection pool with bounded waits and retries (I10).

The server holds one credential. It needs to create and read the bucket, put, read, list, set retention and delete
versions; it needs no governance bypass and no bucket deletion. No admin API is ever used.
"""

import os
from dataclasses import dataclass, field
from typing import Any

import certifi
import urllib3
from minio import Minio

from config.base.errors import ConfigurationError, PermissionDenied
from config.settings.loader import read_secret
from config.settings.server import StoreSettings

CONNECT_TIMEOUT_S_MAX = 5
CONNECTIONS_MAX = 16
TRIES_AGAIN = 2


@dataclass(frozen=True)
class StoreAccess:
    """One bucket at one endpoint, with the credential to use; the secret stays out of ``repr``."""

    endpoint: str
    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    tls: bool = False
    region: str = "us-east-1"
    timeout_s: float = 10.0

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.endpoint}"


def access_from(settings: StoreSettings) -> StoreAccess:
    """The access that the server's settings describe. Raises ConfigurationError naming key and file."""
    return StoreAccess(
        endpoint=settings.endpoint,
        bucket=settings.bucket,
        access_key=read_secret(settings.access_key_file, "store.access_key_file"),
        secret_key=read_secret(settings.secret_key_file, "store.secret_key_file"),
        tls=settings.tls,
        region=settings.region,
        timeout_s=float(settings.timeout_s),
    )


class ReadingPool(urllib3.PoolManager):
    """Connections over which nothing can be changed: whatever is no read is refused before it is sent."""

    def urlopen(self, method: str, url: str, *arguments: Any, **options: Any) -> urllib3.BaseHTTPResponse:
        if method not in {"GET", "HEAD"}:
            raise PermissionDenied(f"{method}: this connection to the store only reads", code="read_only")
        return super().urlopen(method, url, *arguments, **options)


def connection_pool(access: StoreAccess, *, read_only: bool = False) -> urllib3.PoolManager:
    """Connections with bounded waits. Only reads are sent again: a PUT sent twice would make two versions."""
    kind = ReadingPool if read_only else urllib3.PoolManager
    return kind(
        maxsize=CONNECTIONS_MAX,
        timeout=urllib3.Timeout(connect=min(access.timeout_s, CONNECT_TIMEOUT_S_MAX), read=access.timeout_s),
        retries=urllib3.Retry(
            total=TRIES_AGAIN,
            redirect=0,
            backoff_factor=0.2,
            allowed_methods=frozenset({"GET", "HEAD"}),
            status_forcelist=(500, 502, 503, 504),
            raise_on_status=False,
        ),
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
    )


def minio_client(access: StoreAccess, pool: urllib3.PoolManager) -> Minio:
    """The SDK on that pool. Raises ConfigurationError where the endpoint is not an address."""
    try:
        return Minio(
            access.endpoint,
            access.access_key,
            access.secret_key,
            secure=access.tls,
            region=access.region,
            http_client=pool,
        )
    except ValueError as error:
        raise ConfigurationError(f"'store.endpoint' is {access.endpoint!r}: {error}") from error
