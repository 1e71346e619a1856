"""What the pages of recorded playback say: one minute of a camera, its proof, and what can be done about it. Pure.

Invariant (I1): the minute is told piece by piece, its worst first; what no evidence names is not called recorded.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import urlencode

from babel.dates import format_datetime
from babel.numbers import format_decimal

from config.base.clock import US_PER_MINUTE, US_PER_S, to_datetime
from config.base.timespan import Span, SpanSet
from server.domain.authorisation import Action, reach
from server.domain.verdict import day_of
from server.services.coverage.read_day import CameraDay, SiteDay
from server.services.custody.explain_minute import MinuteView, ProofView
from server.services.custody.play_back import RecordingView
from server.services.supervision.inspect_sites import OrderView
from server.web import timeline
from server.web.audits import DRIFT
from server.web.credit import ASPECT
from server.web.day import states_at
from server.web.docket import TONE
from server.web.docket_words import STATUS
from server.web.formatting import Words
from server.web.inspections import DAYS_TO_REPAIR
from server.web.inspections import STATUS as ORDER_STATUS
from server.web.languages import Language
from server.web.pages import Pages
from server.web.wording import CAUSE, STATE, mark
from storage.database.scope import Scope

REFUSED = {"no_reason": mark("Say why you look, in 4 to 120 characters.")}
TEN_MINUTES_US = 10 * US_PER_MINUTE
WORST = ("missing", "unsound", "unverified", "in_flight", "backfilled", "covered", "idle", "ahead")
CHIP = {
    "missing": "non_compliant",
    "unsound": "non_compliant",
    "unverified": "unverified",
    "in_flight": "waiting",
    "backfilled": "compliant",
    "covered": "compliant",
    "idle": "waiting",
    "ahead": "waiting",
}
SENTENCE = {
    "missing": mark("Nothing of this time is secured."),
    "unsound": mark("There is a recording, and it is not good enough to count."),
    "unverified": mark("It is not known whether this time is recorded."),
    "in_flight": mark("It is being secured just now. Look again in a minute."),
    "backfilled": mark("Recorded and locked. It reached the server late."),
    "covered": mark("Recorded, read back whole and locked."),
    "idle": mark("Nothing was expected of this camera then."),
    "ahead": mark("This time has not come yet."),
}


COVERED = frozenset({"covered", "backfilled"})
IN_PIECES = mark("This minute is in pieces; its worst is told first.")
NO_LONGER_HERE = mark("It counted as recorded when it was judged. There is no recording of it here any more.")
NOT_ALL_HERE = mark("It counted as recorded when it was judged. Not all of its recordings are here any more.")


@dataclass(frozen=True)
class Row:
    """One recording, or a gap where ``source`` and ``link`` are empty."""

    when: str
    said: str
    proof: str = ""
    source: str = ""
    link: str = ""
    is_shown: bool = False
    in_minute: bool = False


@dataclass(frozen=True)
class Piece:
    """A part of the minute that is of one state."""

    when: str
    state: str
    words: str
    cause: str


@dataclass(frozen=True)
class Proof:
    """Of one recording: (what, the words, whether they are a technical value)."""

    when: str
    lines: list[tuple[str, str, bool]]
    is_shown: bool


@dataclass(frozen=True)
class PlaybackPages:
    """Renders; every rule is in a service."""

    pages: Pages

    def cameras(self, day: SiteDay, reader: Scope, language: str) -> str:
        """The cameras of a site."""
        return self.pages.page(
            "playback.html",
            language,
            site_id=day.site_id,
            site_name=day.name,
            cameras=[(camera.camera_id, camera.name) for camera in day.cameras],
            here=f"/sites/{day.site_id}/playback",
            reader=reader,
        )

    def camera(
        self,
        minute: MinuteView,
        orders: list[OrderView],
        reader: Scope,
        language: str,
        *,
        error: str = "",
    ) -> str:
        """A minute; with a player where a look is open. ``error``: why no look was opened."""
        spoken = self.pages.spoken(language)
        maker = _Maker(minute, spoken)
        return self.pages.page(
            "playback_camera.html",
            language,
            **maker.values(),
            found=minute.playback,
            reader=reader,
            error=spoken.text(REFUSED.get(error, "")) if error else "",
            cases=maker.cases(),
            orders=maker.orders(orders),
            aspects=ASPECT,
            form={},
            may_order=bool(reach(reader.role, Action.SUPERVISE)),
            may_export=bool(reach(reader.role, Action.CUSTODY_ACT)),
        )


class _Maker:
    def __init__(self, minute: MinuteView, language: Language) -> None:
        self._minute, self._found, self._language = minute, minute.playback, language
        self._day = Span(minute.day_start_us, minute.day_end_us)
        odd = self._day.duration_us != 24 * timeline.HOUR_US
        self._words = Words(language, self._found.timezone, odd_day=odd)
        self._span = Span(minute.start_us, minute.end_us)
        self._base = f"/sites/{self._found.site_id}/playback/{self._found.camera_id}"
        inside = [
            one for one in self._found.recordings if one.start_us < minute.end_us and one.end_us > minute.start_us
        ]
        self._inside = inside
        playable = [one for one in inside if not one.in_cell]
        # A recording that only reaches into the minute by the way cameras cut would be over before anybody sees it.
        worth = [one for one in playable if self._within(one) >= US_PER_S]
        self._shown = worth[0] if worth else max(playable, key=self._within, default=None)

    def _within(self, one: RecordingView) -> int:
        """How much of the minute it holds, in microseconds."""
        return min(self._span.end_us, one.end_us) - max(self._span.start_us, one.start_us)

    def values(self) -> dict[str, object]:
        found, minute, pieces = self._found, self._minute, self._pieces()
        state = min((one.state for one in pieces), key=WORST.index)
        today = day_of(minute.now_us, found.timezone)
        played = self._shown if found.look_code is not None else None
        worst = next(one for one in pieces if one.state == state)
        sentence, chip = SENTENCE[state], CHIP[state]
        if state in COVERED and not self._inside:
            sentence, chip = NO_LONGER_HERE, "waiting"
        elif state in COVERED and self._gone():
            sentence, chip = NOT_ALL_HERE, "waiting"
        elif len(pieces) > 1:
            sentence = IN_PIECES
        return {
            "day": self._words.day(date.fromisoformat(minute.day)),
            "when": f"{self._words.clock(minute.start_us)}–{self._end(minute.end_us)}",
            "state": state,
            "chip": chip,
            "state_text": self._language.text(STATE[state]),
            "sentence": self._language.text(sentence),
            "cause": worst.cause if len(pieces) == 1 else "",
            "pieces": pieces if len(pieces) > 1 else [],
            "deleted": bool(minute.deleted) and not self._inside,
            "can_play": self._shown is not None,
            "only_in_cell": self._shown is None and bool(self._inside),
            "video": self._source(played) if played is not None else "",
            "proofs": [self._proof(one) for one in self._inside],
            "rows": self._rows(),
            "at": self._words.field(minute.start_us),
            "at_us": minute.start_us,
            "before": f"{self._base}?at={minute.start_us - US_PER_MINUTE}",
            "after": f"{self._base}?at={minute.end_us}" if minute.end_us < minute.now_us else "",
            "earlier": f"{self._base}?at={minute.start_us - TEN_MINUTES_US}",
            "later": f"{self._base}?at={minute.start_us + TEN_MINUTES_US}"
            if minute.start_us + TEN_MINUTES_US < minute.now_us
            else "",
            "hour": self._hour(),
            "export": self._export(),
            "due": (today + timedelta(days=DAYS_TO_REPAIR)).isoformat(),
            "today": today.isoformat(),
            "told": self._told(state, worst.cause),
            "here": f"{self._base}?at={minute.start_us}",
        }

    def _gone(self) -> SpanSet:
        """What counted as recorded and lies in no recording that is here."""
        states = timeline.states_of(self._minute.camera, self._day, self._minute.now_us)
        counted = states["covered"] | states["backfilled"]
        return counted.clip(*self._span) - SpanSet((one.start_us, one.end_us) for one in self._inside)

    def cases(self) -> list[tuple[str, str, str, str, str]]:
        """(incident, address, cause, status, tone)."""
        text, seen = self._language.text, {one.incident_id: one for one in self._minute.cases}
        return [
            (
                one.incident_id,
                f"/sites/{self._found.site_id}/docket/{one.incident_id}",
                text(CAUSE[one.cause]),
                text(STATUS[one.status]),
                TONE[one.status],
            )
            for one in seen.values()
        ]

    def orders(self, orders: list[OrderView]) -> list[tuple[str, str, str]]:
        """(address, words, status)."""
        text = self._language.text
        base = f"/sites/{self._found.site_id}/inspections"
        return [(f"{base}#order-{one.id}", one.told, text(ORDER_STATUS[one.status])) for one in orders]

    def _pieces(self) -> list[Piece]:
        camera, text = self._minute.camera, self._language.text
        states = timeline.states_of(camera, self._day, self._minute.now_us)
        found = []
        for start_us, end_us, state in states_at(states, self._span):
            cause = _cause(camera, start_us, end_us, state)
            when = f"{self._words.clock(start_us, seconds=True)}–{self._end(end_us, seconds=True)}"
            found.append(Piece(when, state, text(STATE[state]), text(CAUSE[cause]) if cause in CAUSE else ""))
        return found

    def _end(self, end_us: int, *, seconds: bool = False) -> str:
        if end_us == self._day.end_us:
            return "24:00"
        return self._words.clock(end_us, seconds=seconds)

    def _hour(self) -> str:
        number = (self._minute.start_us - self._day.start_us) // timeline.HOUR_US
        return f"/sites/{self._found.site_id}/days/{self._minute.day}?hour={number}"

    def _export(self) -> dict[str, str]:
        """The minute, or the whole gap that it lies in, as the form of exports takes it."""
        start_us, end_us = self._span
        for gap in self._minute.camera.gaps:
            gap_end_us = gap.end_us if gap.end_us is not None else self._minute.now_us
            if gap.start_us < self._span.end_us and gap_end_us > self._span.start_us:
                start_us, end_us = min(start_us, gap.start_us), max(end_us, gap_end_us)
        # What is not over cannot be exported; a minute that has not ended yet is, as far as it has come.
        end_us = min(end_us + -end_us % US_PER_MINUTE, self._minute.now_us)
        return {"from": self._words.field(start_us), "to": self._words.field(end_us)}

    def _told(self, state: str, cause: str) -> str:
        text = self._language.text
        told = text("%(camera)s, %(day)s %(time)s: %(what)s") % {
            "camera": self._found.camera_name,
            "day": self._minute.day,
            "time": self._words.clock(self._minute.start_us),
            "what": cause or text(STATE[state]),
        }
        return told[:400]

    def _source(self, one: RecordingView) -> str:
        """The recording from the minute's beginning to its end, as far as both lie in it. Source: W3C Media Fragments."""
        first_us = max(self._span.start_us, one.start_us) - one.start_us
        last_us = min(self._span.end_us, one.end_us) - one.start_us
        return f"{self._base}/{one.segment_id}.mp4#t={first_us / 1e6:.3f},{last_us / 1e6:.3f}"

    def _rows(self) -> list[Row]:
        rows = [(one.start_us, self._recording(one)) for one in self._found.recordings]
        rows += [(start_us, self._gap(start_us, end_us)) for start_us, end_us in self._found.gaps]
        return [row for _, row in sorted(rows, key=lambda pair: pair[0])]

    def _recording(self, one: RecordingView) -> Row:
        text, words = self._language.text, self._words
        when = f"{words.clock(one.start_us, seconds=True)}–{words.clock(one.end_us, seconds=True)}"
        if one.in_cell:
            cell = f"/sites/{self._found.site_id}/cell"
            return Row(when, text("In the site's own store: ask for it there."), link=cell)
        inside = one in self._inside
        source = self._source(one) if inside else f"{self._base}/{one.segment_id}.mp4"
        return Row(
            when,
            text("Recorded"),
            proof=_proof(one, words, self._language),
            source=source if self._found.look_code is not None else "",
            link=f"{self._base}?at={max(one.start_us, 0)}",
            is_shown=one is self._shown,
            in_minute=inside,
        )

    def _gap(self, start_us: int, end_us: int) -> Row:
        words = self._words
        when = f"{words.clock(start_us, seconds=True)}–{words.clock(end_us, seconds=True)}"
        told = self._language.text("No recording can be played of these %(length)s.") % {
            "length": words.duration(end_us - start_us)
        }
        return Row(when, told, link=f"{self._base}?at={max(0, start_us)}")

    def _proof(self, one: RecordingView) -> Proof:
        text, words = self._language.text, self._words
        when = f"{words.clock(one.start_us, seconds=True)}–{words.clock(one.end_us, seconds=True)}"
        told = next((each for each in self._minute.proofs if each.segment_id == one.segment_id), None)
        lines: list[tuple[str, str, bool]] = []
        if one.locked_until_us is not None:
            lines.append((text("Locked until"), self._moment(one.locked_until_us), False))
        if one.checked_us is not None:
            checked = self._moment(one.checked_us)
            lines.append((text("Read back whole"), checked, False))
            lines.append((text("Receipt"), text("given to the site agent at that moment"), False))
        if told is not None:
            lines += self._ledger(told)
            lines += self._audits(told, one)
        if one.version_id:
            lines.append((text("Version in the store"), one.version_id, True))
        lines.append((text("SHA-256 of the recording"), one.sha256, True))
        lines.append((text("Size"), _size(one.size_bytes, self._language), False))
        return Proof(when, lines, one is self._shown or len(self._inside) == 1)

    def _ledger(self, told: ProofView) -> list[tuple[str, str, bool]]:
        text = self._language.text
        if told.number is None:
            return [(text("Ledger"), text("Its entry is about to be numbered."), False)]
        entry = text("Entry %(number)s of the site's ledger.") % {"number": told.number}
        found = [(text("Ledger"), entry, False)]
        point = told.checkpoint
        if point is None:
            return [*found, (text("Checkpoint"), text("None covers it yet. The next one does."), False)]
        said = text("The one of %(size)s entries of %(time)s, signed by %(names)s.") % {
            "size": point.size,
            "time": self._moment(point.made_us),
            "names": text(", ").join(point.signed_by),
        }
        if point.stamped_us is not None:
            said += text(" Time-stamped %(time)s.") % {"time": self._moment(point.stamped_us)}
        return [*found, (text("Checkpoint"), said, False)]

    def _audits(self, told: ProofView, one: RecordingView) -> list[tuple[str, str, bool]]:
        text, audited_us = self._language.text, self._minute.audited_us
        if told.drifts:
            wrong = text(", ").join(text(DRIFT.get(drift, drift)) for drift in told.drifts)
            return [(text("Audit"), wrong, False)]
        if one.in_cell or audited_us is None or one.checked_us is None or audited_us < one.checked_us:
            return [(text("Audit"), text("No audit of the store has finished since."), False)]
        found = text("Nothing was wrong with it in the audit of %(time)s.") % {"time": self._moment(audited_us)}
        return [(text("Audit"), found, False)]

    def _moment(self, at_us: int) -> str:
        locale = self._language.locale
        return str(format_datetime(to_datetime(at_us), "medium", tzinfo=self._words.zone, locale=locale))


def _cause(camera: CameraDay, start_us: int, end_us: int, state: str) -> str:
    for gap in camera.gaps:
        if timeline.state_of(gap) == state and gap.start_us < end_us and (gap.end_us is None or gap.end_us > start_us):
            return gap.cause
    return ""


def _proof(one: RecordingView, words: Words, spoken: Language) -> str:
    if one.checked_us is None or one.locked_until_us is None:
        return ""
    return spoken.text("Locked until %(until)s; read back whole on %(checked)s; version %(version)s.") % {
        "until": words.day(to_datetime(one.locked_until_us).astimezone(words.zone).date()),
        "checked": f"{words.day(to_datetime(one.checked_us).astimezone(words.zone).date())} {words.clock(one.checked_us)}",
        "version": (one.version_id or "")[:12],
    }


def _size(size_bytes: int, language: Language) -> str:
    if size_bytes < 10**5:
        return f"{format_decimal(size_bytes, locale=language.locale)} B"
    return f"{format_decimal(size_bytes / 10**6, '#,##0.0', locale=language.locale)} MB"


def address_of(site_id: str, camera_id: str, at: str) -> str:
    """Where a camera's minute is looked at."""
    query = urlencode({"at": at}) if at else ""
    return f"/sites/{site_id}/playback/{camera_id}" + (f"?{query}" if query else "")
