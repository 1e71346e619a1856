"""A site's quarter in words and drawings: months whose days lead to the day, and a lane a camera. Pure.

Invariant (I1): a camera in service of which a day was not judged is not known on that day; it is drawn as such, never left blank.
A lane has one path a state, whatever the number of days; states differ by height and pattern as well as by colour.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from babel.dates import format_date, format_skeleton, get_day_names

from server.services.coverage.read_calendar import DAYS, CalendarDay, CameraCalendar, SiteCalendar
from server.services.docket.files import harmless
from server.web.formatting import Words
from server.web.languages import Language
from server.web.pages import Pages
from server.web.wording import VERDICT, mark
from storage.database.scope import Scope

STATES = {"off": (22, 2), "provisional": (6, 18), "good": (6, 18), "unsure": (3, 22), "bad": (0, 28)}
"""State → (top, height) of its band in a lane that is 28 high; drawn in this order."""
HEIGHT = 28
WORDS = {
    "good": mark("verified without a gap"),
    "provisional": mark("without a gap so far, not final"),
    "bad": mark("with gaps"),
    "unsure": mark("not known"),
    "off": mark("nothing expected"),
}
COLUMNS = (mark("Camera"), mark("Number"), mark("Day"), mark("Result"), mark("Finality"), mark("Expected, s"), mark("Covered, s"))  # fmt: skip
US_PER_S = 1_000_000


@dataclass(frozen=True)
class DayCell:
    """A day of a month; ``tone`` empty: nothing was expected on it, or it is still to come."""

    day: str
    number: int
    tone: str
    cameras: int
    """How many of them the tone is about, where it is not good news."""
    words: str
    column: int
    is_today: bool
    has_come: bool


@dataclass(frozen=True)
class Month:
    """The days of the quarter that lie in one month."""

    name: str
    days: list[DayCell]


@dataclass(frozen=True)
class CameraLane:
    """A camera: its drawing, and the same in figures; ``worst``: the day on which most is missing."""

    camera_id: str
    name: str
    bands: list[tuple[str, str]]
    description: str
    counts: list[tuple[str, int]]
    worst: str
    worst_text: str


@dataclass(frozen=True)
class CalendarPages:
    """Renders."""

    pages: Pages

    def of_site(self, found: SiteCalendar, reader: Scope, language: str, *, camera: str = "") -> str:
        """The page; ``camera``: of this one alone."""
        spoken = self.pages.spoken(language)
        cameras = [one for one in found.cameras if camera in ("", one.camera_id)] or found.cameras
        chosen = cameras[0].camera_id if len(cameras) == 1 and camera else ""
        days = _days(found)
        first, last = days[0], days[-1]
        later = min(last + timedelta(days=DAYS), date.fromisoformat(found.today))
        base = f"/sites/{found.site_id}/calendar"
        asked = {"last": found.last_day if found.last_day != found.today else "", "camera": chosen}
        return self.pages.page(
            "calendar.html",
            language,
            site=found,
            chosen=chosen,
            months=_months(cameras, days, found.today, spoken),
            weekdays=_weekdays(spoken),
            lanes=[_lane(one, days, found.today, spoken) for one in cameras],
            width=len(days),
            ticks=_ticks(days, spoken),
            states=[(state, spoken.text(words)) for state, words in WORDS.items()],
            sentence=_sentence(cameras, days, found.today, spoken),
            tone=_tone(cameras, days, found.today),
            span=f"{_short(first, spoken)} – {_short(last, spoken)}",
            earlier=_address(base, asked | {"last": (first - timedelta(days=1)).isoformat()}),
            later=_address(base, asked | {"last": later.isoformat()}) if later > last else "",
            today=_address(base, asked | {"last": ""}) if found.last_day != found.today else "",
            csv=_address(f"{base}/file", asked | {"format": "csv"}),
            xlsx=_address(f"{base}/file", asked | {"format": "xlsx"}),
            reader=reader,
            here=_address(base, asked),
        )

    def rows(self, found: SiteCalendar, language: str, *, camera: str = "") -> list[list[str]]:
        """Headings and a line a camera-day in service, safe for programs that take cells for formulas."""
        spoken = self.pages.spoken(language)
        lines = [[spoken.text(words) for words in COLUMNS]]
        for one in found.cameras:
            if camera not in ("", one.camera_id):
                continue
            known = {told.day: told for told in one.days}
            for day in _days(found):
                state, told = _state(one, day.isoformat(), known, found.today), known.get(day.isoformat())
                if state == "off":
                    continue
                finality = spoken.text("Final") if told is not None and told.final else spoken.text("Provisional")
                figures = ["", "", ""]
                if told is not None:
                    expected_s, missing_us = told.expected_us // US_PER_S, told.expected_us - told.covered_us
                    # What is missing is rounded up: of it nothing is lost in the difference of the two.
                    covered_s = max(0, expected_s + -missing_us // US_PER_S)
                    figures = [finality, str(expected_s), str(covered_s)]
                status = told.status if told is not None else "UNVERIFIED"
                lines.append([one.name, one.camera_id, day.isoformat(), spoken.text(VERDICT[status]), *figures])
        return [[harmless(text) for text in line] for line in lines]


def _address(base: str, asked: dict[str, str]) -> str:
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{base}?{query}" if query else base


def _days(found: SiteCalendar) -> list[date]:
    first, last = date.fromisoformat(found.first_day), date.fromisoformat(found.last_day)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _state(camera: CameraCalendar, day: str, known: dict[str, CalendarDay], today: str) -> str:
    told = known.get(day)
    if told is None:
        begun, ended = camera.first_in_service, camera.last_in_service
        in_service = begun is not None and begun <= day <= min(ended or today, today)
        return "unsure" if in_service else "off"
    if told.status == "COMPLIANT":
        return "good" if told.final else "provisional"
    return "bad" if told.status == "NON_COMPLIANT" else "unsure"


def states_of(camera: CameraCalendar, days: Sequence[date], today: str) -> list[str]:
    """The state of each day; every day has exactly one."""
    known = {told.day: told for told in camera.days}
    return [_state(camera, day.isoformat(), known, today) for day in days]


def paths_of(states: Sequence[str]) -> list[tuple[str, str]]:
    """(state, path) of the states that there are: a day is one wide, days in a row are one rectangle."""
    runs: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for at, state in enumerate(states):
        ends = runs[state]
        if ends and ends[-1][1] == at:
            ends[-1] = (ends[-1][0], at + 1)
        else:
            ends.append((at, at + 1))
    found = []
    for state, (top, height) in STATES.items():
        path = "".join(f"M{left} {top}h{right - left}v{height}H{left}z" for left, right in runs.get(state, []))
        if path:
            found.append((state, path))
    return found


def _lane(camera: CameraCalendar, days: Sequence[date], today: str, language: Language) -> CameraLane:
    states = states_of(camera, days, today)
    counts = [(state, states.count(state)) for state in WORDS]
    parts = [f"{language.text(WORDS[state])} {_days_text(count, language)}" for state, count in counts if count]
    gaps = {told.day: told.expected_us - told.covered_us for told in camera.days if told.status == "NON_COMPLIANT"}
    worst = max(gaps, key=lambda day: (gaps[day], day)) if gaps else ""
    words = Words(language, "UTC")
    return CameraLane(
        camera.camera_id,
        camera.name,
        paths_of(states),
        language.text(", ").join(parts),
        counts,
        worst,
        f"{_short(date.fromisoformat(worst), language)} · {words.duration(gaps[worst])}" if worst else "",
    )


def _months(cameras: Sequence[CameraCalendar], days: Sequence[date], today: str, language: Language) -> list[Month]:
    by_camera = [states_of(camera, days, today) for camera in cameras]
    found: dict[str, list[DayCell]] = defaultdict(list)
    for at, day in enumerate(days):
        found[day.isoformat()[:7]].append(_cell(day, [states[at] for states in by_camera], today, language))
    return [
        Month(format_skeleton("yMMMM", date.fromisoformat(f"{month}-01"), locale=language.locale), cells)
        for month, cells in reversed(found.items())
    ]


def _cell(day: date, states: Sequence[str], today: str, language: Language) -> DayCell:
    bad, unsure = states.count("bad"), states.count("unsure")
    whole = states.count("good") + states.count("provisional")
    tone = "bad" if bad else "unsure" if unsure else "good" if whole else "quiet"
    parts = []
    if bad:
        parts.append(language.count("%(num)s camera with gaps", "%(num)s cameras with gaps", bad))
    if unsure:
        parts.append(language.count("%(num)s camera not fully known", "%(num)s cameras not fully known", unsure))
    if tone == "good":
        parts.append(language.text("every camera without a gap"))
    if tone == "quiet":
        parts.append(language.text(WORDS["off"]))
    if "provisional" in states:
        parts.append(language.text("not final"))
    told = format_date(day, "long", locale=language.locale) + language.text(": ") + language.text(", ").join(parts)
    iso = day.isoformat()
    return DayCell(iso, day.day, tone, bad or unsure, told, day.isoweekday(), iso == today, iso <= today)


def _sentence(cameras: Sequence[CameraCalendar], days: Sequence[date], today: str, language: Language) -> str:
    columns = list(zip(*(states_of(camera, days, today) for camera in cameras), strict=True)) if cameras else []
    bad = sum("bad" in column for column in columns)
    unsure = sum("bad" not in column and "unsure" in column for column in columns)
    if not any(set(column) - {"off"} for column in columns):
        return language.text("Nothing was expected in this time.")
    parts = []
    if bad:
        parts.append(language.count("%(num)s day with gaps", "%(num)s days with gaps", bad))
    if unsure:
        parts.append(language.count("%(num)s day not fully known", "%(num)s days not fully known", unsure))
    return language.text(", ").join(parts) or language.text("Every day without a gap.")


def _tone(cameras: Sequence[CameraCalendar], days: Sequence[date], today: str) -> str:
    seen = {state for camera in cameras for state in states_of(camera, days, today)}
    return next(
        (state for state in ("bad", "unsure", "good") if state in seen), "good" if "provisional" in seen else ""
    )


def _ticks(days: Sequence[date], language: Language) -> list[tuple[str, str]]:
    """(place in per cent, words) of the first days of months, and of the first day of all where there is room for it."""
    firsts = [at for at, day in enumerate(days) if day.day == 1]
    if not firsts or firsts[0] > len(days) // 9:
        firsts.insert(0, 0)
    return [(f"{100 * at / len(days):.2f}%", _short(days[at], language)) for at in firsts]


def _weekdays(language: Language) -> list[str]:
    names = get_day_names("narrow", "stand-alone", locale=language.locale)
    return [names[number] for number in range(7)]


def _short(day: date, language: Language) -> str:
    return format_skeleton("MMMd", day, locale=language.locale)


def _days_text(count: int, language: Language) -> str:
    return language.count("%(num)s day", "%(num)s days", count)
