"""Legal holds: placed by one person, lifted by two, known to the store itself, and written into the ledger.

Invariant: what lies under a hold is deleted by nobody, whatever its day; the database decides, and the store's own hold
is a second net against those who go round it.
"""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from config.base.clock import Clock
from config.base.errors import Conflict, InvalidInput, NotFound
from config.base.ids import fresh_id
from config.base.logs import get_logger
from config.base.timespan import Span
from config.evidence.entries import HoldAction, HoldChanged, encode
from server.domain.holds import HoldSpan, check_lift
from storage.database import ledger, lifetimes
from storage.database.lifetimes import HeldVersion
from storage.database.models import Camera, LegalHold, Site
from storage.database.unit_of_work import Database
from storage.objects.port import EvidenceStore

LEGAL_HOLD = "legal-hold"
REASON_CHARS_MAX = 200
PAGE = 1_000
HOLD_US_MAX = 400 * 86_400 * 1_000_000

log = get_logger("holds")


@dataclass(frozen=True)
class HoldKeeper:
    """Every method that names a person needs that person's identity to have been checked before."""

    database: Database
    clock: Clock

    def place(
        self,
        site_id: str,
        camera_id: str | None,
        span: Span,
        reason: str,
        owner: str,
        review_us: int,
        *,
        by: str | None = None,
    ) -> LegalHold:
        """Holds the recordings of a span from now on; ``by`` places it where that is not the owner.

        What was claimed for deletion before cannot be held any more: ``already_gone`` says how much that is. Raises
        NotFound, InvalidInput.
        """
        now_us = self.clock.utc_us()
        if not reason.strip() or len(reason) > REASON_CHARS_MAX or not reason.isprintable():
            raise InvalidInput(f"a hold needs a reason, of {REASON_CHARS_MAX} characters at most", code="no_reason")
        if not 0 < span.duration_us <= HOLD_US_MAX:
            raise InvalidInput("a hold needs a span of time, of 400 days at most", code="bad_span")
        if review_us <= now_us:
            raise InvalidInput("a hold needs a day of review that is still to come", code="bad_review")
        with self.database.unit_of_work() as session:
            # Whoever deletes holds this row: what it has claimed before is gone, and nothing is claimed after.
            if session.get(Site, site_id, with_for_update=True) is None:
                raise NotFound(f"no site {site_id}")
            camera = session.get(Camera, camera_id) if camera_id is not None else None
            if camera_id is not None and (camera is None or camera.site_id != site_id):
                raise NotFound(f"no camera {camera_id} at {site_id}")
            hold = LegalHold(
                id=fresh_id(),
                site_id=site_id,
                camera_id=camera_id,
                start_us=span.start_us,
                end_us=span.end_us,
                reason=reason,
                owner=owner,
                placed_by=by or owner,
                review_us=review_us,
                placed_us=now_us,
                on_store=False,
            )
            session.add(hold)
            self._write(session, hold, "placed", by or owner)
        log.info("hold_placed", hold=hold.id, site=site_id, camera=camera_id, owner=owner)
        return hold

    def already_gone(self, hold: LegalHold) -> int:
        """How many recordings of its span had been deleted, or claimed for it, when it came."""
        with self.database.reading() as session:
            return lifetimes.gone_between(session, hold.site_id, hold.camera_id, Span(hold.start_us, hold.end_us))

    def request_lift(self, hold_id: str, person: str) -> None:
        """The first of two persons asks for it to be lifted. Raises NotFound, Conflict."""
        with self.database.unit_of_work() as session:
            hold = self._standing(session, hold_id)
            hold.lift_requested_by, hold.lift_requested_us = person, self.clock.utc_us()
            self._write(session, hold, "lift-requested", person)

    def confirm_lift(self, hold_id: str, person: str) -> None:
        """The second person lifts it. Raises NotFound, Conflict, PermissionDenied."""
        with self.database.unit_of_work() as session:
            hold = self._standing(session, hold_id)
            check_lift(hold.lift_requested_by, person)
            hold.lifted_by, hold.lifted_us = person, self.clock.utc_us()
            hold.on_store = True  # or in part, where it was being told: what is held there would never go
            self._write(session, hold, "lifted", person)
        log.info("hold_lifted", hold=hold_id, by=person)

    def review(self, hold_id: str, person: str, review_us: int) -> None:
        """Somebody looked at it and it stays, until the next day of review. Raises NotFound, Conflict, InvalidInput."""
        if review_us <= self.clock.utc_us():
            raise InvalidInput("the next day of review has to be still to come", code="bad_review")
        with self.database.unit_of_work() as session:
            hold = self._standing(session, hold_id)
            hold.review_us, hold.lift_requested_by, hold.lift_requested_us = review_us, None, None
            self._write(session, hold, "reviewed", person)

    def apply(self, store: EvidenceStore) -> int:
        """Tells the store of holds placed and lifted; how many versions that were. Raises Unavailable."""
        with self.database.reading() as session:
            todo = lifetimes.holds_to_apply(session)
        return sum(self._apply(store, hold) for hold in todo)

    def _apply(self, store: EvidenceStore, hold: LegalHold) -> int:
        placed = hold.lifted_us is None
        with self.database.reading() as session:
            others = [
                HoldSpan(other.camera_id, other.start_us, other.end_us)
                for other in lifetimes.holds_of(session, hold.site_id)
                if other.id != hold.id
            ]
        changed, after = 0, (-1, "")
        while page := self._page(hold, after):
            changed += sum(self._set(store, version, others, on=placed) for version in page)
            after = (page[-1].start_us, page[-1].segment_id)
        with self.database.unit_of_work() as session:
            current = session.get_one(LegalHold, hold.id, with_for_update=True)
            if (current.lifted_us is None) == placed:  # else it was lifted meanwhile: the next round takes it off
                current.on_store = placed
        return changed

    def _page(self, hold: LegalHold, after: tuple[int, str]) -> list[HeldVersion]:
        with self.database.reading() as session:
            return lifetimes.versions_under(session, hold, after, PAGE)

    def _set(self, store: EvidenceStore, version: HeldVersion, others: list[HoldSpan], *, on: bool) -> bool:
        if not on and any(other.covers(version.camera_id, version.start_us, version.end_us) for other in others):
            return False
        try:
            store.set_legal_hold(version.object_key or "", version.version_id or "", on=on)
        except NotFound:
            return False  # the audit's business
        return True

    def _standing(self, session: Session, hold_id: str) -> LegalHold:
        hold = session.get(LegalHold, hold_id, with_for_update=True)
        if hold is None:
            raise NotFound(f"no hold {hold_id}")
        if hold.lifted_us is not None:
            raise Conflict("this hold has been lifted already")
        return hold

    def _write(self, session: Session, hold: LegalHold, action: HoldAction, person: str) -> None:
        entry = HoldChanged(
            site_id=hold.site_id,
            at_us=self.clock.utc_us(),
            hold_id=hold.id,
            action=action,
            camera_id=hold.camera_id,
            start_us=hold.start_us,
            end_us=hold.end_us,
            by=person,
            reason=hold.reason,
        )
        ledger.add(session, hold.site_id, LEGAL_HOLD, hold.id, encode(entry))
