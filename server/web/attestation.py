"""What the page of an attested day says. Pure."""

from dataclasses import dataclass
from datetime import date

from babel.dates import format_datetime

from config.base.clock import US_PER_DAY, to_datetime
from config.evidence.entries import CameraAttested, DayAttested
from server.domain.attestation import SEVERAL
from server.services.evidence.read_attestations import AttestedDay, AttestedEntry
from server.web.formatting import Words
from server.web.languages import Language
from server.web.wording import CAUSE, VERDICT, mark

GAPS_SHOWN_MAX = 100
SEVERAL_CAUSES = mark("several causes, close together")
REFUSED = {
    "forked": mark("it keeps another ledger of the same size"),
    "not_continued": mark("what it was shown does not continue the ledger that it keeps"),
    "foreign_ledger": mark("it was shown another ledger than the one that it keeps"),
    "bad_signature": mark("what it was shown was not signed by the server"),
    "malformed": mark("what it was shown was no checkpoint"),
    "ledger_lost_entries": mark("it keeps more entries than the ledger has"),
}


@dataclass(frozen=True)
class CameraRow:
    """One camera's day."""

    name: str
    chip: str
    status: str
    covered: str
    backfilled: str
    gaps: list[tuple[str, str]]
    """When, and why."""
    unshown: int


@dataclass(frozen=True)
class AttestationPage:
    """A day; without ``cameras`` it is not attested yet."""

    day_text: str
    day: str
    made: str
    cameras: list[CameraRow]
    audit: str
    sha256: str
    previous_sha256: str
    place: str
    superseded: list[tuple[str, str]]
    """When each was made, and its digest."""
    signed_by: list[str]
    refused: list[str]


def make_attestation(found: AttestedDay, language: Language) -> AttestationPage:
    """The page of a day for a reader of ``language``."""
    maker = _Maker(found, language)
    newest = found.attestations[-1] if found.attestations else None
    ledger = found.ledger
    return AttestationPage(
        day_text=maker.words.day(date.fromisoformat(found.day)),
        day=found.day,
        made=maker.moment(newest.entry.at_us) if newest is not None else "",
        cameras=[maker.camera(camera, newest.entry) for camera in newest.entry.cameras] if newest is not None else [],
        audit=maker.audit(newest.entry) if newest is not None else "",
        sha256=newest.sha256 if newest is not None else "",
        previous_sha256=(newest.entry.previous_sha256 or "") if newest is not None else "",
        place=maker.place(newest) if newest is not None else "",
        superseded=[(maker.moment(each.entry.at_us), each.sha256) for each in found.attestations[:-1]],
        signed_by=ledger.signed_by if ledger is not None else [],
        refused=maker.refusals(),
    )


class _Maker:
    def __init__(self, found: AttestedDay, language: Language) -> None:
        day = found.attestations[-1].entry if found.attestations else None
        odd = day is not None and day.end_us - day.start_us != US_PER_DAY
        self.words = Words(language, found.timezone, odd_day=odd)
        self._found = found
        self._language = language

    def moment(self, instant_us: int) -> str:
        return format_datetime(
            to_datetime(instant_us), "medium", tzinfo=self.words.zone, locale=self._language.locale
        )  # fmt: skip

    def camera(self, camera: CameraAttested, day: DayAttested) -> CameraRow:
        text, words = self._language.text, self.words
        shown = camera.gaps[:GAPS_SHOWN_MAX]
        return CameraRow(
            name=self._found.cameras.get(camera.camera_id, camera.camera_id),
            chip=camera.status.lower(),
            status=text(VERDICT.get(camera.status, camera.status)),
            covered=text("%(covered)s of %(expected)s (%(share)s)")
            % {
                "covered": words.duration(camera.covered_us),
                "expected": words.duration(camera.expected_us),
                "share": words.share(camera.covered_us, camera.expected_us),
            },
            backfilled=words.duration(camera.backfilled_us) if camera.backfilled_us else "",
            gaps=[
                (f"{words.clock(g.start_us, seconds=True)} – {self._end(g.end_us, day)}", self._cause(g.cause))
                for g in shown
            ],
            unshown=len(camera.gaps) - len(shown),
        )

    def audit(self, day: DayAttested) -> str:
        text = self._language.text
        if day.audit_us is None:
            return text("No audit of the store had finished when this was attested.")
        return text(
            "%(audited)s of the day's %(versions)s recordings were looked at in the store by the audit of %(when)s;"
            " %(unsound)s were not as they should be."
        ) % {
            "audited": day.audited_versions,
            "versions": day.versions,
            "when": self.moment(day.audit_us),
            "unsound": day.unsound_versions,
        }

    def place(self, newest: AttestedEntry) -> str:
        if newest.number is None:
            return self._language.text("It is about to be numbered.")
        return self._language.text("Entry %(number)s of the site's ledger.") % {"number": newest.number}

    def refusals(self) -> list[str]:
        ledger, text = self._found.ledger, self._language.text
        return [
            text("%(agent)s does not cosign: %(why)s.") % {"agent": agent, "why": text(REFUSED.get(why, why))}
            for agent, why in (ledger.refused if ledger is not None else {}).items()
        ]

    def _cause(self, cause: str) -> str:
        return self._language.text(SEVERAL_CAUSES if cause == SEVERAL else CAUSE.get(cause, cause))

    def _end(self, end_us: int, day: DayAttested) -> str:
        return "24:00" if end_us == day.end_us else self.words.clock(end_us, seconds=True)
