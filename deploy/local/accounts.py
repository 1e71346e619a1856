"""Registers what the demonstration shows, through the same service as the commands of an operator."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from config.base.clock import Clock
from config.settings.server import ServerSettings
from deploy.local.facilities import OWN_CAMERA, OWN_CAMERA_SITE, SITES, TIMEZONE, ZONES, DemoSite
from deploy.local.layout import Layout
from deploy.local.own_camera import recall
from server.runtime import open_database
from server.services.register import Register
from storage.database.scope import EVERY_REGION

AUDITOR = "auditor"


@dataclass(frozen=True)
class Account:
    """Somebody who may sign in."""

    name: str
    role: str
    password: str = field(repr=False)


def register(
    layout: Layout, settings: ServerSettings, public_keys: Mapping[str, Path], clock: Clock
) -> list[Account]:  # fmt: skip
    """Registers all of it; what is there already stays. Returns the accounts with their passwords."""
    database = open_database(settings.database)
    try:
        service = Register(database, clock)
        for site in SITES:
            _register_site(service, site, public_keys[site.agent_id].read_bytes())
        if recall(layout.cameras):
            service.add_camera(
                OWN_CAMERA_SITE.site_id,
                OWN_CAMERA.camera_id,
                OWN_CAMERA.zone_id,
                OWN_CAMERA_SITE.agent_id,
                OWN_CAMERA.name,
            )
        accounts = [Account(AUDITOR, "auditor", layout.secret(layout.accounts, AUDITOR))]
        service.add_account(AUDITOR, "auditor", accounts[0].password, [], EVERY_REGION)
        for site in SITES:
            account = Account(site.site_id, "operator", layout.secret(layout.accounts, site.site_id))
            service.add_account(account.name, account.role, account.password, [site.site_id])
            accounts.append(account)
    finally:
        database.close()
    return accounts


def _register_site(service: Register, site: DemoSite, public_key: bytes) -> None:
    service.add_site(site.site_id, site.name, site.region, TIMEZONE)
    for zone_id, name, kind in ZONES:
        service.add_zone(site.site_id, zone_id, name, kind)
    service.add_agent(site.site_id, site.agent_id, public_key)
    for camera in site.cameras:
        service.add_camera(site.site_id, camera.camera_id, camera.zone_id, site.agent_id, camera.name)
