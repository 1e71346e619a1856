"""What panels and clocks were over a day or a month: armed minutes, silences, how far clocks were off.

Invariant I1: a minute in which the panel was not heard, or about which it never said anything, is not known to be armed.
Source: 托育机构管理规范(试行) art. 32.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from config.base.clock import US_PER_MINUTE, US_PER_S
from config.base.timespan import Span, SpanSet
from server.domain.arming import Armed, Supervision, Word, armed_of, longest_us, silences_of
from server.domain.compliance import Examined, Measured
from server.domain.required_hours import required
from server.domain.zone_coverage import share_of
from storage.database import compliance
from storage.database.models import AlarmArea, Camera, ClockReadingDay, Site

SAMPLE_LAG_US = 5 * US_PER_MINUTE
"""What was last heard of a panel or a clock may be so old, and the day up to it is known all the same."""
CLOCK_GAP_US_MAX = 60 * US_PER_MINUTE
"""Longer without a reading, and a day's clock is not known."""
_FOR_S = re.compile(r"silent for (\d{1,8}) s")
Measures = dict[tuple[str, ...], Measured]


@dataclass(frozen=True)
class AlarmMeasurer:
    """Measures one site over one window; ``period``: how rules name it, day or month."""

    session: Session
    site: Site
    window: Span
    period: str
    now_us: int

    def of_site(self) -> Measures:
        """Instant points armed, and the longest silence of any panel."""
        return {
            ("instant_points_armed", self.period): self._instant(),
            ("panel_silence", self.period): self._silence(),
        }

    def partitions(self) -> list[Examined]:
        """Every interior partition with how much of its hours it was armed."""
        found = []
        for area in compliance.areas_of(self.session, self.site.id):
            if area.arming == "interior":
                name = f"{area.panel}/{area.partition}"
                measured: Measures = {("interior_armed_on_schedule", self.period): self._interior(area)}
                found.append(Examined("partition", name, {}, measured))
        return found

    def _instant(self) -> Measured:
        areas = [area for area in compliance.areas_of(self.session, self.site.id) if area.arming == "instant"]
        if not areas:
            return Measured(None, why="no_area")
        told = [self._armed(area, SpanSet.of(self._known(area.panel))) for area in areas]
        asked_us = sum(sum(part.total_us for part in each) for each in told)
        if not asked_us:
            return Measured(None, why="panel_unheard")
        armed_us, unknown_us = (sum(each[place].total_us for each in told) for place in (0, 2))
        evidence = tuple(f"alarms:{area.panel}/{area.partition}" for area in areas)
        most = 100 * (armed_us + unknown_us) / asked_us
        return Measured(100 * armed_us / asked_us, evidence, most, "panel_unheard" if unknown_us else "")

    def _interior(self, area: AlarmArea) -> Measured:
        evidence = (f"alarms:{area.panel}/{area.partition}",)
        if not area.hours:
            return Measured(None, evidence, why="no_hours")
        told = self._armed(area, required(area.hours, self._known(area.panel), self.site.timezone))
        share = share_of(told.armed, told.unknown, told.armed | told.disarmed | told.unknown)
        if share is None:
            return Measured(None, evidence, why="nothing_due")
        return Measured(share.least, evidence, share.most, "panel_unheard" if told.unknown else "")

    def _known(self, panel: str) -> Span:
        """The window without its last minutes, where these were only not sampled yet."""
        newest = compliance.newest_heard(self.session, self.site.id, panel)
        end_us = self.window.end_us
        if newest is not None and end_us >= self.now_us and 0 <= self.now_us - newest.end_us <= SAMPLE_LAG_US:
            end_us = max(self.window.start_us, min(end_us, newest.end_us))
        return Span(self.window.start_us, end_us)

    def _armed(self, area: AlarmArea, asked: SpanSet) -> Armed:
        heard, _ = compliance.heard_of(self.session, self.site.id, area.panel, self.window)
        said = [
            Word(row.at_us, row.state == "armed")
            for name in dict.fromkeys((area.partition, ""))
            for row in compliance.said_of_panel(self.session, self.site.id, area.panel, [name], "arming", self.window)
            if row.state in ("armed", "disarmed")
        ]
        return armed_of(asked, said, heard)

    def _silence(self) -> Measured:
        worst_us, known_us, evidence = -1, 0, []
        for panel in compliance.panels_known(self.session, self.site.id):
            window = self._known(panel)
            heard, longest_gap_us = compliance.heard_of(self.session, self.site.id, panel, window)
            worst_us = max(worst_us, longest_gap_us, longest_us(SpanSet.of(window) - heard))
            known_us = max(known_us, longest_us(silences_of(window, self._supervised(panel))))
            evidence.append(f"alarms:{panel}")
        if not evidence:
            return Measured(None, why="no_panel")
        least_s = known_us / US_PER_S
        return Measured(worst_us / US_PER_S, tuple(evidence), least_s, "panel_unheard" if worst_us > known_us else "")

    def _supervised(self, panel: str) -> list[Supervision]:
        rows = compliance.said_of_panel(self.session, self.site.id, panel, [""], "panel_silent", self.window)
        found = []
        for row in rows:
            said = _FOR_S.search(row.detail)
            found.append(Supervision(row.at_us, row.state == "raised", int(said[1]) * US_PER_S if said else 0))
        return found


def clocks_of_cameras(
    session: Session, site: Site, cameras: list[Camera], day: str, window: Span
) -> dict[str, Measured]:
    """Camera → how far its own clock was off on a day, in seconds."""
    read = compliance.clock_days(session, site.id, "camera", day)
    return {
        camera.id: _clock(read.get(camera.id), window, f"clock:{camera.id}", "no_camera_clock") for camera in cameras
    }


def clock_of_site(session: Session, site: Site, agents: Collection[str], day: str, window: Span) -> Measured:
    """How far the worst of a site's agents was off the centre's clock on a day, in seconds.

    ``agents``: those that had cameras in service; one of which nothing was read is not known to be right.
    """
    read = compliance.clock_days(session, site.id, "agent", day)
    found = [_clock(read.get(agent), window, f"clock:{agent}", "no_reading") for agent in sorted({*read, *agents})]
    if not found:
        return Measured(None, why="no_reading")
    open_one = next((one for one in found if one.value is None), None)
    least = max(float(one.could_be if one.could_be is not None else one.value or 0) for one in found)
    evidence = tuple(reference for one in found for reference in one.evidence)
    if open_one is not None:
        return Measured(None, evidence, least, open_one.why)
    return Measured(max(float(one.value or 0) for one in found), evidence, least)


def _clock(row: ClockReadingDay | None, window: Span, evidence: str, without: str) -> Measured:
    if row is None:
        return Measured(None, (), why=without)
    least_s = max(0, row.least_us) / US_PER_S
    gap_us = max(row.longest_gap_us, row.first_us - window.start_us, window.end_us - row.last_us)
    if gap_us > CLOCK_GAP_US_MAX:
        return Measured(None, (evidence,), least_s, "clock_unread")
    return Measured(row.worst_us / US_PER_S, (evidence,), least_s)
