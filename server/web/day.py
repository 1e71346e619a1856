"""A day of all cameras of a site: a lane a camera with one path a state, its gaps in a table, an hour of it by a link. Pure.

Invariant (I1): gaps are rounded outward on whatever grid; what no evidence names is idle or ahead, and never covered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from config.base.clock import US_PER_MINUTE, US_PER_S
from config.base.timespan import Span, SpanSet
from server.domain.verdict import day_of
from server.services.coverage.read_day import CameraDay, DeletedView, GapView, SiteDay
from server.services.docket.files import harmless
from server.services.docket.refer import CaseRef
from server.web import timeline
from server.web.docket import TONE
from server.web.docket_words import STATUS
from server.web.formatting import Words
from server.web.languages import Language
from server.web.pages import Pages
from server.web.wording import CAUSE, STATE, VERDICT, ZONE, mark
from storage.database.scope import Scope

DAY_STEP_US, HOUR_STEP_US = US_PER_MINUTE, 2 * US_PER_S
GAPS_SHOWN_MAX = 50
"""Of a day at its worst, which has thousands; each hour's own page tells its first fifty, a file all of them."""
RECORDED = ("covered", "backfilled", "in_flight")
OFF = "WAITING"
"""In place of a verdict: on this day the camera was not in service yet."""
SHOWN = {**VERDICT, OFF: mark("nothing expected")}
ORDER = ("NON_COMPLIANT", "UNVERIFIED", "COMPLIANT", OFF)
COLUMNS = (
    mark("Camera"), mark("Number"), mark("From"), mark("To"), mark("How long, s"), mark("State"), mark("Cause"),
)  # fmt: skip


@dataclass(frozen=True)
class Asked:
    """What the address asks for. ``hour``: how many hours after the day's beginning, None the whole day."""

    hour: int | None = None
    trouble: bool = False
    """Only cameras of which something is missing or not known."""


@dataclass(frozen=True)
class Lane:
    """One camera; ``marks``: how much of each state there is, in words."""

    camera_id: str
    name: str
    zone: str
    verdict: str
    verdict_text: str
    drawing: timeline.Drawing
    marks: str


@dataclass(frozen=True)
class GapLine:
    """One gap; ``minute``: where its first minute is looked at; ``docket``: (address, words, tone) of its case."""

    camera_id: str
    camera_name: str
    when: str
    length: str
    state: str
    state_text: str
    cause: str
    minute: str
    docket: tuple[str, str, str] | None


@dataclass(frozen=True)
class HourLink:
    """One hour of the day; ``tone`` tells the worst of all cameras."""

    address: str
    words: str
    tone: str
    told: str
    is_here: bool


@dataclass(frozen=True)
class DayPages:
    """Renders."""

    pages: Pages

    def of_site(
        self, found: SiteDay, cases: Sequence[CaseRef], asked: Asked, reader: Scope, language: str, *, plays: bool
    ) -> str:
        """The whole page; ``plays``: the reader may look at recordings, so that minutes lead there."""
        before, after = self.around(found, asked, reader, language)
        return before + self.cameras(found, cases, asked, language, plays=plays) + after

    def around(self, outline: SiteDay, asked: Asked, reader: Scope, language: str) -> tuple[str, str]:
        """What stands before the cameras and after them; of the day its cameras need not be known."""
        values = _Maker(outline, [], asked, self.pages.spoken(language), plays=False).values()
        return self.pages.around("day.html", language, **values, reader=reader)

    def cameras(self, found: SiteDay, cases: Sequence[CaseRef], asked: Asked, language: str, *, plays: bool) -> str:
        """What takes long: lanes and gaps."""
        values = _Maker(found, cases, asked, self.pages.spoken(language), plays=plays).values()
        return self.pages.page("day_cameras.html", language, **values, plays=plays)

    def rows(self, found: SiteDay, language: str) -> list[list[str]]:
        """Headings and a line a gap, safe for programs that take cells for formulas."""
        spoken = self.pages.spoken(language)
        words = Words(spoken, found.timezone, odd_day=_is_odd(found))
        lines = [[spoken.text(one) for one in COLUMNS]]
        for camera in found.cameras:
            for gap in camera.gaps:
                end_us = gap.end_us if gap.end_us is not None else found.now_us
                lines.append(
                    [
                        camera.name,
                        camera.camera_id,
                        words.clock(gap.start_us, seconds=True),
                        words.clock(gap.end_us, seconds=True) if gap.end_us is not None else spoken.text("still lasts"),
                        str(-(-max(0, end_us - gap.start_us) // US_PER_S)),  # rounded up, as they are drawn
                        spoken.text(STATE[timeline.state_of(gap)]),
                        spoken.text(CAUSE[gap.cause]),
                    ]
                )
        return [[harmless(text) for text in line] for line in lines]


class _Maker:
    def __init__(
        self, found: SiteDay, cases: Sequence[CaseRef], asked: Asked, language: Language, *, plays: bool
    ) -> None:
        self._found, self._cases, self._language, self._plays = found, cases, language, plays
        self._whole = Span(found.start_us, found.end_us)
        hours = -(-self._whole.duration_us // timeline.HOUR_US)
        self._asked = asked if asked.hour is None or asked.hour < hours else Asked(None, asked.trouble)
        self._words = Words(language, found.timezone, odd_day=_is_odd(found))
        self._base = f"/sites/{found.site_id}/days/{found.day}"
        self._now_us = timeline.steady(found.now_us)
        self._states = {one.camera_id: timeline.states_of(one, self._whole, found.now_us) for one in found.cameras}

    @property
    def window(self) -> Span:
        """What is drawn."""
        if self._asked.hour is None:
            return self._whole
        start_us = self._whole.start_us + self._asked.hour * timeline.HOUR_US
        return Span(start_us, min(start_us + timeline.HOUR_US, self._whole.end_us))

    def values(self) -> dict[str, object]:
        found, window, text = self._found, self.window, self._language.text
        day = date.fromisoformat(found.day)
        today = day_of(found.now_us, found.timezone)
        cameras = [one for one in found.cameras if not self._asked.trouble or self._is_trouble(one, window)]
        gaps = [(one, gap) for one in cameras for gap in one.gaps if self._reaches(gap, window)]
        gaps.sort(key=lambda pair: (pair[1].end_us is not None, pair[1].start_us, pair[0].name))
        last_minute = min(window.end_us, max(window.start_us + 1, found.now_us)) - 1
        return {
            "site": found,
            "day_text": self._words.day(day),
            "is_today": day == today,
            "is_future": day > today,
            "is_final": bool(found.cameras) and all(one.verdict.final for one in found.cameras),
            "as_of": self._words.clock(found.now_us),
            "previous": self._at(day - timedelta(days=1)),
            "following": self._at(day + timedelta(days=1)) if day < today else "",
            "calendar": f"/sites/{found.site_id}/calendar?{urlencode({'last': _calendar_last(day, today)})}",
            "counts": [(status, text(SHOWN[status]), self._count(status)) for status in ORDER],
            "deleted": self._deleted(found.deleted),
            "hours": self._hours(),
            "whole": self._address(None),
            "hour": self._asked.hour,
            "hour_text": self._span_text(window) if self._asked.hour is not None else "",
            "trouble": self._asked.trouble,
            "lanes": [self._lane(one, window) for one in cameras],
            "cameras": [(one.camera_id, one.name) for one in found.cameras],
            "ticks": self._ticks(window),
            "grid": 12 if self._asked.hour is not None else -(-window.duration_us // timeline.HOUR_US),
            "window": window,
            "at": self._words.field(window.start_us),
            "at_min": self._words.field(self._whole.start_us),
            "at_max": self._words.field(last_minute - last_minute % US_PER_MINUTE),
            "gaps": [self._gap(one, gap) for one, gap in gaps[:GAPS_SHOWN_MAX]],
            "unshown": max(0, len(gaps) - GAPS_SHOWN_MAX),
            "states": [(state, text(STATE[state])) for state in timeline.SHOWN_STATES],
            "csv": f"{self._base}/file?format=csv",
            "xlsx": f"{self._base}/file?format=xlsx",
            "here": self._address(self._asked.hour),
        }

    def _address(self, hour: int | None) -> str:
        told = {"hour": "" if hour is None else str(hour), "show": "trouble" if self._asked.trouble else ""}
        query = urlencode({name: value for name, value in told.items() if value})
        return f"{self._base}?{query}" if query else self._base

    def _at(self, day: date) -> str:
        query = "?show=trouble" if self._asked.trouble else ""
        return f"/sites/{self._found.site_id}/days/{day.isoformat()}{query}"

    def _count(self, status: str) -> int:
        return sum(self._status(one) == status for one in self._found.cameras)

    def _status(self, camera: CameraDay) -> str:
        """A camera that has never recorded is not known to be out of service: its verdict stands."""
        later = camera.activated_us is not None and camera.activated_us >= self._whole.end_us
        return OFF if later and not camera.gaps else camera.verdict.status

    def _is_trouble(self, camera: CameraDay, window: Span) -> bool:
        return any(self._reaches(gap, window) for gap in camera.gaps)

    def _reaches(self, gap: GapView, window: Span) -> bool:
        end_us = gap.end_us if gap.end_us is not None else max(gap.start_us + 1, self._found.now_us)
        return gap.start_us < window.end_us and end_us > window.start_us

    def _lane(self, camera: CameraDay, window: Span) -> Lane:
        text, states = self._language.text, self._states[camera.camera_id]
        step_us = HOUR_STEP_US if self._asked.hour is not None else DAY_STEP_US
        drawing = timeline.draw(states, window, self._now_us, step_us)
        lengths = [(state, states[state].clip(*window).total_us) for state in timeline.SHOWN_STATES]
        marks = [f"{text(STATE[state])} {self._words.duration(length)}" for state, length in lengths if length]
        kind = text(ZONE[camera.zone_kind]) if camera.zone_kind in ZONE else camera.zone_kind
        zone = camera.zone_name if camera.zone_name == kind else f"{camera.zone_name} · {kind}"
        status = self._status(camera)
        return Lane(camera.camera_id, camera.name, zone, status, text(SHOWN[status]), drawing, text(", ").join(marks))

    def _hours(self) -> list[HourLink]:
        found = []
        starts = list(timeline.hours(self._whole))[:-1] if self._whole.duration_us % timeline.HOUR_US == 0 else []
        starts = starts or list(timeline.hours(self._whole))
        for number, start_us in enumerate(starts):
            hour = Span(start_us, min(start_us + timeline.HOUR_US, self._whole.end_us))
            tone, told = self._tone(hour)
            said = self._span_text(hour) + self._language.text(": ") + told
            here = number == self._asked.hour
            found.append(HourLink(self._address(number), self._words.hour(start_us), tone, said, here))
        return found

    def _tone(self, hour: Span) -> tuple[str, str]:
        language = self._language
        lost, unsure = (
            sum(any(states[state].clip(*hour) for state in group) for states in self._states.values())
            for group in (("missing", "unsound"), ("unverified",))
        )
        if lost:
            return "bad", language.count("%(num)s camera with gaps", "%(num)s cameras with gaps", lost)
        if unsure:
            return "unsure", language.count("%(num)s camera not fully known", "%(num)s cameras not fully known", unsure)
        if hour.start_us >= self._now_us:
            ahead = STATE["ahead"]
            return "off", language.text(ahead)
        if not any(states[state].clip(*hour) for states in self._states.values() for state in RECORDED):
            return "off", language.text("nothing expected")
        return "", language.text("no gap")

    def _span_text(self, span: Span) -> str:
        end = "24:00" if span.end_us == self._whole.end_us else self._words.clock(span.end_us)
        return f"{self._words.clock(span.start_us)}–{end}"

    def _ticks(self, window: Span) -> list[tuple[str, str, str]]:
        """(place in per cent, words, anchor)."""
        if self._asked.hour is None:
            marks = [(at_us, self._words.hour(at_us)) for at_us in timeline.hours(window)]
            marks = [mark_ for number, mark_ in enumerate(marks) if number % 3 == 0]
            marks = [(at_us, "24" if at_us == window.end_us else words) for at_us, words in marks]
        else:
            quarter_us = 15 * US_PER_MINUTE
            starts = range(window.start_us, window.end_us + 1, quarter_us)
            marks = [(at_us, "24:00" if at_us == self._whole.end_us else self._words.clock(at_us)) for at_us in starts]
        return [(timeline.percent(at_us, window), words, _anchor(at_us, window)) for at_us, words in marks]

    def _gap(self, camera: CameraDay, gap: GapView) -> GapLine:
        text, site = self._language.text, self._found.site_id
        end_us = gap.end_us if gap.end_us is not None else max(gap.start_us, self._found.now_us)
        end = self._words.clock(gap.end_us, seconds=True) if gap.end_us is not None else text("still lasts")
        if gap.end_us == self._whole.end_us:
            end = "24:00"
        state = timeline.state_of(gap)
        case = next(
            (one for one in self._cases if one.camera_id == camera.camera_id and one.touches(gap.start_us, end_us)),
            None,
        )
        docket = None
        if case is not None:
            docket = f"/sites/{site}/docket/{case.incident_id}", text(STATUS[case.status]), TONE[case.status]
        return GapLine(
            camera.camera_id,
            camera.name,
            f"{self._words.clock(gap.start_us, seconds=True)} – {end}",
            self._words.duration(max(1, end_us - gap.start_us)),
            state,
            text(STATE[state]),
            text(CAUSE[gap.cause]),
            f"/sites/{site}/playback/{camera.camera_id}?at={gap.start_us}" if self._plays else "",
            docket,
        )

    def _deleted(self, gone: DeletedView | None) -> str:
        if gone is None:
            return ""
        told = {
            "count": gone.recordings,
            "day": self._words.moment(gone.deleted_us, date.fromisoformat(self._found.day)),
        }
        return (
            self._language.text("%(count)s recordings of this day were deleted on %(day)s, after their last day.")
            % told
        )


def _calendar_last(day: date, today: date) -> str:
    """The calendar's last day, so that this one stands in it; empty is today."""
    return "" if (today - day).days < 90 else (day + timedelta(days=30)).isoformat()


def _anchor(at_us: int, window: Span) -> str:
    return "start" if at_us == window.start_us else "end" if at_us == window.end_us else "middle"


def _is_odd(found: SiteDay) -> bool:
    return found.end_us - found.start_us != 24 * timeline.HOUR_US


def states_at(states: Mapping[str, SpanSet], span: Span) -> list[tuple[int, int, str]]:
    """The pieces of a stretch of time by state, in order: (start, end, state)."""
    pieces = [(start_us, end_us, state) for state, spans in states.items() for start_us, end_us in spans.clip(*span)]
    return sorted(pieces)
