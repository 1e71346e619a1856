"""What the board says of a day: sentence, cameras and gaps, ready for the template. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from config.base.timespan import Span
from server.domain.verdict import day_of
from server.services.coverage.read_day import ArrivalView, CameraDay, GapView, NoticeView, SiteDay
from server.services.coverage.read_findings import FindingView
from server.services.coverage.read_morning import StillView
from server.web import timeline
from server.web.cells import day_sentence
from server.web.formatting import Words
from server.web.languages import Language
from server.web.wording import CAUSE, CERTAINTY, CONDITION, FINDING, NO_STILL, NOTICE, VERDICT, ZONE, mark

LENS_US = timeline.HOUR_US
GAPS_SHOWN_MAX = 200
NOTICES_SHOWN_MAX = 20
_SENTENCE = {
    "COMPLIANT": mark("%(num)s verified without a gap"),
    "NON_COMPLIANT": mark("%(num)s with gaps"),
    "UNVERIFIED": mark("%(num)s unverified"),
    "WAITING": mark("%(num)s waiting for the first recording"),
}


@dataclass(frozen=True)
class FindingRow:
    """What is wrong with a camera's picture; looking at its still is on record."""

    finding_id: str
    text: str
    when_text: str
    spoils: bool
    has_still: bool
    no_still_text: str
    """Why there is no picture to look at, where somebody can do something about it."""


@dataclass(frozen=True)
class CameraRow:
    """One camera's line."""

    camera_id: str
    name: str
    zone: str
    waiting: bool
    verdict: str
    verdict_text: str
    so_far: bool
    """The verdict is of a day that is not over."""
    final: bool
    condition: str
    condition_text: str
    technical: str
    """What the site agent adds, in its own words: in English, and only while the camera is not recording."""
    findings: list[FindingRow]
    """What is wrong with its picture now."""
    covered_text: str
    share_text: str
    longest_gap_text: str
    description: str
    day: timeline.Drawing
    lens: timeline.Drawing | None
    missing_text: str = ""
    """Since when its time is missing, and why; empty where none is now."""
    picture: str = ""
    """Where its newest picture is looked at, on record; empty where there is none or nobody asked."""
    picture_text: str = ""


@dataclass(frozen=True)
class GapRow:
    """One line of the table of gaps."""

    camera_name: str
    start_text: str
    end_text: str
    length_text: str
    cause_text: str
    certainty: str
    certainty_text: str
    open: bool


@dataclass(frozen=True)
class ArrivalRow:
    """One line of the table of what arrived late."""

    camera_name: str
    start_text: str
    end_text: str
    arrived_text: str


@dataclass(frozen=True)
class NoticeRow:
    """What a site agent says of its own box."""

    agent_id: str
    text: str
    when_text: str
    technical: str
    open: bool


@dataclass(frozen=True)
class DeletedRow:
    """That a day's recordings went after their last day."""

    text: str
    kept: str
    certificates: list[int]


@dataclass(frozen=True)
class Board:
    """The whole fragment."""

    site_id: str
    name: str
    day: str
    day_text: str
    is_today: bool
    is_future: bool
    previous_day: str
    next_day: str | None
    tone: str
    sentence: str
    cameras: list[CameraRow]
    gaps: list[GapRow]
    gaps_unshown: int
    arrivals: list[ArrivalRow]
    notices: list[NoticeRow]
    as_of: str
    hours: timeline.Axis
    quarters: timeline.Axis
    lens_from: str
    deleted: DeletedRow | None
    cell: str
    """What the coverage rests on, where the site keeps its recordings itself."""


def make_board(site: SiteDay, language: Language, stills: Mapping[str, StillView] | None = None) -> Board:
    """The board of one site's day for a reader of ``language``; ``stills``: camera → its newest picture."""
    day = date.fromisoformat(site.day)
    today = day_of(site.now_us, site.timezone)
    window = Span(site.start_us, site.end_us)
    words = Words(language, site.timezone, odd_day=window.duration_us != 24 * timeline.HOUR_US)
    maker = _Maker(site, day, day == today, window, words, language, stills or {})
    gaps = maker.gaps()
    return Board(
        site_id=site.site_id,
        name=site.name,
        day=site.day,
        day_text=words.day(day),
        is_today=day == today,
        is_future=day > today,
        previous_day=(day - timedelta(days=1)).isoformat(),
        next_day=(day + timedelta(days=1)).isoformat() if day < today else None,
        tone=_tone(site.cameras),
        sentence=_sentence(site.cameras, language, is_today=day == today),
        cameras=[maker.camera(camera) for camera in site.cameras],
        gaps=gaps[:GAPS_SHOWN_MAX],
        gaps_unshown=max(0, len(gaps) - GAPS_SHOWN_MAX),
        arrivals=maker.arrivals()[:GAPS_SHOWN_MAX],
        notices=[maker.notice(notice) for notice in reversed(site.notices[-NOTICES_SHOWN_MAX:])],
        as_of=words.clock(site.now_us),
        hours=maker.hours(),
        quarters=maker.quarters(),
        lens_from=words.clock(maker.lens.start_us),
        deleted=maker.deleted(),
        cell=day_sentence(site.cell, language) if site.cell is not None else "",
    )


@dataclass(frozen=True)
class _Maker:
    site: SiteDay
    day: date
    is_today: bool
    window: Span
    words: Words
    language: Language
    stills: Mapping[str, StillView]

    @property
    def now_us(self) -> int:
        return timeline.steady(self.site.now_us)

    @property
    def lens(self) -> Span:
        return Span(self.now_us - LENS_US, self.now_us)

    def camera(self, camera: CameraDay) -> CameraRow:
        text = self.language.text
        verdict, still = camera.verdict, self.stills.get(camera.camera_id)
        states = timeline.states_of(camera, self.window, self.site.now_us)
        longest_us = max((self._length_us(gap) for gap in camera.gaps), default=0)
        covered_text = text("%(covered)s of %(expected)s") % {
            "covered": self.words.minutes(verdict.covered_us),
            "expected": self.words.minutes(verdict.expected_us),
        }
        longest_text = self.words.minutes(longest_us) if longest_us else text("none")
        verdict_text = text(VERDICT[verdict.status])
        so_far = self.is_today and not verdict.final
        spoken = text("%(verdict)s so far today") % {"verdict": verdict_text} if so_far else verdict_text
        return CameraRow(
            camera_id=camera.camera_id,
            name=camera.name,
            zone=self._zone(camera),
            waiting=_waiting(camera),
            verdict=verdict.status,
            verdict_text=verdict_text,
            so_far=so_far,
            final=verdict.final,
            condition=camera.condition,
            condition_text=self._condition(camera),
            technical=camera.condition_detail if camera.condition != "recording" else "",
            findings=[self._finding(finding) for finding in camera.findings],
            covered_text=covered_text,
            share_text=self.words.share(verdict.covered_us, verdict.expected_us),
            longest_gap_text=longest_text,
            description=text("%(verdict)s. Covered: %(covered)s. Longest gap: %(gap)s.")
            % {"verdict": spoken, "covered": covered_text, "gap": longest_text},
            day=timeline.draw(states, self.window, self.now_us),
            lens=timeline.draw(states, self.lens, self.now_us) if self.is_today else None,
            missing_text=self._missing(camera) if self.is_today else "",
            picture=still.path if still is not None else "",
            picture_text=self._picture(still),
        )

    def _missing(self, camera: CameraDay) -> str:
        lasting = next((gap for gap in camera.gaps if gap.end_us is None), None)
        if lasting is None:
            return ""
        said = self.language.text("missing since %(time)s: %(cause)s")
        if lasting.status == "unverified":
            said = self.language.text("not known since %(time)s: %(cause)s")
        since = self.words.moment(lasting.start_us, self.day)
        return said % {"time": since, "cause": self.language.text(CAUSE[lasting.cause])}

    def _picture(self, still: StillView | None) -> str:
        if still is None:
            return self.language.text("No picture yet")
        said = {
            "finding": self.language.text("When a fault was found, %(time)s"),
            "found": self.language.text("When it was found, %(time)s"),
            "hung": self.language.text("When it was hung, %(time)s"),
        }[still.kind]
        return said % {"time": self.words.moment(still.at_us, self.day)}

    def _finding(self, finding: FindingView) -> FindingRow:
        text = self.language.text
        said = text(FINDING[finding.finding]) if finding.finding in FINDING else finding.finding
        since = text("since %(time)s") % {"time": self.words.moment(finding.since_us, self.day)}
        reason = "missing" if finding.still_missing else finding.no_still
        no_still = text(NO_STILL[reason]) if reason in NO_STILL else ""
        return FindingRow(finding.finding_id, said, since, finding.spoils, finding.has_still, no_still)

    def gaps(self) -> list[GapRow]:
        """Open ones first, then the newest."""
        found = [(camera, gap) for camera in self.site.cameras for gap in camera.gaps]
        found.sort(key=lambda pair: (pair[1].end_us is not None, -pair[1].start_us, pair[0].name))
        return [self._gap(camera, gap) for camera, gap in found]

    def _gap(self, camera: CameraDay, gap: GapView) -> GapRow:
        text = self.language.text
        length_us = self._length_us(gap)
        return GapRow(
            camera_name=camera.name,
            start_text=self.words.clock(gap.start_us, seconds=True),
            end_text=self.words.clock(gap.end_us, seconds=True) if gap.end_us is not None else "",
            length_text=self.words.minutes(length_us) if gap.end_us is None else self.words.duration(length_us),
            cause_text=text(CAUSE[gap.cause]),
            certainty=gap.status,
            certainty_text=text(CERTAINTY[gap.status]),
            open=gap.end_us is None,
        )

    def arrivals(self) -> list[ArrivalRow]:
        """The newest first."""
        found = [(camera, arrival) for camera in self.site.cameras for arrival in camera.arrivals]
        found.sort(key=lambda pair: (-pair[1].start_us, pair[0].name))
        return [self._arrival(camera, arrival) for camera, arrival in found]

    def _arrival(self, camera: CameraDay, arrival: ArrivalView) -> ArrivalRow:
        first, last = (self.words.moment(at_us, self.day) for at_us in (arrival.first_us, arrival.last_us))
        return ArrivalRow(
            camera_name=camera.name,
            start_text=self.words.clock(arrival.start_us, seconds=True),
            end_text=self.words.clock(arrival.end_us, seconds=True),
            arrived_text=first if first == last else f"{first} – {last}",
        )

    def deleted(self) -> DeletedRow | None:
        """What became of the day's recordings; the verdict stays what it was."""
        gone = self.site.deleted
        if gone is None:
            return None
        text = self.language.text
        said = text("%(count)s recordings of this day were deleted on %(day)s, after their last day.") % {
            "count": gone.recordings,
            "day": self.words.moment(gone.deleted_us, self.day),
        }
        kept = self.language.count("%(num)s is kept for longer.", "%(num)s are kept for longer.", gone.kept)
        return DeletedRow(said, kept if gone.kept else "", gone.certificates)

    def notice(self, notice: NoticeView) -> NoticeRow:
        """What it says, and since when."""
        text = self.language.text
        said = text(NOTICE[notice.notice]) if notice.notice in NOTICE else notice.notice
        if notice.hours_left is not None and notice.end_us is None:
            hours = f"{notice.hours_left:.0f}" if notice.hours_left >= 10 else f"{notice.hours_left:.1f}"
            said = text("%(notice)s. At the present rate it is full in about %(hours)s hours") % {
                "notice": said,
                "hours": hours,
            }
        since = self.words.moment(notice.start_us, self.day)
        when = text("since %(time)s") % {"time": since}
        if notice.end_us is not None:
            when = text("from %(start)s to %(end)s") % {
                "start": since,
                "end": self.words.moment(notice.end_us, self.day),
            }
        return NoticeRow(notice.agent_id, said, when, notice.detail, notice.end_us is None)

    def _length_us(self, gap: GapView) -> int:
        return max(1, (gap.end_us if gap.end_us is not None else self.site.now_us) - gap.start_us)

    def _zone(self, camera: CameraDay) -> str:
        kind = self.language.text(ZONE[camera.zone_kind]) if camera.zone_kind in ZONE else camera.zone_kind
        return camera.zone_name if camera.zone_name == kind else f"{camera.zone_name} · {kind}"

    def _condition(self, camera: CameraDay) -> str:
        text = self.language.text
        condition = text(CONDITION[camera.condition])
        if camera.condition == "unknown":
            if camera.heard_us is None:
                heard = text("never heard from")
            else:
                heard = text("last heard %(time)s") % {"time": self.words.moment(camera.heard_us, self.day)}
            return text("%(condition)s, %(time)s") % {"condition": condition, "time": heard}
        if camera.condition_since_us is None:
            return condition
        since = self.words.moment(camera.condition_since_us, self.day)
        return text("%(condition)s since %(time)s") % {"condition": condition, "time": since}

    def hours(self) -> timeline.Axis:
        """A rule an hour, every sixth of them longer and named."""
        named: dict[int, str] = {}
        others: list[int] = []
        for instant_us in timeline.hours(self.window):
            label = self.words.hour(instant_us)
            if int(label) % 6 == 0:
                named[instant_us] = "24" if instant_us == self.window.end_us else label
            else:
                others.append(instant_us)
        anchors = {self.window.start_us: "start", self.window.end_us: "end"}
        words = [(timeline.percent(at, self.window), label, anchors.get(at, "middle")) for at, label in named.items()]
        return timeline.Axis(_long(self.window, named), timeline.rule(self.window, others, 8, 32), words)

    def quarters(self) -> timeline.Axis:
        """A rule a quarter of the last hour; the words below it are not drawn."""
        first_us, *between_us, last_us = (self.lens.start_us + quarter * LENS_US // 4 for quarter in range(5))
        return timeline.Axis(_long(self.lens, (first_us, last_us)), timeline.rule(self.lens, between_us, 8, 32), [])


def _long(window: Span, instants_us: Iterable[int]) -> str:
    return timeline.rule(window, instants_us, 4, timeline.HEIGHT)


def _waiting(camera: CameraDay) -> bool:
    """Nothing of it was ever secured, so nothing is expected of it yet."""
    return camera.activated_us is None and not camera.covered and not camera.gaps


def _tone(cameras: list[CameraDay]) -> str:
    """The worst that is said of any camera: an average would hide it."""
    said = {"WAITING" if _waiting(camera) else camera.verdict.status for camera in cameras}
    return next((tone for tone in ("NON_COMPLIANT", "UNVERIFIED", "WAITING", "COMPLIANT") if tone in said), "EMPTY")


def _sentence(cameras: list[CameraDay], language: Language, *, is_today: bool) -> str:
    if not cameras:
        return language.text("No cameras yet")
    said = Counter("WAITING" if _waiting(camera) else camera.verdict.status for camera in cameras)
    parts = [language.text(words) % {"num": said[status]} for status, words in _SENTENCE.items() if said[status]]
    today, past = language.text("%(cameras)s so far today: %(parts)s"), language.text("%(cameras)s: %(parts)s")
    return (today if is_today else past) % {
        "cameras": language.count("%(num)s camera", "%(num)s cameras", len(cameras)),
        "parts": language.text(", ").join(parts),
    }
