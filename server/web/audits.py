"""What audits found, in words: the store's conditions, what is wrong, and how sure a sample makes one. Pure."""

from dataclasses import dataclass

from babel.dates import format_skeleton
from babel.numbers import format_decimal, format_percent

from config.base.clock import US_PER_DAY, US_PER_S, to_datetime
from server.domain.forecast import Forecast
from server.services.audit.read_audit import ConditionView, DeepResult, DeepView, DriftView, SampleView, SiteAudit
from server.services.docket.files import harmless
from server.web.formatting import Words
from server.web.languages import Language
from server.web.wording import mark

GIGA = 10**9
SAMPLES_SHOWN_MAX = 300

DRIFT = {
    "object_missing": mark("The store no longer has this recording"),
    "object_corrupt": mark("The recording in the store is another one than was secured"),
    "lock_short": mark("The recording is not locked for as long as it must be, and the store will not lock it"),
    "lock_was_short": mark("Somebody shortened this recording's lock or took it off; the audit has locked it again"),
    "delete_marker": mark("Somebody put a delete marker on top of this recording; the recording itself is whole"),
    "foreign_version": mark("Somebody put another version on top of this recording; the recording itself is whole"),
    "foreign_object": mark("There is a file in the store that belongs to no recording"),
    "bytes_changed": mark("The bytes that the store hands out are not the ones it was given"),
    "undecodable": mark("No picture can be got out of this recording"),
    "picture_frozen": mark("The picture stands still in this recording"),
    "picture_too_dark": mark("This recording is black"),
    "clock_off": mark("This recording does not last as long as it claims, or claims a time that had not come"),
}
OUTCOME = {
    "waiting": mark("waiting"),
    "sound": mark("sound"),
    "fault": mark("at fault"),
    "unknown": mark("could not be found out"),
    "gone": mark("deleted on its day"),
}
CHIP = {
    "sound": "compliant",
    "fault": "non_compliant",
    "unknown": "unverified",
    "waiting": "waiting",
    "gone": "waiting",
}
BAD_CONDITION = {
    "canary": mark(
        "The store let go of what must stay locked. No recording is safe there: stop receiving recordings and call"
        " whoever keeps the store, now"
    ),
    "clock": mark(
        "The store's clock is %(seconds)s s off. It decides by that clock when a lock ends: have it set by NTP at once"
    ),
    "answers": mark(
        "The store does not answer, so nothing in it can be checked now. What was checked before still counts; see"
        " whether it runs"
    ),
    "settings": mark(
        "Somebody changed the bucket's settings (%(detail)s). What is locked stays locked; see who can do that, and set"
        " them again: python -m server.admin init, and take out every lifecycle rule"
    ),
}
GOOD_CONDITION = {
    "canary": mark("The store refused every attempt to delete, shorten or change what is locked"),
    "clock": mark("The store's clock agrees with the server's"),
    "answers": mark("The store answers"),
    "settings": mark("The bucket keeps versions, locks by default, and has no rule that deletes"),
}


SAMPLE_COLUMNS = (
    mark("Number"), mark("Camera"), mark("Camera's number"), mark("Minute"), mark("Outcome"), mark("Found"),
    mark("Pictures decoded"), mark("Looked at"),
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """A sentence, whether it is good news, and since when; what is not known is neither good nor bad."""

    good: bool
    text: str
    when: str
    known: bool = True


@dataclass(frozen=True)
class DriftRow:
    """One finding."""

    what: str
    camera: str
    recording: str
    found: str
    detail: str
    address: str = ""
    """Where its minute is looked at; empty where it is about no camera's time."""


@dataclass(frozen=True)
class DeepRow:
    """One deep audit in a line or at the head of its page."""

    id: str
    seed: str
    asked_by: str
    asked: str
    state: str
    running: bool
    chip: str
    progress: str
    done: int
    of: int
    bound: str
    population: str
    population_sha256: str
    algorithm: str
    read: str
    repeats_id: str


@dataclass(frozen=True)
class SampleRow:
    """One sample."""

    number: int
    camera: str
    minute: str
    address: str
    """Where the minute is looked at."""
    outcome: str
    chip: str
    text: str
    figures: str


@dataclass(frozen=True)
class AuditPage:
    """The fragment of a site's audits."""

    site_id: str
    name: str
    as_of: str
    tone: str
    sentence: str
    conditions: list[Line]
    forecast: list[Line]
    rounds: list[Line]
    drifts: list[DriftRow]
    deep: list[DeepRow]


@dataclass(frozen=True)
class DeepPage:
    """The fragment of one deep audit."""

    site_id: str
    as_of: str
    head: DeepRow
    samples: list[SampleRow]
    unshown: int


class AuditWords:
    """For one reader about one site."""

    def __init__(self, language: Language, timezone: str) -> None:
        self._language = language
        self._words = Words(language, timezone)

    def alerts(self, site: SiteAudit) -> list[str]:
        """What a person must see at once, for the board."""
        text = self._language.text
        found = [self._condition(row).text for row in site.conditions if not row.good]
        if site.forecast is not None and site.forecast.promise_holds is False:
            found.append(self._forecast(site.forecast, site.now_us).text)
        if site.round_overdue:
            found.append(
                text("The recordings in the store have not been audited for two days: see whether the jobs run")
            )
        if site.watch_overdue:
            found.append(text("Nobody has looked after the store for a while: see whether the jobs run"))
        if site.drifts:
            found.append(self._drifts(len(site.drifts)))
        return found

    def page(self, site: SiteAudit) -> AuditPage:
        alerts = self.alerts(site)
        text = self._language.text
        # What nobody has looked at is not known to be good (I1).
        checked = site.last_round is not None and site.last_round.finished_us is not None and bool(site.conditions)
        good = (
            ("compliant", text("Nothing is wrong."))
            if checked
            else ("unverified", text("Not everything was looked at yet."))
        )
        tone, sentence = ("non_compliant", alerts[0]) if alerts else good
        return AuditPage(
            site_id=site.site_id,
            name=site.name,
            as_of=self._words.clock(site.now_us, seconds=True),
            tone=tone,
            sentence=sentence,
            conditions=[self._condition(row) for row in site.conditions],
            forecast=[self._forecast(site.forecast, site.now_us)] if site.forecast is not None else [],
            rounds=self._rounds(site),
            drifts=[self._drift(row, site) for row in site.drifts],
            deep=[self.head(row) for row in site.deep],
        )

    def deep(self, found: DeepResult) -> DeepPage:
        rows = sorted(
            found.samples, key=lambda row: (row.outcome not in {"fault", "unknown"}, -(row.checked_us or 0), row.number)
        )
        return DeepPage(
            site_id=found.audit.site_id,
            as_of=self._words.clock(found.now_us, seconds=True),
            head=self.head(found.audit),
            samples=[self._sample(row, found) for row in rows[:SAMPLES_SHOWN_MAX]],
            unshown=max(0, len(rows) - SAMPLES_SHOWN_MAX),
        )

    def head(self, row: DeepView) -> DeepRow:
        text = self._language.text
        running = row.finished_us is None
        if row.drawn_us is None:
            state = text("being drawn")
        elif running:
            state = text("running")
        else:
            state = text("finished")
        chip = "non_compliant" if row.faults else "unverified" if row.unknown else "waiting" if running else "compliant"
        return DeepRow(
            id=row.id,
            seed=row.seed,
            asked_by=row.asked_by,
            asked=self._moment(row.asked_us),
            state=state,
            running=running,
            chip=chip,
            progress=text(
                "%(checked)s of %(samples)s looked at, %(faults)s at fault, %(unknown)s could not be found out"
            )
            % {"checked": row.checked, "samples": row.samples, "faults": row.faults, "unknown": row.unknown},
            done=row.checked,
            of=max(1, row.samples),
            bound=self._bound(row),
            population=self._number(row.population),
            population_sha256=row.population_sha256 or "",
            algorithm=row.algorithm,
            read=self._size(row.bytes_read),
            repeats_id=row.repeats_id or "",
        )

    def _bound(self, row: DeepView) -> str:
        text = self._language.text
        if row.faulty_at_most is None or not row.population:
            return (
                text("Nothing can be said yet.") if row.finished_us is None else text("There was nothing to look at.")
            )
        # A bound is rounded up, to hundredths of a per cent.
        hundredths = -(-row.faulty_at_most * 10_000 // row.population)
        share = format_percent(hundredths / 10_000, "0.##%", locale=self._language.locale)
        return text(
            "With %(confidence)s %% confidence at most %(bound)s of %(population)s camera-minutes are at fault (%(share)s)."
        ) % {
            "confidence": round(row.confidence * 100),
            "bound": self._number(row.faulty_at_most),
            "population": self._number(row.population),
            "share": share,
        }

    def lines(self, found: DeepResult) -> list[list[str]]:
        """Headings and a line a sample in the order of the draw, safe for programs that take cells for formulas."""
        text = self._language.text
        rows = [[text(words) for words in SAMPLE_COLUMNS]]
        for sample in sorted(found.samples, key=lambda one: one.number):
            told = self._sample(sample, found)
            checked = self._moment(sample.checked_us) if sample.checked_us is not None else ""
            outcome = [told.outcome, told.text, str(sample.pictures), checked]
            rows.append([str(told.number), told.camera, sample.camera_id, told.minute, *outcome])
        return [[harmless(cell) for cell in row] for row in rows]

    def _sample(self, row: SampleView, found: DeepResult) -> SampleRow:
        text = self._language.text
        figures = ""
        if row.checked_us is not None and row.segments:
            figures = text("recordings: %(segments)s, read: %(size)s, pictures decoded: %(pictures)s") % {
                "segments": row.segments,
                "size": self._size(row.bytes_read),
                "pictures": row.pictures,
            }
        said = text(DRIFT[row.drift]) if row.drift in DRIFT else text(OUTCOME.get(row.outcome, row.outcome))
        return SampleRow(
            row.number + 1,
            found.cameras.get(row.camera_id, row.camera_id),
            self._moment(row.start_us),
            f"/sites/{found.audit.site_id}/playback/{row.camera_id}?at={row.start_us}",
            text(OUTCOME.get(row.outcome, row.outcome)),
            CHIP.get(row.outcome, "waiting"),
            said if row.drift else "",
            figures,
        )

    def _condition(self, row: ConditionView) -> Line:
        words = GOOD_CONDITION if row.good else BAD_CONDITION
        seconds = format_decimal(row.amount / US_PER_S, "+0.#;-0.#", locale=self._language.locale)
        when = self._language.text("since %(since)s, last looked at %(checked)s") % {
            "since": self._moment(row.since_us),
            "checked": self._moment(row.checked_us),
        }
        said = self._language.text(words.get(row.name, row.name)) % {"seconds": seconds, "detail": row.detail}
        return Line(row.good, said, when)

    def _forecast(self, found: Forecast, now_us: int) -> Line:
        text = self._language.text
        figures = text("%(used)s lie there, %(rate)s came in over the last 24 h, %(needed)s will be needed") % {
            "used": self._size(found.used_bytes),
            "rate": self._size(found.bytes_a_day),
            "needed": self._size(found.needed_bytes),
        }
        if not found.capacity_bytes:
            unknown = text("When the store is full is not known: nobody has said how large it is (store.capacity_gb)")
            return Line(False, unknown, figures, known=False)
        if found.promise_holds is None:
            return Line(
                False,
                text("Nothing came in over the last 24 h, so there is nothing to reckon with"),
                figures,
                known=False,
            )
        if found.full_in_days is None:
            return Line(True, text("At today's rate the store never runs out: the promised days can be kept"), figures)
        day = self._date(now_us + int(found.full_in_days * US_PER_DAY))
        said = text(
            "At today's rate the store is full on %(day)s. Nothing in it can be deleted early, so from then on nothing can"
            " be recorded: give it more room before that day"
        )
        return Line(False, said % {"day": day}, figures)

    def _rounds(self, site: SiteAudit) -> list[Line]:
        text, last = self._language.text, site.last_round
        if last is None:
            return [Line(False, text("No version has been audited yet"), "", known=False)]
        when = text("begun %(when)s") % {"when": self._moment(last.started_us)}
        if last.finished_us is not None:
            return [Line(True, text("Every version under retention was looked at"), when)]
        share = format_percent(int(100 * last.done_share) / 100, "0%", locale=self._language.locale)
        return [
            Line(
                True,
                text("%(share)s of the versions have been looked at, spread over the day") % {"share": share},
                when,
            )
        ]

    def _drifts(self, number: int) -> str:
        return self._language.count(
            "An audit found %(num)s thing wrong in the store; that time does not count as covered where a recording is hit",
            "Audits found %(num)s things wrong in the store; that time does not count as covered where a recording is hit",
            number,
        )

    def _drift(self, row: DriftView, site: SiteAudit) -> DriftRow:
        recording, address, camera = row.object_key, "", row.camera_id or ""
        if camera and row.start_us is not None:
            address = f"/sites/{site.site_id}/playback/{camera}?at={row.start_us}"
        if row.start_us is not None and row.end_us is not None:
            recording = f"{self._moment(row.start_us)} – {self._words.clock(row.end_us, seconds=True)}"
        what = self._language.text(DRIFT.get(row.drift, row.drift))
        name = site.cameras.get(camera, camera)
        return DriftRow(what, name, recording, self._moment(row.found_us), row.detail, address)

    def _moment(self, instant_us: int) -> str:
        return f"{self._date(instant_us)} {self._words.clock(instant_us, seconds=True)}"

    def _date(self, instant_us: int) -> str:
        return format_skeleton("yMMMd", to_datetime(instant_us), tzinfo=self._words.zone, locale=self._language.locale)

    def _number(self, number: int) -> str:
        return format_decimal(number, locale=self._language.locale)

    def _size(self, size_bytes: int) -> str:
        if size_bytes >= GIGA:
            return f"{format_decimal(size_bytes / GIGA, '#,##0.0', locale=self._language.locale)} GB"
        return f"{format_decimal(size_bytes / 10**6, '#,##0.0', locale=self._language.locale)} MB"
