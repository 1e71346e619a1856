"""Registers sites, zones, agents, cameras and accounts. Adding the same thing again changes nothing."""

import zoneinfo
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import Conflict, InvalidInput, NotFound
from config.base.ids import is_slug
from config.base.roles import ADDED_ROLES, FORMER_ROLES, REGION_ROLES, SITE_ROLES
from config.wire.sealing import read_sealing_public_pem
from server.domain.zones import check_camera_allowed, check_kind, check_sees_allowed
from server.services.people.passwords import check_password_allowed
from storage.database import inventory, places, regions, registers
from storage.database.models import Account, AccountSite, Agent, Camera, LoginSession, Site, Zone
from storage.database.scope import EVERY_REGION
from storage.database.unit_of_work import Database

Row = TypeVar("Row", Site, Zone, Agent)


@dataclass(frozen=True)
class Register:
    """Writes what an operator declares. Every method raises InvalidInput for a bad id and NotFound for a missing one."""

    database: Database
    clock: Clock

    def add_site(self, site_id: str, name: str, region: str, timezone: str) -> bool:
        """A facility; its time zone decides where its days begin. Whether it is new."""
        _check_id(site_id)
        if timezone not in zoneinfo.available_timezones():
            raise InvalidInput(f"no such time zone: {timezone}. Take one of the IANA names, such as Asia/Shanghai")
        with self.database.unit_of_work() as session:
            known = session.get(Site, site_id)
            if known is None:
                if region:
                    regions.ensure(session, region)
                now_us = self.clock.utc_us()
                session.add(Site(id=site_id, name=name, region=region, timezone=timezone, created_us=now_us))
            elif (known.name, known.region, known.timezone) != (name, region, timezone):
                raise Conflict(f"site {site_id} is registered already, with other particulars")
        return known is None

    def add_zone(self, site_id: str, zone_id: str, name: str, kind: str) -> None:
        """A place within a site."""
        _check_id(zone_id)
        check_kind(kind)
        with self.database.unit_of_work() as session:
            _get(session, Site, site_id)
            known = session.get(Zone, (site_id, zone_id))
            if known is None:
                now_us = self.clock.utc_us()
                session.add(Zone(site_id=site_id, id=zone_id, name=name, kind=kind, registered_us=now_us))
                places.note_places(session, [site_id], now_us)
            elif (known.name, known.kind) != (name, kind):
                raise Conflict(f"zone {zone_id} of {site_id} is registered already, with another name or kind")

    def add_agent(self, site_id: str, agent_id: str, public_key_pem: bytes) -> None:
        """An edge agent and its keys, to sign and, where ``public_key_pem`` holds a second block, to seal to.

        Raises Conflict where the agent is known by another key or at another site.
        """
        _check_id(agent_id)
        raw, sealing = _raw_public_key(public_key_pem), _raw_sealing_key(public_key_pem)
        with self.database.unit_of_work() as session:
            _get(session, Site, site_id)
            known = session.get(Agent, agent_id)
            if known is None:
                now_us = self.clock.utc_us()
                session.add(Agent(id=agent_id, site_id=site_id, public_key=raw, sealing_key=sealing, created_us=now_us))
            elif (known.site_id, known.public_key) != (site_id, raw) or (
                sealing is not None and known.sealing_key not in {None, sealing}
            ):
                raise Conflict(f"agent {agent_id} is registered already, with another key or at another site")
            else:
                known.sealing_key = known.sealing_key or sealing

    def add_camera(self, site_id: str, camera_id: str, zone_id: str, agent_id: str, name: str) -> None:
        """A camera; refused where it would look into a forbidden place (I9). In service from its first footage on."""
        with self.database.unit_of_work() as session:
            self.put_camera(session, site_id, camera_id, zone_id, agent_id, name)

    def put_camera(
        self, session: Session, site_id: str, camera_id: str, zone_id: str, agent_id: str, name: str
    ) -> Camera:
        """The same within a transaction that goes on."""
        _check_id(camera_id)
        zone = _get(session, Zone, (site_id, zone_id))
        check_camera_allowed(zone.kind)
        agent = _get(session, Agent, agent_id)
        if agent.site_id != site_id:
            raise NotFound(f"no agent {agent_id} at site {site_id}")
        known = session.get(Camera, camera_id)
        if known is None:
            known = Camera(
                site_id=site_id,
                id=camera_id,
                zone_id=zone_id,
                agent_id=agent_id,
                name=name,
                registered_us=self.clock.utc_us(),
            )
            session.add(known)
            places.note_places(session, [site_id], known.registered_us)
        elif (known.site_id, known.zone_id, known.agent_id, known.name) != (site_id, zone_id, agent_id, name):
            told = f"camera {camera_id} is registered already, with other particulars or elsewhere"
            raise Conflict(told, code="camera_taken")
        check_sees_allowed(registers.kinds_seen(session, known))
        return known

    def retire_camera(self, site_id: str, camera_id: str) -> None:
        """Takes a camera out of service from now on; what it recorded stays as long as it must."""
        with self.database.unit_of_work() as session:
            camera = session.get(Camera, camera_id)
            if camera is None or camera.site_id != site_id:
                raise NotFound(f"no camera {camera_id} at site {site_id}")
            if camera.retired_us is None:
                camera.retired_us = self.clock.utc_us()
                inventory.bump_if_any(session, camera.agent_id, camera.retired_us)

    def add_account(self, name: str, role: str, password: str, site_ids: list[str], region: str = "") -> None:
        """A person who may sign in. An account that exists is replaced, and its sessions end where anything differs."""
        _check_id(name)
        role = FORMER_ROLES.get(role, role)
        if role not in ADDED_ROLES:
            raise InvalidInput(f"no such role: {role}. Known: {', '.join(sorted(ADDED_ROLES))}; guardians are invited")
        check_password_allowed(password, (name,))
        if (role in SITE_ROLES) != bool(site_ids) or (role in REGION_ROLES) != bool(region):
            raise InvalidInput(
                f"{', '.join(sorted(SITE_ROLES))} are given sites, {', '.join(sorted(REGION_ROLES))} a region "
                f"('{EVERY_REGION}' for all of them), others neither"
            )
        hashed = PasswordHasher().hash(password)
        with self.database.unit_of_work() as session:
            account = session.get(Account, name)
            held = set(session.scalars(select(AccountSite.site_id).where(AccountSite.account_name == name)))
            if account is not None and (account.role, account.region, held) == (role, region, set(site_ids)):
                with suppress(VerificationError):
                    PasswordHasher().verify(account.password_hash, password)
                    return
            if region and region != EVERY_REGION:
                regions.ensure(session, region)
            if account is None:
                account = Account(name=name, created_us=self.clock.utc_us())
                session.add(account)
            account.role, account.region, account.password_hash = role, region, hashed
            session.flush()
            for table in (AccountSite, LoginSession):
                session.execute(delete(table).where(table.account_name == name))
            for site_id in sorted(set(site_ids)):
                _get(session, Site, site_id)
                session.add(AccountSite(account_name=name, site_id=site_id))


def _check_id(text: str) -> None:
    if not is_slug(text):
        raise InvalidInput(f"{text!r} is no id: use a-z, 0-9 and inner hyphens, at most 64 characters")


def _get(session: Session, kind: type[Row], key: object) -> Row:
    found = session.get(kind, key)
    if found is None:
        raise NotFound(f"no such {kind.__name__.lower()}: {key}")
    return found


def _raw_public_key(pem: bytes) -> bytes:
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InvalidInput("not a public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InvalidInput("the key must be Ed25519: make it with 'python -m edge_agent init'")
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _raw_sealing_key(pem: bytes) -> bytes | None:
    """The second block of what ``edge_agent init`` prints, where there is one."""
    begin = b"-----BEGIN"
    blocks = pem.split(begin)
    if len(blocks) < 3:
        return None
    try:
        return read_sealing_public_pem((begin + blocks[2]).decode()).public_bytes_raw()
    except (InvalidInput, UnicodeDecodeError) as error:
        raise InvalidInput("the second key must be X25519: take all that 'python -m edge_agent init' prints") from error
