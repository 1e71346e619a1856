"""The stores of sites that keep their recordings themselves: registered, and signed for without being reached.

Invariant: their secret key lies sealed in the database and is opened to sign one request; an agent gets leave for single
requests and never the key, so a stolen agent can delete nothing.
"""

from dataclasses import dataclass

import msgspec
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.decoding import decode_json
from config.base.errors import InvalidInput, NotFound, Unavailable
from config.base.logs import get_logger
from config.wire.sealing import SealedBox, cell_secret, open_sealed, seal_to
from storage.database.models import Cell, Site
from storage.database.unit_of_work import Database
from storage.objects.connection import StoreAccess
from storage.objects.signing import presign

LOOK_S = 3_600
"""How long leave to read lasts: the agent may have to wait for the cell."""
LIST_MAX = 64

log = get_logger("cells")


@dataclass(frozen=True)
class CellDoors:
    """``key``: the server's own, which secrets are sealed to; None where this process has none."""

    database: Database
    clock: Clock
    key: X25519PrivateKey | None

    def register(self, site_id: str, access: StoreAccess) -> None:
        """This site keeps its recordings there from now on; what lies elsewhere stays there. Raises NotFound."""
        if not access.endpoint or "/" in access.endpoint:
            raise InvalidInput("the address of a cell is HOST:PORT, as the site's agent reaches it", code="bad_address")
        sealed = seal_to(self._key().public_key(), access.secret_key.encode(), cell_secret(site_id))
        with self.database.unit_of_work() as session:
            if session.get(Site, site_id) is None:
                raise NotFound(f"no site {site_id}")
            cell = session.get(Cell, site_id)
            if cell is None:
                cell = Cell(site_id=site_id)
                session.add(cell)
            cell.endpoint, cell.tls, cell.region = access.endpoint, access.tls, access.region
            cell.bucket, cell.access_key = access.bucket, access.access_key
            cell.secret, cell.set_us = msgspec.json.encode(sealed), self.clock.utc_us()
        log.info("cell_registered", site=site_id)

    def access(self, session: Session, site_id: str) -> StoreAccess | None:
        """A site's own store; None where it has none. Raises Unavailable, IntegrityViolation."""
        cell = session.get(Cell, site_id)
        if cell is None:
            return None
        sealed = decode_json(cell.secret, SealedBox)
        return StoreAccess(
            endpoint=cell.endpoint,
            bucket=cell.bucket,
            access_key=cell.access_key,
            secret_key=open_sealed(self._key(), sealed, cell_secret(site_id)).decode(),
            tls=cell.tls,
            region=cell.region,
        )

    def leave_to_read(self, access: StoreAccess, key: str, version_id: str | None = None) -> str:
        """A URL that gives one object, of a version or the newest; no network."""
        return self._leave(access, "GET", key, {} if version_id is None else {"versionId": version_id})

    def leave_to_look(self, access: StoreAccess, key: str, version_id: str) -> str:
        """A URL that says how one version stands: its lock, and whether it is held; no network."""
        return self._leave(access, "HEAD", key, {"versionId": version_id})

    def leave_to_list(self, access: StoreAccess, key: str) -> str:
        """A URL that lists what lies under a key; no network."""
        return self._leave(access, "GET", "", {"versions": "", "prefix": key, "max-keys": str(LIST_MAX)})

    def _leave(self, access: StoreAccess, method: str, key: str, query: dict[str, str]) -> str:
        return presign(
            access, method, key, {}, base_url=access.url, expires_s=LOOK_S, now_us=self.clock.utc_us(), query=query
        )

    def _key(self) -> X25519PrivateKey:
        if self.key is None:
            raise Unavailable(
                "this server has no key for the secrets of cells: 'server.sealing_key_file', made by server.admin init",
                code="no_key",
            )
        return self.key
