"""Every place of a site over one window, by what its cameras saw and what the place was at that time.

Invariant I1: the register of today says nothing of the past. Where a place was of several kinds within the window, each kind
is judged over the time in which it held; before anybody had said so, its kind, and what a camera sees, is not known.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from sqlalchemy.orm import Session

from config.base.timespan import Span, SpanSet
from config.policies.book import Book
from server.domain.compliance import Examined, Measured
from server.domain.places import Held, Part, PlaceWord, parts_of, seen_through, spans_of, unsaid_of
from server.domain.required_hours import required
from server.domain.zone_coverage import View, ZoneCoverage, cover_zone, share_of
from server.domain.zones import FORBIDDEN_KINDS
from server.services.compliance.read_coverage import CameraTime
from storage.database import compliance, places
from storage.database.models import Camera, Site, Zone

NOT_SAID = Measured(None, why="place_unsaid")


@dataclass(frozen=True)
class Place:
    """``asked``: what the pack's rules speak of, a part each; ``declared``: what the register itself asks to be covered."""

    zone: Zone
    cameras: tuple[str, ...]
    """Those that are known to have seen it within the window."""
    whole: ZoneCoverage
    asked: tuple[Examined, ...]
    declared: Mapping[int, Examined]
    """Place in ``asked`` → the same time, measured for the register's own rule."""


@dataclass(frozen=True)
class PlaceMeasurer:
    """``since_us``: when monitoring of the site began; ``times``: camera → what it had over the window."""

    session: Session
    site: Site
    book: Book
    period: str
    window: Span
    cameras: Sequence[Camera]
    times: Mapping[str, CameraTime]
    facts: Mapping[str, str | None]
    since_us: int

    def places(self) -> list[Place]:
        """By id."""
        words = places.words_of(self.session, self.site.id)
        return [
            self._place(
                zone,
                [PlaceWord(row.kind, row.required, Held(row.from_us, row.until_us)) for row in words.get(zone.id, ())],
            )
            for zone in compliance.zones_of(self.session, self.site.id)
        ]

    @cached_property
    def _sights(self) -> dict[str, list[tuple[str, Held]]]:
        told = places.sights_of(self.session, self.site.id)
        return {
            camera.id: [(row.zone_id, Held(row.from_us, row.until_us)) for row in told.get(camera.id, ())]
            for camera in self.cameras
        }

    def _place(self, zone: Zone, words: Sequence[PlaceWord]) -> Place:
        seeing, views, unsaid_time = [], [], []
        for camera in self.cameras:
            sights = self._sights[camera.id]
            sees = spans_of((held for seen, held in sights if seen == zone.id), self.window)
            unsaid = unsaid_of((held for _, held in sights), self.window)
            view = self.times[camera.id].view
            if sees and view.in_service & sees:
                seeing.append(camera.id)
            if sees or unsaid:
                views.append(seen_through(view, sees, unsaid))
                unsaid_time.append(unsaid & view.covered)
        since_us = max(self.since_us, zone.registered_us or 0)
        unsaid = SpanSet(span for spans in unsaid_time for span in spans)
        parts = self._parts(words, since_us)
        asked = tuple(self._examined(zone, part, since_us, views, unsaid, seeing) for part in parts)
        declared = {
            number: Examined("zone", zone.id, found.facts, dict.fromkeys(found.measured, NOT_SAID))
            if part.kind is None
            else found
            for number, (part, found) in enumerate(zip(parts, asked, strict=True))
            if (zone.required if part.kind is None else part.required) and part.kind not in FORBIDDEN_KINDS
        }
        return Place(zone, tuple(seeing), cover_zone(self._expected("", since_us), views), asked, declared)

    def _parts(self, words: Sequence[PlaceWord], since_us: int) -> list[Part]:
        """Those in which something was due; where nothing was, the newest."""
        found = parts_of(words, self.window)
        due = [part for part in found if self._expected("", since_us) & part.span]
        return due or found[-1:]

    def _examined(
        self, zone: Zone, part: Part, since_us: int, views: Sequence[View], unsaid: SpanSet, cameras: Sequence[str]
    ) -> Examined:
        measured: dict[tuple[str, ...], Measured] = {}
        references = tuple(f"verdict:{camera_id}" for camera_id in cameras)
        for hours in {found.rule.hours for found in self.book.about("zone_coverage")} | {""}:
            found = cover_zone(self._expected(hours, since_us) & part.span, views)
            key = ("zone_coverage", self.period, hours) if hours else ("zone_coverage", self.period)
            measured[key] = _measured(found, references, unsaid)
        return Examined("zone", zone.id, {**self.facts, "zone.kind": part.kind}, measured)

    def _expected(self, hours: str, since_us: int) -> SpanSet:
        if since_us >= self.window.end_us or self.window.start_us >= self.window.end_us:
            return SpanSet()
        asked = required(hours, self.window, self.site.timezone)
        return asked.clip(max(since_us, self.window.start_us), self.window.end_us)


def _measured(found: ZoneCoverage, references: tuple[str, ...], unsaid: SpanSet) -> Measured:
    share = share_of(found.covered, found.unknown, found.due)
    if share is None:
        return Measured(None, references, why="nothing_due")
    if found.unwatched:
        why = "unwatched"
    elif found.missing:
        why = "footage_missing"
    else:
        why = "view_unsaid" if found.unknown & unsaid else "footage_unverified"
    return Measured(share.least, references, share.most, why if share.least < 100 else "")


def forbidden_cameras(session: Session, site: Site, window: Span) -> tuple[set[str], set[str]]:
    """(cameras known to have looked into a forbidden place within a window, those of which nobody has said it)."""
    words, sights = places.words_of(session, site.id), places.sights_of(session, site.id)
    dark = {
        zone_id: spans_of((Held(row.from_us, row.until_us) for row in rows if row.kind in FORBIDDEN_KINDS), window)
        for zone_id, rows in words.items()
    }
    wrong, unsaid = set(), set()
    for camera in compliance.cameras_of(session, site.id):
        if camera.retired_us is not None and camera.retired_us <= window.start_us:
            continue
        rows = sights.get(camera.id, ())
        seen = [(row.zone_id, spans_of([Held(row.from_us, row.until_us)], window)) for row in rows]
        if any(dark.get(zone_id, SpanSet()) & spans for zone_id, spans in seen):
            wrong.add(camera.id)
        elif camera.activated_us is not None and any(dark.values()):
            before = unsaid_of((Held(row.from_us, row.until_us) for row in rows), window)
            if before.clip(camera.activated_us, window.end_us):
                unsaid.add(camera.id)
    return wrong, unsaid
