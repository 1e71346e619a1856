"""The board's fragment and its digest, shared for a moment by everyone who may see the same.

A fragment is kept under the person's own scope, so a shared answer can never widen anybody's reach, and the reach is asked for
each time it is shown (invariant I7). What a role may not read elsewhere does not stand on its board either.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from datetime import date
from threading import Lock

from config.base.clock import US_PER_S, Clock
from config.base.errors import ResourceExhausted
from server.domain.authorisation import Action
from server.services.audit.read_audit import AuditReader
from server.services.coverage.read_day import DayReader
from server.services.coverage.read_health import HealthReader
from server.services.coverage.read_morning import MorningReader
from server.services.intake.handle_alarms import AlarmDuty
from server.services.people.operators import may_at_site
from server.web.audit_pages import AuditPages
from server.web.morning import Asked
from server.web.pages import Pages
from storage.database.alarms import Mark
from storage.database.scope import Scope

FRESH_US = 900_000
"""How long one rendering may be shown again; just under the tick of an event stream."""
ALARMS_FRESH_US = 200_000
"""How long one look for new alarms may serve other streams of the same person."""
KEPT_MAX = 64
STREAMS_MAX = 128
STREAMS_PER_ACCOUNT_MAX = 16


@dataclass(frozen=True)
class Fragment:
    """The rendered inside of a board; ``digest`` changes where anything in it does."""

    html: str
    digest: str
    cost_us: int
    alarms: Mark | None
    """What was known of the site's alarms; None on a page of an earlier day, and for who may not read them."""


class BoardFeed:
    """Renders boards, each at most about once a second per scope, site, day and language."""

    def __init__(
        self,
        reader: DayReader,
        duty: AlarmDuty,
        health: HealthReader,
        audits: AuditReader,
        morning: MorningReader,
        pages: Pages,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._audits = audits
        self._morning = morning
        self._audit_pages = AuditPages(pages)
        self._health = health
        self._duty = duty
        self._pages = pages
        self._clock = clock
        self._kept: OrderedDict[tuple[Scope, str, date | None, str, bool], tuple[int, Fragment]] = OrderedDict()
        self._marks: OrderedDict[tuple[Scope, str], tuple[int, Mark]] = OrderedDict()
        self._lock = Lock()

    def fragment(
        self, scope: Scope, site_id: str, day: date | None, language: str, *, pictures: bool = False
    ) -> Fragment:
        """The board of one day, today's where ``day`` is None; ``pictures``: with each camera's newest. Raises NotFound."""
        key = (scope, site_id, day, language, pictures)
        begun_us = self._clock.monotonic_us()
        with self._lock:
            made_us, kept = self._kept.get(key, (0, None))
        self._reader.check(scope, site_id)
        hears = day is None and may_at_site(scope, Action.ALARM_READ)
        mark = self.alarm_mark(scope, site_id) if hears else None
        if kept is not None and begun_us - made_us < FRESH_US and kept.alarms == mark:
            return kept
        found = self._reader.day(scope, site_id, day)
        stills = None
        if pictures and day is None and may_at_site(scope, Action.PICTURE_READ):
            stills = self._morning.stills(scope, site_id)
        html = self._pages.board_fragment(
            found,
            language,
            reader=scope,
            asked=self._asked(scope, site_id, language) if day is None else None,
            stills=stills,
        )
        digest = hashlib.sha256(html.encode()).hexdigest()[:32]
        made = Fragment(html, digest, self._clock.monotonic_us() - begun_us, mark)
        with self._lock:
            self._kept[key] = (begun_us, made)
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        return made

    def _asked(self, scope: Scope, site_id: str, language: str) -> Asked:
        """Everything besides the day itself that the first screen answers with, as far as the reader's role may read it."""
        audit = self._audits.of_site(scope, site_id) if may_at_site(scope, Action.AUDIT_READ) else None
        return Asked(
            alarms=self._duty.of_site(scope, site_id, events=0) if may_at_site(scope, Action.ALARM_READ) else None,
            health=self._health.of_site(scope, site_id),
            audits=self._audit_pages.alerts(audit, language) if audit is not None else (),
            forecast=audit.forecast if audit is not None else None,
            morning=self._morning.of_site(scope, site_id),
        )

    def alarm_mark(self, scope: Scope, site_id: str) -> Mark:
        """Changes as soon as there is something new about the site's alarms; cheap. Raises NotFound."""
        now_us = self._clock.monotonic_us()
        with self._lock:
            at_us, mark = self._marks.get((scope, site_id), (0, None))
        if mark is not None and now_us - at_us < ALARMS_FRESH_US:
            return mark
        mark = self._duty.mark(scope, site_id)
        with self._lock:
            self._marks[scope, site_id] = (now_us, mark)
            self._marks.move_to_end((scope, site_id))
            while len(self._marks) > KEPT_MAX:
                self._marks.popitem(last=False)
        return mark

    @staticmethod
    def pause_s(fragment: Fragment) -> float:
        """How long a stream waits before it looks again: a second, and never more than a fifth of a core a board."""
        return max(1.0, 5 * fragment.cost_us / US_PER_S)


class StreamSlots:
    """Places for open event streams: a number in all, and a smaller one for each account (invariant I10)."""

    def __init__(self) -> None:
        self._open: dict[str, int] = {}
        self._lock = Lock()

    def take(self, account_name: str) -> None:
        """Raises ResourceExhausted where all places are taken."""
        with self._lock:
            mine = self._open.get(account_name, 0)
            if mine >= STREAMS_PER_ACCOUNT_MAX or sum(self._open.values()) >= STREAMS_MAX:
                raise ResourceExhausted("too many open event streams", code="too_many_streams")
            self._open[account_name] = mine + 1

    def give_back(self, account_name: str) -> None:
        """Frees one place."""
        with self._lock:
            left = self._open.pop(account_name) - 1
            if left:
                self._open[account_name] = left
