"""Fixture ``nursery``: a site with two classes, guardians, consents and leases that stand, and accounts with sessions.

nursery.session("mum")                     # SHA-256 of a session's token, as the lease desk takes it
nursery.desk.decide(nursery.session("mum"), "cam-a", nursery.now_us)
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from argon2 import PasswordHasher
from sqlalchemy import select

from config.base.clock import US_PER_DAY, US_PER_S, from_datetime
from config.base.ids import fresh_id
from config.base.roles import Role
from config.policies.reading import Library
from server.domain.consents import CURRENT, LIVE_VIEW
from server.services.people.access_record import AccessBook
from server.services.people.leases import LeaseDesk
from server.services.people.steady_time import SteadyTime
from server.services.registers.import_registers import RegisterImporter
from storage.database.models import (
    Account,
    AccountSite,
    Agent,
    Camera,
    Child,
    ClassGroup,
    ConsentRow,
    Guardian,
    GuardianAccount,
    GuardianChild,
    LeaseRow,
    LoginSession,
    Site,
    SiteLive,
    Staff,
    Zone,
)
from storage.database.places import note_places
from storage.database.unit_of_work import Database
from tests.support.clock import SimulatedClock

SITE, OTHER = "sunflower", "boat"
ZONE = ZoneInfo("Asia/Shanghai")
MONDAY_US = from_datetime(datetime(2026, 11, 23, 10, tzinfo=ZONE))
PASSWORD = "little-lamp-at-night"
HASHED = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash(PASSWORD)
LIBRARY = Library()
PEOPLE = {
    "root": (Role.PLATFORM_ADMIN, "", ()),
    "health": (Role.HEALTH_REGULATOR, "cn/sichuan", ()),
    "police": (Role.POLICE_AUDITOR, "cn/sichuan", ()),
    "stranger": (Role.POLICE_AUDITOR, "cn/beijing", ()),
    "boss": (Role.FACILITY_MANAGER, "", (SITE,)),
    "carer": (Role.FACILITY_STAFF, "", (SITE,)),
    "fitter": (Role.INSTALLER, "", (SITE,)),
    "captain": (Role.FACILITY_MANAGER, "", (OTHER,)),
    "mum": (Role.GUARDIAN, "", ()),
    "dad": (Role.GUARDIAN, "", ()),
    "aunt": (Role.GUARDIAN, "", ()),
    "sailor": (Role.GUARDIAN, "", ()),
}
"""mum and dad are guardians of c1 in class a, aunt of c2 in class b, sailor of a child at the other site."""
BONDS = (
    ("mum", SITE, "g1", "c1"),
    ("dad", SITE, "g2", "c1"),
    ("aunt", SITE, "g3", "c2"),
    ("sailor", OTHER, "g1", "c1"),
)


@dataclass
class Nursery:
    """Its rooms: ``cam-a`` and ``cam-b`` look into the rooms of classes a and b, ``cam-gate`` at the gate."""

    database: Database
    clock: SimulatedClock = field(default_factory=lambda: SimulatedClock(MONDAY_US))
    sessions: dict[str, str] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.time = SteadyTime(self.database, self.clock)
        self.desk = LeaseDesk(self.database, self.time, LIBRARY)
        self.book = AccessBook(self.database)

    @property
    def now_us(self) -> int:
        return self.clock.utc_us()

    def furnish(self) -> "Nursery":
        """Everything stands: every look that a lease can allow is allowed."""
        with self.database.unit_of_work() as session:
            for site_id, region in ((SITE, "cn/sichuan/luzhou"), (OTHER, "cn/zhejiang")):
                if session.get(Site, site_id) is None:
                    session.add(Site(id=site_id, name=site_id, region=region, timezone="Asia/Shanghai", created_us=1))
            session.flush()
            for site_id in (SITE, OTHER):
                self._rooms(session, site_id)
                session.add(
                    SiteLive(
                        site_id=site_id, mode="consented", hours="mon-fri 08:00-17:30", changed_us=1, changed_by="boss"
                    )
                )
                session.add(Staff(site_id=site_id, id="s1", name="王老师", role="carer"))
                session.add(_consent(site_id, staff_id="s1"))
            for name, (role, region, sites) in PEOPLE.items():
                session.add(Account(name=name, role=role, region=region, password_hash=HASHED, created_us=1))
                session.flush()
                for site_id in sites:
                    session.add(AccountSite(account_name=name, site_id=site_id))
            for bond in BONDS:
                self._bind(session, *bond)
            note_places(session, (SITE, OTHER), 1)
        return self

    def session(self, name: str) -> str:
        """The digest of an open session's token; ``tokens`` has the token."""
        if name not in self.sessions:
            token = secrets.token_urlsafe(32)
            digest = hashlib.sha256(token.encode()).hexdigest()
            with self.database.unit_of_work() as session:
                session.add(
                    LoginSession(
                        token_sha256=digest,
                        account_name=name,
                        created_us=self.now_us,
                        expires_us=self.now_us + US_PER_DAY,
                        proof="passkey",
                        source="",
                        device="",
                    )
                )
            self.sessions[name], self.tokens[name] = digest, token
        return self.sessions[name]

    def change(self, model, *where, **values) -> None:
        """Sets columns of the rows that match."""
        with self.database.unit_of_work() as session:
            rows = session.scalars(select(model).where(*where)).all()
            assert rows, f"no {model.__tablename__} matches"
            for row in rows:
                for name, value in values.items():
                    setattr(row, name, value)

    def change_class(self, child_id: str, class_id: str) -> None:
        """As the facility does it: by a file of its register."""
        sheet = f"site,child,class\n{SITE},{child_id},{class_id}\n".encode()
        assert RegisterImporter(self.database, self.clock).put(None, None, "children", sheet).done

    def add(self, *rows) -> None:
        with self.database.unit_of_work() as session:
            session.add_all(rows)

    def _rooms(self, session, site_id) -> None:
        if session.get(Agent, f"{site_id}-box") is None:
            session.add(Agent(id=f"{site_id}-box", site_id=site_id, public_key=bytes(32), created_us=1))
        for zone_id, kind in (("room-a", "activity"), ("room-b", "activity"), ("gate", "entrance"), ("wc", "toilet")):
            session.add(Zone(site_id=site_id, id=zone_id, name=zone_id, kind=kind))
        session.flush()
        for camera, zone_id in (("cam-a", "room-a"), ("cam-b", "room-b"), ("cam-gate", "gate")):
            name = camera if site_id == SITE else f"{site_id}-{camera}"
            session.add(
                Camera(
                    site_id=site_id,
                    id=name,
                    zone_id=zone_id,
                    agent_id=f"{site_id}-box",
                    name=name,
                    registered_us=1,
                    activated_us=1,
                    settled_until_us=0,
                )
            )
        for class_id, child in (("a", "c1"), ("b", "c2")):
            session.add(
                ClassGroup(site_id=site_id, id=class_id, name=class_id, kind="mixed", zone_id=f"room-{class_id}")
            )
            session.flush()
            if site_id == SITE or child == "c1":
                session.add(Child(site_id=site_id, id=child, class_id=class_id))

    def _bind(self, session, name, site_id, guardian_id, child_id) -> None:
        session.add(Guardian(site_id=site_id, id=guardian_id))
        session.flush()
        session.add(GuardianChild(site_id=site_id, guardian_id=guardian_id, child_id=child_id))
        session.add(
            GuardianAccount(
                account_name=name,
                site_id=site_id,
                guardian_id=guardian_id,
                joined_us=1,
                approved_us=2,
                approved_by="boss",
            )
        )
        session.add(_consent(site_id, guardian_id=guardian_id, child_id=child_id))
        session.add(
            LeaseRow(
                id=fresh_id(),
                site_id=site_id,
                guardian_id=guardian_id,
                child_id=child_id,
                hours="mon-fri 08:00-17:30",
                start_us=1,
                until_us=MONDAY_US + 90 * US_PER_DAY,
                granted_us=1,
                granted_by="boss",
            )
        )


def _consent(site_id, **whose) -> ConsentRow:
    text = CURRENT[LIVE_VIEW]
    return ConsentRow(
        site_id=site_id,
        purpose=LIVE_VIEW,
        version=text.version,
        text_sha256=text.sha256,
        given_us=1 * US_PER_S,
        given_by="boss",
        reference="",
        **{"guardian_id": "", "child_id": "", "staff_id": "", **whose},
    )


@pytest.fixture
def nursery(database: Database) -> Nursery:
    """Furnished, at ten on a Monday."""
    return Nursery(database).furnish()
