"""Decides looks: gathers the facts for many at once and lets the rules judge (``server/domain/lease.py``).

    desk = LeaseDesk(database, SteadyTime(database, clock), Library())
    match desk.decide(digest_of_the_session_token, "gate", clock.utc_us()):
        case Permit(until_us=until_us): ...
        case Refusal(reason=reason): ...

Invariant (I6): every answer rests on rows read for it; nothing is remembered from one question to the next but an instant that
only grows. Where the database does not answer, nobody sees anything.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from config.base.clock import US_PER_DAY
from config.base.errors import ConfigurationError, InvalidInput, NotFound, Unavailable
from config.base.ids import is_slug
from config.base.roles import REGION_ROLES, SITE_ROLES, Relation, Role
from config.policies.reading import Library
from server.domain.consents import CURRENT, LIVE_VIEW, lacking
from server.domain.lease import REASON_CHARS_MIN, Holder, Lease, Lens, Permit, Reason, Refusal, judge, mode_of
from server.domain.weekly_hours import Hours, day_of, parse
from server.services.people.steady_time import SteadyTime
from storage.database import leases, scope
from storage.database.leases import Consents, HeldLease, Key, SeenCamera
from storage.database.models import Account, Camera, Site
from storage.database.scope import EVERY_REGION, Scope
from storage.database.unit_of_work import Database

DEFAULT_PACK = "cn-national-base"
ASKS_MAX = 20_000
Ask = tuple[str, str]
"""(SHA-256 of the session's token in hexadecimal, camera)"""


@dataclass(frozen=True)
class Look:
    """A camera that a person may see, now or at another time."""

    site_id: str
    site_name: str
    timezone: str
    camera_id: str
    camera_name: str
    child_ids: tuple[str, ...]
    answer: Permit | Refusal
    only_dark: bool = False
    """Nothing but a blanked room stands against it."""


@dataclass(frozen=True)
class _Facts:
    """What was read for one round of questions."""

    cameras: dict[str, SeenCamera]
    given_sites: set[Key]
    leases: dict[str, list[HeldLease]]
    rooms: dict[Key, frozenset[str]]
    picked_up: dict[Key, str]
    blanked: set[Key]
    modes: dict[str, str]
    consents: Consents


class LeaseDesk:
    """Thread-safe; one a process."""

    def __init__(
        self, database: Database, time: SteadyTime, library: Library, default_pack: str = DEFAULT_PACK
    ) -> None:
        self._database = database
        self._time = time
        self._library = library
        self._default_pack = default_pack

    def decide(self, session_token_sha256: str, camera_id: str, at_us: int, *, reason: str = "") -> Permit | Refusal:
        """May the holder of this session see this camera now? Authorities give a reason."""
        (answer,) = self.standing([(session_token_sha256, camera_id)], at_us)
        if isinstance(answer, Permit) and answer.role in REGION_ROLES and len(reason.strip()) < REASON_CHARS_MIN:
            return Refusal(Reason.REASON_MISSING)
        return answer

    def standing(self, asks: Sequence[Ask], at_us: int) -> list[Permit | Refusal]:
        """The same for all views that are open, in their order, in about a dozen queries whatever their number."""
        if len(asks) > ASKS_MAX:
            return [Refusal(Reason.UNAVAILABLE)] * len(asks)
        try:
            at_us = max(at_us, self._time.now_us())
            with self._database.reading() as session:
                found = leases.holders(session, {digest for digest, _ in asks})
                seen = leases.by_ids(session, {one for _, one in asks if is_slug(one)})  # PostgreSQL takes no NUL
                facts = self._gather(session, [account for account, _ in found.values()], seen, at_us)
        except Unavailable:
            return [Refusal(Reason.UNAVAILABLE)] * len(asks)
        answers = []
        for digest, camera_id in asks:
            account, login = found.get(digest, (None, None))
            answers.append(_judged(account, login.expires_us if login else 0, camera_id, facts, at_us))
        return answers

    def cameras_for(self, person: Scope, at_us: int, site_id: str | None = None) -> list[Look]:
        """What a person may look at live, and what stands against it now; for others than guardians, of one site.

        Raises NotFound where the site is out of reach, Unavailable where the database does not answer.
        """
        if site_id is not None and not is_slug(site_id):
            raise NotFound("no such site")
        at_us = max(at_us, self._time.now_us())
        with self._database.reading() as session:
            account = session.get(Account, person.account_name)
            if account is None:
                return []
            if account.role == Role.GUARDIAN:
                held = leases.held_leases(session, [account.name])[account.name]
                rooms = leases.rooms(session, {one.row.site_id for one in held})
                zones = {(one.row.site_id, z) for one in held for z in rooms.get((one.row.site_id, one.class_id), ())}
                seen = {one.camera.id: one for one in leases.cameras_in_zones(session, zones)}
            elif site_id is not None:
                site = scope.site_in_reach(session, person, site_id)
                seen = {one.camera.id: one for one in leases.cameras(session, Camera.site_id == site.id)}
            else:
                return []
            facts = self._gather(session, [account], seen, at_us)
        looks = (self._look(account, one, facts, at_us) for one in seen.values())
        return [look for look in looks if look.answer != Refusal(Reason.NOT_FOUND)]

    def looks_of(self, names: Collection[str], at_us: int) -> dict[str, list[Look]]:
        """The same for many guardians at once, by account; who is locked has none. Raises Unavailable."""
        at_us = max(at_us, self._time.now_us())
        with self._database.reading() as session:
            accounts = leases.guardian_accounts(session, names)
            held = leases.held_leases(session, [one.name for one in accounts])
            rooms = leases.rooms(session, {one.row.site_id for some in held.values() for one in some})
            zones = {
                account.name: {
                    (one.row.site_id, z)
                    for one in held[account.name]
                    for z in rooms.get((one.row.site_id, one.class_id), ())
                }
                for account in accounts
            }
            seen = {one.camera.id: one for one in leases.cameras_in_zones(session, set().union(*zones.values()))}
            facts = self._gather(session, accounts, seen, at_us)
        by_zone: dict[leases.Key, list[SeenCamera]] = {}
        for one in seen.values():
            for zone in one.zones:
                by_zone.setdefault((one.site.id, zone), []).append(one)
        found: dict[str, list[Look]] = {}
        for account in accounts:
            mine = {one.camera.id: one for zone in zones[account.name] for one in by_zone.get(zone, ())}
            looks = (self._look(account, one, facts, at_us) for one in mine.values())
            found[account.name] = [look for look in looks if look.answer != Refusal(Reason.NOT_FOUND)]
        return found

    def modes(self, session: Session, sites: Iterable[Site]) -> dict[str, str]:
        """The mode that each site is in, by its pack, what is known of it, and its own choice."""
        known = list(sites)
        choices = leases.live_choices(session, {site.id for site in known})
        found = {}
        for site in known:
            try:
                book = self._library.book(site.policy_pack or self._default_pack)
            except ConfigurationError:
                found[site.id] = "off"  # a pack that is not there allows nothing
                continue
            chosen = choices[site.id].mode if site.id in choices else None
            found[site.id] = mode_of(book, facts_of(site), chosen)
        return found

    def _look(self, account: Account, seen: SeenCamera, facts: _Facts, at_us: int) -> Look:
        site = seen.site
        children = {
            one.row.child_id
            for one in facts.leases.get(account.name, ())
            if one.row.site_id == site.id and set(seen.zones) <= facts.rooms.get((site.id, one.class_id), frozenset())
        }
        answer = _judged(account, at_us + US_PER_DAY, seen.camera.id, facts, at_us)
        only_dark = False
        if answer == Refusal(Reason.BLANKED):
            lit = replace(facts, blanked=set())
            only_dark = isinstance(_judged(account, at_us + US_PER_DAY, seen.camera.id, lit, at_us), Permit)
        return Look(
            site_id=site.id,
            site_name=site.name,
            timezone=site.timezone,
            camera_id=seen.camera.id,
            camera_name=seen.camera.name,
            child_ids=tuple(sorted(children)),
            answer=answer,
            only_dark=only_dark,
        )

    def _gather(
        self, session: Session, accounts: Collection[Account], seen: dict[str, SeenCamera], at_us: int
    ) -> _Facts:
        held = leases.held_leases(session, [one.name for one in accounts if one.role == Role.GUARDIAN])
        given = leases.sites_of(session, [one.name for one in accounts if one.role in SITE_ROLES])
        near = {site_id for _, site_id in given} | {one.row.site_id for some in held.values() for one in some}
        regions = {one.region for one in accounts if one.role in REGION_ROLES}
        # A site that nobody who asks has to do with costs no question more than one that is not there.
        sites = {
            one.site.id: one.site
            for one in seen.values()
            if one.site.id in near or any(_within(one.site, region) for region in regions)
        }
        modes = self.modes(session, sites.values())
        asked = {
            site.id: day_of(at_us, ZoneInfo(site.timezone))
            for site in sites.values()
            if held and modes[site.id] in ("consented", "required")
        }
        return _Facts(
            cameras=seen,
            given_sites=given,
            leases=held,
            rooms=leases.rooms(session, sites if held else ()),
            picked_up=leases.pick_up_days(
                session, {(one.row.site_id, one.row.child_id) for some in held.values() for one in some}
            ),
            blanked=leases.blanked(session, sites),
            modes=modes,
            consents=leases.consents(session, asked, LIVE_VIEW, CURRENT[LIVE_VIEW].version),
        )


def facts_of(site: Site) -> dict[str, str | None]:
    """What rules may ask of a site, in the words of ``config.policies.metrics.FACTS``."""
    inclusive = None if site.inclusive is None else ("yes" if site.inclusive else "no")
    return {
        "site.type": site.type,
        "site.ownership": site.ownership,
        "site.inclusive": inclusive,
        "site.reg799_class": site.reg799_class,
    }


def _judged(
    account: Account | None, session_until_us: int, camera_id: str, facts: _Facts, at_us: int
) -> Permit | Refusal:
    holder = None
    if account is not None:
        holder = Holder(account.name, account.role, account.locked_us is not None, session_until_us)
    seen = facts.cameras.get(camera_id)
    if account is None or seen is None:
        return judge(holder, None, Relation.STRANGER, "off", (), at_us, ZoneInfo("UTC"))
    site_id, zones = seen.site.id, frozenset(seen.zones)
    kinds = frozenset(seen.zones.values())
    # A zone that the register does not have cannot be said to be allowed.
    lens = Lens(
        site_id,
        camera_id,
        zones,
        frozenset() if "" in kinds else kinds,
        blanked=any((site_id, zone_id) in facts.blanked for zone_id in zones),
    )
    mode = facts.modes.get(site_id, "off")
    mine = [_lease(one, mode, zones, facts) for one in facts.leases.get(account.name, ()) if one.row.site_id == site_id]
    return judge(holder, lens, _relation(account, seen, facts), mode, mine, at_us, ZoneInfo(seen.site.timezone))


def _relation(account: Account, seen: SeenCamera, facts: _Facts) -> Relation:
    if account.role == Role.GUARDIAN:
        return Relation.CHILD if facts.leases.get(account.name) else Relation.STRANGER
    if account.role in SITE_ROLES:
        return Relation.SITE if (account.name, seen.site.id) in facts.given_sites else Relation.STRANGER
    if account.role in REGION_ROLES and _within(seen.site, account.region):
        return Relation.REGION
    return Relation.STRANGER


def _within(site: Site, region: str) -> bool:
    return bool(region) and (region in (EVERY_REGION, site.region) or site.region.startswith(f"{region}/"))


def _lease(held: HeldLease, mode: str, zones: frozenset[str], facts: _Facts) -> Lease:
    row = held.row
    return Lease(
        lease_id=row.id,
        child_id=row.child_id,
        guardian_id=row.guardian_id,
        zone_ids=facts.rooms.get((row.site_id, held.class_id), frozenset()),
        hours=_hours(row.hours),
        start_us=row.start_us,
        until_us=row.until_us,
        revoked=row.revoked_us is not None,
        approved=held.approved,
        pick_up_day=facts.picked_up.get((row.site_id, row.child_id)),
        lacking=_lacking(held, mode, zones, facts),
    )


def _lacking(held: HeldLease, mode: str, zones: frozenset[str], facts: _Facts) -> int | None:
    """``required``: the guardian's own word; ``consented``: that of every guardian of every class in there, and the staff's."""
    site_id, said = held.row.site_id, facts.consents
    given = said.given.get(site_id, set())
    if mode == "required":
        return lacking([(held.row.guardian_id, held.row.child_id)], given)
    if mode != "consented":
        return None
    staff = said.staff.get(site_id, set())
    if not staff:
        return None  # who works there is not known, and so not whether they agreed
    classes = [key for key, rooms in facts.rooms.items() if key[0] == site_id and rooms & zones]
    wanted = {pair for key in classes for pair in said.wanted.get(key, ())} | staff
    wanted.add((held.row.guardian_id, held.row.child_id))
    return lacking(wanted, given, sum(said.orphans.get(key, 0) for key in classes))


def _hours(text: str) -> Hours | None:
    try:
        return parse(text)
    except InvalidInput:
        return None
