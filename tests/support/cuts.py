"""Everything that ends a look, and how it is taken back: for the tests of the cut and for its measurement.

for why, who, come, go in CAUSES:
    come(nursery)     # ``who`` are cut, for this reason
    go(nursery)
"""

from config.base.clock import US_PER_DAY
from server.services.people.mark_day import DayMarks
from server.services.people.sign_in import SignIn
from storage.database.models import Account, Child, ConsentRow, LeaseRow, SiteLive, Zone
from storage.database.scope import Scope
from tests.support.nursery import SITE

BOSS = Scope("boss", "facility_manager", reach=frozenset({"site"}))


def of_site(model, **which):
    """Rows of the site, as ``nursery.change`` takes them."""
    return (model, model.site_id == SITE, *(getattr(model, name) == value for name, value in which.items()))


def fetched(nursery) -> None:
    DayMarks(nursery.database, nursery.clock, nursery.time).fetched(BOSS, SITE, "c1")


def came_back(nursery) -> None:
    DayMarks(nursery.database, nursery.clock, nursery.time).came_back(BOSS, SITE, "c1")


def blanked(nursery) -> None:
    DayMarks(nursery.database, nursery.clock, nursery.time).blank(BOSS, SITE, "room-a", "nap")


def seen_again(nursery) -> None:
    DayMarks(nursery.database, nursery.clock, nursery.time).lift(BOSS, SITE, "room-a")


def signed_out(nursery) -> None:
    sign_in = SignIn(nursery.database, nursery.clock, 12)
    for name in ("mum", "dad"):
        sign_in.end_sessions(name)
        nursery.sessions.pop(name, None)


def role_changed(nursery, role: str) -> None:
    nursery.change(Account, Account.name.in_(("mum", "dad")), role=role)


def nothing(_nursery) -> None:
    """A fresh session is all it takes."""


GUARDIANS, ALL = ("mum", "dad"), ("mum", "dad", "police", "health", "boss")
CAUSES = (
    # why, who is cut, how it comes, how it goes again
    (
        "revoked", GUARDIANS,
        lambda nursery: nursery.change(*of_site(LeaseRow), revoked_us=nursery.now_us, revoked_by="boss"),
        lambda nursery: nursery.change(*of_site(LeaseRow), revoked_us=None, revoked_by=None),
    ),
    (
        "expired", GUARDIANS,
        lambda nursery: nursery.change(*of_site(LeaseRow), until_us=nursery.now_us),
        lambda nursery: nursery.change(*of_site(LeaseRow), until_us=nursery.now_us + US_PER_DAY),
    ),
    ("picked_up", GUARDIANS, fetched, came_back),
    (
        "consent_missing", GUARDIANS,
        lambda nursery: nursery.change(*of_site(ConsentRow, guardian_id="g2"), withdrawn_us=nursery.now_us),
        lambda nursery: nursery.change(*of_site(ConsentRow, guardian_id="g2"), withdrawn_us=None),
    ),
    ("blanked", ALL, blanked, seen_again),
    (
        "off", GUARDIANS,
        lambda nursery: nursery.change(*of_site(SiteLive), mode="off"),
        lambda nursery: nursery.change(*of_site(SiteLive), mode="consented"),
    ),
    (
        "outside_hours", GUARDIANS,
        lambda nursery: nursery.change(*of_site(LeaseRow), hours="sun 01:00-02:00"),
        lambda nursery: nursery.change(*of_site(LeaseRow), hours="mon-sun 00:00-24:00"),
    ),
    (
        "not_found", GUARDIANS,  # the class is another one now
        lambda nursery: nursery.change(*of_site(Child, id="c1"), class_id="b"),
        lambda nursery: nursery.change(*of_site(Child, id="c1"), class_id="a"),
    ),
    ("not_found", GUARDIANS, lambda nursery: role_changed(nursery, "installer"), lambda nursery: role_changed(nursery, "guardian")),
    (
        "not_found", ("police", "health"),  # the region is another one now
        lambda nursery: nursery.change(Account, Account.region == "cn/sichuan", region="cn/yunnan"),
        lambda nursery: nursery.change(Account, Account.region == "cn/yunnan", region="cn/sichuan"),
    ),
    (
        "forbidden_zone", ALL,
        lambda nursery: nursery.change(*of_site(Zone, id="room-a"), kind="toilet"),
        lambda nursery: nursery.change(*of_site(Zone, id="room-a"), kind="activity"),
    ),
    (
        "account_locked", GUARDIANS,
        lambda nursery: nursery.change(Account, Account.name.in_(("mum", "dad")), locked_us=1),
        lambda nursery: nursery.change(Account, Account.name.in_(("mum", "dad")), locked_us=None),
    ),
    ("session_over", GUARDIANS, signed_out, nothing),
)  # fmt: skip
