"""Holds, deletions and the access record, for people: every method is on behalf of one person, within reach (I7).

Invariants: two different accounts lift a hold, also where both work at the same machine; the person who allows a large
deletion reaches every site that it could touch, and names its figures.
"""

from dataclasses import dataclass
from datetime import date
from typing import Literal

import msgspec
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.decoding import convert
from config.base.errors import InvalidInput, NotFound, Unavailable
from config.base.ids import is_slug
from config.base.timespan import Span
from config.evidence.checkpoint import Checkpoint
from config.evidence.entries import AccessRecorded, FootageDeleted, decode
from config.evidence.package import LedgerProof
from server.domain.verdict import day_span
from server.services.custody.expire_footage import FOOTAGE_DELETED, FootageExpirer
from server.services.custody.hold_recordings import HoldKeeper
from server.services.evidence.keep_ledger import LedgerKeeper
from storage.database import accesses, cell_orders, ledger, lifetimes
from storage.database import scope as scoping
from storage.database.models import Cell, DeletionRun, LedgerEntry, LegalHold, Site
from storage.database.unit_of_work import Database

HOLDS_MAX = 200
CERTIFICATES_MAX = 400
ACCESSES_MAX = 200
SITES_MAX = 500
"""Of one hold for all sites within reach."""
ENTRY_ID_MAX = 2**63 - 1
CERTIFICATE_FORMAT = "nightlight-deletion-certificate/1"

_IN_CELL = ("cell_held", "cell_pending")

HoldStatus = Literal["standing", "lift_requested", "lifted"]


class HoldView(msgspec.Struct, frozen=True):
    """One hold; ``camera_id`` null is every camera of the site."""

    hold_id: str
    site_id: str
    camera_id: str | None
    start_us: int
    end_us: int
    reason: str
    owner: str
    placed_by: str
    placed_us: int
    review_us: int
    review_due: bool
    status: HoldStatus
    lift_requested_by: str | None
    lift_requested_us: int | None
    lifted_by: str | None
    lifted_us: int | None
    on_store: bool
    """Whether the store's own holds are as this says; the database alone decides."""
    cell_held: int = 0
    """Of its recordings in the site's own store: how many an agent has read back as held."""
    cell_pending: int = 0
    """And how many nobody has."""


class PlacedView(msgspec.Struct, frozen=True):
    """Holds just placed; ``already_gone``: recordings of their spans that had been deleted before."""

    holds: list[HoldView]
    already_gone: int


class SiteShare(msgspec.Struct, frozen=True):
    """What of a large deletion is of one site."""

    site_id: str
    versions: int
    first_us: int
    last_us: int


class DeletionView(msgspec.Struct, frozen=True):
    """A large deletion that waits for a person, or that one has allowed."""

    asked_us: int
    versions: int
    of_versions: int
    confirmed_by: str | None
    sites: list[SiteShare]
    """As it is at this moment; the figures above are those to be confirmed."""


class CertificateView(msgspec.Struct, frozen=True):
    """A deletion certificate in a site's ledger."""

    certificate_id: int
    day: str
    at_us: int
    versions: int
    size_bytes: int
    retained_days: int
    confirmed_by: str | None
    in_cell: bool = False
    """They lay in the site's own store, and are gone as its agent reported."""


class CertificateDocument(msgspec.Struct, frozen=True):
    """A certificate that can be checked elsewhere: leaf, proof and signed checkpoint (RFC 6962, C2SP tlog-checkpoint)."""

    format: str
    entry: str
    """The entry's bytes: SHA-256 of 0x00 and these is the leaf."""
    proof: LedgerProof
    checkpoint: str
    segments: list[str]
    """Sorted; SHA-256 of one a line is ``segments_sha256`` of the entry."""


class AccessView(msgspec.Struct, frozen=True):
    """Who looked at what, or took it away."""

    at_us: int
    account: str
    what: str
    camera_id: str | None
    start_us: int
    end_us: int
    reason: str
    source: str


class SiteCustody(msgspec.Struct, frozen=True):
    """Everything about the keeping of one site's footage."""

    site_id: str
    name: str
    timezone: str
    now_us: int
    cameras: list[tuple[str, str]]
    sites_in_reach: int
    holds: list[HoldView]
    deletion: DeletionView | None
    certificates: list[CertificateView]
    accesses: list[AccessView]


@dataclass(frozen=True)
class CustodyDesk:
    """``ledgers`` is None where this machine has no key to sign with."""

    database: Database
    clock: Clock
    holds: HoldKeeper
    expirer: FootageExpirer
    ledgers: LedgerKeeper | None

    def of_site(self, scope: scoping.Scope, site_id: str) -> SiteCustody:
        """Raises NotFound."""
        now_us = self.clock.utc_us()
        deletion = self.deletion(scope)
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            cameras = scoping.cameras_in_reach(session, scope, site.id)
            return SiteCustody(
                site_id=site.id,
                name=site.name,
                timezone=site.timezone,
                now_us=now_us,
                cameras=[(camera.id, camera.name) for camera in cameras],
                sites_in_reach=len(list(session.scalars(scoping.visible_sites(scope).limit(SITES_MAX + 1)))),
                holds=[_hold(row, now_us, session) for row in lifetimes.newest_holds(session, [site.id], HOLDS_MAX)],
                deletion=deletion,
                certificates=_certificates(session, site.id),
                accesses=[_access(row) for row in accesses.newest_of(session, site.id, ACCESSES_MAX)],
            )

    def holds_in_reach(self, scope: scoping.Scope) -> list[HoldView]:
        """Holds of every site within reach, those that nobody has lifted first."""
        with self.database.reading() as session:
            sites = [site.id for site in session.scalars(scoping.visible_sites(scope).limit(SITES_MAX))]
            rows = lifetimes.newest_holds(session, sites, HOLDS_MAX)
            return [_hold(row, self.clock.utc_us(), session) for row in rows]

    def place(
        self,
        scope: scoping.Scope,
        site_id: str | None,
        camera_id: str | None,
        span: Span,
        reason: str,
        *,
        owner: str,
        review_us: int,
    ) -> PlacedView:
        """Holds a span of one camera, one site, or, with no site, of every site within reach. Raises NotFound, InvalidInput."""
        if camera_id is not None and not is_slug(camera_id):
            raise NotFound("no such camera")
        if not is_slug(owner):
            raise InvalidInput("an owner is an account's name: a-z, 0-9 and inner hyphens", code="bad_owner")
        with self.database.reading() as session:
            if site_id is None:
                sites = [site.id for site in session.scalars(scoping.visible_sites(scope).limit(SITES_MAX + 1))]
            else:
                sites = [_site(session, scope, site_id).id]
        if not sites or len(sites) > SITES_MAX:
            raise InvalidInput(f"a hold is for 1 to {SITES_MAX} sites at once: name them one by one", code="bad_sites")
        placed = [
            self.holds.place(each, camera_id, span, reason.strip(), owner, review_us, by=scope.account_name)
            for each in sites
        ]
        now_us = self.clock.utc_us()
        return PlacedView([_hold(hold, now_us) for hold in placed], sum(map(self.holds.already_gone, placed)))

    def sites(self, scope: scoping.Scope) -> list[str]:
        """The ids of the sites within reach."""
        with self.database.reading() as session:
            return [site.id for site in session.scalars(scoping.visible_sites(scope).limit(SITES_MAX))]

    def timezone_of(self, scope: scoping.Scope, site_id: str) -> str:
        """In which a site's times are meant. Raises NotFound."""
        with self.database.reading() as session:
            return _site(session, scope, site_id).timezone

    def request_lift(self, scope: scoping.Scope, site_id: str, hold_id: str) -> None:
        """Raises NotFound, Conflict."""
        self._check(scope, site_id, hold_id)
        self.holds.request_lift(hold_id, scope.account_name)

    def confirm_lift(self, scope: scoping.Scope, site_id: str, hold_id: str) -> None:
        """Raises NotFound, Conflict; PermissionDenied for whoever asked for it."""
        self._check(scope, site_id, hold_id)
        self.holds.confirm_lift(hold_id, scope.account_name)

    def review(self, scope: scoping.Scope, site_id: str, hold_id: str, review_us: int) -> None:
        """It stays until the next day of review. Raises NotFound, Conflict, InvalidInput."""
        self._check(scope, site_id, hold_id)
        self.holds.review(hold_id, scope.account_name, review_us)

    def site_of_hold(self, scope: scoping.Scope, hold_id: str) -> str:
        """Raises NotFound."""
        with self.database.reading() as session:
            row = session.get(LegalHold, hold_id) if hold_id.isalnum() else None
            if row is None:
                raise NotFound(f"no hold {hold_id}")
            return _site(session, scope, row.site_id).id

    def deletion(self, scope: scoping.Scope) -> DeletionView | None:
        """The large deletion that waits or goes on; None also for whoever does not reach every site."""
        with self.database.reading() as session:
            if not _reaches_all(session, scope):
                return None
            query = select(DeletionRun).where(DeletionRun.finished_us.is_(None), DeletionRun.site_id.is_(None))
            asked = session.scalars(query.order_by(DeletionRun.id).limit(1)).first()
        if asked is None:
            return None
        shares = [convert(each, SiteShare, from_attributes=True) for each in self.expirer.tally().sites]
        return DeletionView(asked.asked_us, asked.versions, asked.of_versions, asked.confirmed_by, shares)

    def confirm_deletion(self, scope: scoping.Scope, versions: int, of_versions: int) -> None:
        """Raises NotFound, also for whoever does not reach every site; Conflict where the figures are others."""
        with self.database.reading() as session:
            if not _reaches_all(session, scope):
                raise NotFound("no deletion waits for a confirmation")
        self.expirer.confirm(scope.account_name, versions, of_versions)

    def certificates(self, scope: scoping.Scope, site_id: str) -> list[CertificateView]:
        """The newest first. Raises NotFound."""
        with self.database.reading() as session:
            return _certificates(session, _site(session, scope, site_id).id)

    def certificate(self, scope: scoping.Scope, site_id: str, certificate_id: int) -> CertificateDocument:
        """One to take away. Raises NotFound, Unavailable."""
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            self._entry(session, site, certificate_id)
        if self.ledgers is None:
            raise Unavailable("this machine has no key to sign with: 'server.signing_key_file'", code="no_key")
        self.ledgers.number_all()
        note = self.ledgers.checkpoint(site.id)
        with self.database.reading() as session:
            row = self._entry(session, site, certificate_id)
            told = decode(row.body)
            window = day_span(_day(told), site.timezone)
            segments = lifetimes.certified_at(session, site.id, window, told.at_us)
        if row.number is None:
            raise Unavailable("the certificate has no place in the ledger yet: try again in a moment")
        proof = self.ledgers.proof(site.id, row.number, Checkpoint.parse(note.text).size)
        return CertificateDocument(CERTIFICATE_FORMAT, row.body.decode(), proof, note.serialise().decode(), segments)

    def access_record(self, scope: scoping.Scope, site_id: str) -> list[AccessView]:
        """The newest first. Raises NotFound."""
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            return [_access(row) for row in accesses.newest_of(session, site.id, ACCESSES_MAX)]

    def _entry(self, session: Session, site: Site, certificate_id: int) -> LedgerEntry:
        row = session.get(LedgerEntry, min(certificate_id, ENTRY_ID_MAX))
        if row is None or row.site_id != site.id or row.kind != FOOTAGE_DELETED:
            raise NotFound(f"no deletion certificate {certificate_id}")
        return row

    def _check(self, scope: scoping.Scope, site_id: str, hold_id: str) -> None:
        with self.database.reading() as session:
            site = _site(session, scope, site_id)
            row = session.get(LegalHold, hold_id) if hold_id.isalnum() else None
            if row is None or row.site_id != site.id:
                raise NotFound(f"no hold {hold_id}")


def _site(session: Session, scope: scoping.Scope, site_id: str) -> Site:
    # PostgreSQL takes no NUL in a text, not even to compare with; what is no id cannot be one of ours.
    if not is_slug(site_id):
        raise NotFound("no such site")
    return scoping.site_in_reach(session, scope, site_id)


def _reaches_all(session: Session, scope: scoping.Scope) -> bool:
    mine = session.scalar(select(func.count()).select_from(scoping.visible_sites(scope).order_by(None).subquery()))
    return bool(mine) and mine == session.scalar(select(func.count()).select_from(Site))


def _day(told: object) -> date:
    if not isinstance(told, FootageDeleted):
        raise NotFound("no such certificate")
    return date.fromisoformat(told.day)


def _certificates(session: Session, site_id: str) -> list[CertificateView]:
    return [certificate_view(row) for row in ledger.newest_about(session, site_id, FOOTAGE_DELETED, CERTIFICATES_MAX)]


def certificate_view(row: LedgerEntry) -> CertificateView:
    """A row of the ledger as people see it."""
    told = decode(row.body)
    if not isinstance(told, FootageDeleted):
        raise NotFound("no such certificate")
    return CertificateView(
        row.id,
        told.day,
        told.at_us,
        told.versions,
        told.size_bytes,
        told.retained_days,
        told.confirmed_by,
        in_cell=told.in_cell is True,
    )


def _hold(row: LegalHold, now_us: int, session: Session | None = None) -> HoldView:
    status: HoldStatus = "standing"
    if row.lifted_us is not None:
        status = "lifted"
    elif row.lift_requested_by is not None:
        status = "lift_requested"
    names = set(HoldView.__struct_fields__) - {"hold_id", "placed_by", "review_due", "status", *_IN_CELL}
    in_cell = (0, 0)
    if session is not None and row.lifted_us is None and session.get(Cell, row.site_id) is not None:
        in_cell = cell_orders.under(session, row)
    return HoldView(
        hold_id=row.id,
        placed_by=row.placed_by or row.owner,
        review_due=row.lifted_us is None and row.review_us <= now_us,
        status=status,
        **{name: getattr(row, name) for name in names},
        cell_held=in_cell[0],
        cell_pending=in_cell[1],
    )


def _access(entry: AccessRecorded) -> AccessView:
    return AccessView(**{name: getattr(entry, name) for name in AccessView.__struct_fields__})
