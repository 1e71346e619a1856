"""Registers what the demonstration shows, through the same service as the commands of an operator."""

from dataclasses import dataclass, field

from config.base.clock import Clock
from config.settings.server import ServerSettings
from deploy.local.facilities import OWN_CAMERA, OWN_CAMERA_SITE, SITES, TIMEZONE, ZONES, DemoSite
from deploy.local.layout import Layout
from deploy.local.own_camera import recall
from server.runtime import open_database
from server.services.agents.enrolment_parts import inviter_of
from server.services.compliance.choose_pack import choose_pack
from server.services.registers.register import Register
from storage.database.scope import EVERY_REGION

AUDITOR = "auditor"


@dataclass(frozen=True)
class Account:
    """Somebody who may sign in."""

    name: str
    role: str
    password: str = field(repr=False)


def register(layout: Layout, settings: ServerSettings, clock: Clock) -> list[Account]:
    """Registers the facilities and who may see them; what is there already stays. Returns accounts and passwords."""
    database = open_database(settings.database)
    try:
        service = Register(database, clock)
        for site in SITES:
            _register_site(service, site)
            choose_pack(database, clock, site.site_id, site.pack, keep=True)
        accounts = [Account(AUDITOR, "auditor", layout.secret(layout.accounts, AUDITOR))]
        service.add_account(AUDITOR, "auditor", accounts[0].password, [], EVERY_REGION)
        for site in SITES:
            account = Account(site.site_id, "operator", layout.secret(layout.accounts, site.site_id))
            service.add_account(account.name, account.role, account.password, [site.site_id])
            accounts.append(account)
    finally:
        database.close()
    return accounts


def _register_site(service: Register, site: DemoSite) -> None:
    service.add_site(site.site_id, site.name, site.region, TIMEZONE)
    for zone_id, name, kind in ZONES:
        service.add_zone(site.site_id, zone_id, name, kind)


def register_cameras(layout: Layout, settings: ServerSettings, clock: Clock) -> None:
    """Registers the cameras of agents that are enrolled."""
    database = open_database(settings.database)
    try:
        service = Register(database, clock)
        for site in SITES:
            for camera in site.cameras:
                service.add_camera(site.site_id, camera.camera_id, camera.zone_id, site.agent_id, camera.name)
        if recall(layout.cameras):
            service.add_camera(
                OWN_CAMERA_SITE.site_id,
                OWN_CAMERA.camera_id,
                OWN_CAMERA.zone_id,
                OWN_CAMERA_SITE.agent_id,
                OWN_CAMERA.name,
            )
    finally:
        database.close()


def invite(settings: ServerSettings, clock: Clock, site: DemoSite) -> str:
    """A one-time code for the agent of a site."""
    database = open_database(settings.database)
    try:
        return inviter_of(settings, database, clock).invite_as("demo", site.site_id, site.agent_id).code
    finally:
        database.close()
