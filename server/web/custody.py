"""What the page about the keeping of footage says: holds, deletions, export, and who took what away. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal

from config.base.clock import to_datetime
from server.services.custody.desk import AccessView, CertificateView, DeletionView, HoldView, SiteCustody
from server.web.languages import Language
from server.web.wording import mark

ACCESSES_SHOWN_MAX = 50

HOLD_STATUS = {
    "standing": mark("held"),
    "lift_requested": mark("held, lifting asked for"),
    "lifted": mark("lifted"),
}
_CHIP = {"standing": "compliant", "lift_requested": "unverified", "lifted": "waiting"}
ACCESS = {
    "playback": mark("played back"),
    "export": mark("exported"),
    "still": mark("picture looked at"),
    "live": mark("live view"),
    "deep-audit": mark("sampled by an audit"),
    "support": mark("support's access"),
}
SAID = {
    "placed": mark("The hold has been placed: what it lies on is deleted by nobody."),
    "lift_requested": mark("Lifting was asked for. Somebody else has to confirm it; until then the hold stands."),
    "lifted": mark("The hold has been lifted. What is past its day goes with the next deletion."),
    "reviewed": mark("The hold stays, until the next day of review."),
    "confirmed": mark("The deletion has been confirmed and begins within ten minutes."),
}
REFUSED = {
    "no_reason": mark("Say why, in 200 characters at most: it goes on record."),
    "bad_span": mark(
        "Check the period: its end comes after its beginning; an export is of 31 days at most, which are over."
    ),
    "bad_time": mark("Give every date and time in full."),
    "bad_review": mark("The day of review has to be still to come."),
    "bad_owner": mark("An owner is the name of an account: small letters, digits and hyphens."),
    "bad_sites": mark("That is too many sites for one hold: place it site by site."),
    "bad_count": mark("Type the number of versions, in digits."),
    "second_person_needed": mark(
        "You asked for it yourself: somebody else has to confirm it, with an account of their own."
    ),
    "figures_changed": mark("The figures have changed. Look at them again, and confirm what stands there now."),
    "confirmed_already": mark("Somebody has confirmed it already."),
    "conflict": mark("Somebody was faster: this is how it stands now."),
    "oversized": mark("That is too much for one package: choose a shorter period."),
    "export_running": mark("An export of yours is being made. Wait for its end, then begin the next."),
    "exports_full": mark("Other exports are being made. Try again in some minutes."),
}
OTHER_REFUSAL = mark("That could not be done. Check what you entered, and try again.")


@dataclass(frozen=True)
class LastForm:
    """What the form before has done (``said``), or could not do: ``error`` is the code, in section ``where``."""

    said: str = ""
    gone: int = 0
    where: str = ""
    values: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


@dataclass(frozen=True)
class HoldRow:
    """One hold."""

    hold_id: str
    target: str
    period: str
    reason: str
    status_text: str
    chip: str
    review_text: str
    review_due: bool
    history: list[str]
    may_request: bool
    may_confirm: bool
    waits_for_another: bool
    lifted: bool


@dataclass(frozen=True)
class CertificateRow:
    """One deletion certificate."""

    certificate_id: int
    day: str
    when: str
    what: str
    by: str


@dataclass(frozen=True)
class AccessRow:
    """One line of the access record."""

    when: str
    who: str
    what: str
    target: str
    period: str
    reason: str
    source: str


@dataclass(frozen=True)
class DeletionPanel:
    """A large deletion; ``versions`` and ``of_versions`` are what has to be confirmed."""

    versions: int
    of_versions: int
    sentence: str
    shares: list[str]
    confirmed_by: str | None


@dataclass(frozen=True)
class CustodyPage:
    """Everything that the template shows."""

    holds: list[HoldRow]
    due: int
    deletion: DeletionPanel | None
    certificates: list[CertificateRow]
    accesses: list[AccessRow]
    today: str


def make_custody(site: SiteCustody, language: Language, me: str) -> CustodyPage:
    """The page of one site for ``me``, a reader of ``language``."""
    maker = _Maker(site, language, me, ZoneInfo(site.timezone))
    return CustodyPage(
        holds=[maker.hold(hold) for hold in site.holds],
        due=sum(hold.review_due for hold in site.holds),
        deletion=maker.deletion(site.deletion) if site.deletion is not None else None,
        certificates=[maker.certificate(each) for each in site.certificates],
        accesses=[maker.access(each) for each in site.accesses[:ACCESSES_SHOWN_MAX]],
        today=to_datetime(site.now_us).astimezone(ZoneInfo(site.timezone)).date().isoformat(),
    )


@dataclass(frozen=True)
class _Maker:
    site: SiteCustody
    language: Language
    me: str
    zone: ZoneInfo

    def hold(self, hold: HoldView) -> HoldRow:
        asked_by_me = hold.lift_requested_by == self.me
        return HoldRow(
            hold_id=hold.hold_id,
            target=self._target(hold.camera_id),
            period=self._period(hold.start_us, hold.end_us),
            reason=hold.reason,
            status_text=self.language.text(HOLD_STATUS[hold.status]),
            chip=_CHIP[hold.status],
            review_text=self._date(hold.review_us),
            review_due=hold.review_due,
            history=self._history(hold),
            may_request=hold.status == "standing",
            may_confirm=hold.status == "lift_requested" and not asked_by_me,
            waits_for_another=hold.status == "lift_requested" and asked_by_me,
            lifted=hold.status == "lifted",
        )

    def _history(self, hold: HoldView) -> list[str]:
        text = self.language.text
        said = [
            text("placed by %(name)s, %(time)s") % {"name": hold.placed_by, "time": self._moment(hold.placed_us)},
            text("owner: %(name)s") % {"name": hold.owner},
        ]
        if hold.cell_held or hold.cell_pending:
            said.append(self._in_cell(hold))
        if hold.lift_requested_by and hold.lift_requested_us:
            at = self._moment(hold.lift_requested_us)
            said.append(text("lifting asked for by %(name)s, %(time)s") % {"name": hold.lift_requested_by, "time": at})
        if hold.lifted_by and hold.lifted_us:
            at = self._moment(hold.lifted_us)
            said.append(text("lifted by %(name)s, %(time)s") % {"name": hold.lifted_by, "time": at})
        return said

    def _in_cell(self, hold: HoldView) -> str:
        figures = {"held": self._number(hold.cell_held), "all": self._number(hold.cell_held + hold.cell_pending)}
        return (
            self.language.text(
                "in the site's own store %(held)s of %(all)s recordings are held, as its agent read them"
            )
            % figures
        )

    def deletion(self, asked: DeletionView) -> DeletionPanel:
        text = self.language.text
        share = 100 * asked.versions // asked.of_versions if asked.of_versions else 100
        shares = [
            text("%(site)s: %(versions)s recordings, of %(first)s to %(last)s")
            % {
                "site": each.site_id,
                "versions": self._number(each.versions),
                "first": self._date(each.first_us),
                "last": self._date(each.last_us),
            }
            for each in asked.sites
        ]
        sentence = text("%(versions)s of %(of)s recordings (%(share)d %%) are due to be deleted at once.") % {
            "versions": self._number(asked.versions),
            "of": self._number(asked.of_versions),
            "share": share,
        }
        return DeletionPanel(asked.versions, asked.of_versions, sentence, shares, asked.confirmed_by)

    def certificate(self, told: CertificateView) -> CertificateRow:
        text = self.language.text
        return CertificateRow(
            certificate_id=told.certificate_id,
            day=format_date(date.fromisoformat(told.day), "medium", locale=self.language.locale),
            when=self._moment(told.at_us),
            what=text("%(versions)s recordings, %(size)s, kept for %(days)d days")
            % {"versions": self._number(told.versions), "size": size_text(told.size_bytes), "days": told.retained_days},
            by=" · ".join(
                [text("confirmed by %(name)s") % {"name": told.confirmed_by}] * bool(told.confirmed_by)
                + [text("in the site's own store; gone as its agent reported")] * told.in_cell
            ),
        )

    def access(self, told: AccessView) -> AccessRow:
        return AccessRow(
            when=self._moment(told.at_us),
            who=told.account,
            what=self.language.text(ACCESS[told.what]) if told.what in ACCESS else told.what,
            target=self._target(told.camera_id) if told.camera_id else "",
            period=self._period(told.start_us, told.end_us),
            reason=told.reason,
            source=told.source,
        )

    def _target(self, camera_id: str | None) -> str:
        if camera_id is None:
            return self.language.text("All cameras of this site")
        return dict(self.site.cameras).get(camera_id, camera_id)

    def _period(self, start_us: int, end_us: int) -> str:
        if start_us == end_us:
            return self._moment(start_us)
        start, end = self._at(start_us), self._at(end_us)
        if start.date() == end.date():
            return f"{self._moment(start_us)} – {end:%H:%M}"
        return f"{self._moment(start_us)} – {self._moment(end_us)}"

    def _at(self, instant_us: int) -> datetime:
        return to_datetime(instant_us).astimezone(self.zone)

    def _moment(self, instant_us: int) -> str:
        day = format_date(self._at(instant_us), "medium", locale=self.language.locale)
        return f"{day} {format_datetime(self._at(instant_us), 'HH:mm', tzinfo=self.zone, locale=self.language.locale)}"

    def _date(self, instant_us: int) -> str:
        return format_date(self._at(instant_us), "medium", locale=self.language.locale)

    def _number(self, count: int) -> str:
        return format_decimal(count, locale=self.language.locale)


def size_text(size_bytes: int) -> str:
    """1.23 GB, 45.6 MB or 789 kB: read alike in both languages."""
    for unit, name in ((10**12, "TB"), (10**9, "GB"), (10**6, "MB")):
        if size_bytes >= unit:
            return f"{size_bytes / unit:.3g} {name}"
    return f"{size_bytes / 1_000:.3g} kB"


def refusal(code: str) -> str:
    """What to say about a form that could not be done."""
    return REFUSED.get(code, OTHER_REFUSAL)
