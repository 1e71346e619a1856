"""The pages of people, consents, looks and one's own account, in every language. Renders; every rule is in a service."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from config.base.clock import to_datetime
from config.base.errors import NightlightError
from config.base.roles import Role
from server.domain.authorisation import Action
from server.domain.consents import CURRENT, LIVE_VIEW
from server.domain.support import HOURS_MAX
from server.services.live.marking import MarkingState
from server.services.people.access_record import LookRecord
from server.services.people.give_support import SupportView
from server.services.people.invite_people import MadeInvite
from server.services.people.keep_consents import ConsentView
from server.services.people.mark_day import WHY, SiteToday
from server.services.people.operators import may_at_site
from server.services.people.passkeys import PasskeyView
from server.services.people.read_people import SitePeople
from server.services.people.reset_passwords import MadeReset
from server.services.people.sign_in import EventView, SessionView
from server.services.people.site_documents import DocumentView, SiteDocumentsView
from server.web import qr
from server.web.custody import size_text
from server.web.documents import DocumentList
from server.web.formatting import Words
from server.web.pages import Pages
from server.web.people_wording import (
    BY,
    HAPPENED,
    MODE,
    OTHER_REFUSAL,
    PROOF,
    REFUSAL,
    ROLE,
    SUPPORT_CHIP,
    SUPPORT_STATE,
    WHAT,
    WHY_DARK,
)
from server.web.weekly_words import to_words
from server.web.wording import mark
from storage.database.scope import Scope

TIMEZONE = "Asia/Shanghai"
"""For pages that belong to no site; the zone is written beside the time."""


@dataclass(frozen=True)
class AccountState:
    """What the page of an own account shows."""

    steps: frozenset[str]
    codes_left: int
    passkeys: Sequence[PasskeyView]
    sessions: Sequence[SessionView]
    events: Sequence[EventView]


class PeoplePages:
    """Words for whoever reads; the services' own are English."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def people(
        self,
        site: SitePeople,
        marking: MarkingState,
        person: Scope,
        language: str,
        error: NightlightError | None = None,
        *,
        documents: Sequence[DocumentView],
    ) -> str:
        """Everybody of a site."""
        said, weekly = self._said(error, language), functools.partial(to_words, language=language)
        when = self._dated(language, site.timezone)
        kept = DocumentList(site.site_id, documents, when, size_text, site.may_manage)
        return self._of_site(
            "people.html", site, person, language, "people", error=said, weekly=weekly, marking=marking, documents=kept
        )

    def documents(self, site_id: str, found: SiteDocumentsView, person: Scope, language: str) -> str:
        """The documents of a site alone, to read."""
        when = self._dated(language, found.timezone)
        kept = DocumentList(site_id, found.documents, when, size_text, may_manage=False, is_page=True)
        here = f"/sites/{site_id}/documents"
        return self._page("documents.html", person, language, here, name=found.name, documents=kept)

    def invited(self, site: SitePeople, made: MadeInvite, link: str, person: Scope, language: str) -> str:
        """An invitation, this once."""
        return self._of_site("invited.html", site, person, language, "people", made=made, link=link, error="")

    def today(self, site: SiteToday, person: Scope, language: str) -> str:
        """Rooms and children, one tap each."""
        spoken = self._pages.spoken(language)
        reasons = [(why, spoken.text(WHY_DARK[why])) for why in WHY]
        return self._of_site("today.html", site, person, language, "today", reasons=reasons, error="")

    def looks(self, found: Sequence[LookRecord], person: Scope, language: str, *, here: str, site_id: str = "") -> str:
        """Who looked; to a guardian other people by their marks. ``site_id``: of the site whose looks these are."""
        return self._page(
            "looks.html", person, language, here, when=self._when(language, TIMEZONE), looks=found, what=WHAT,
            roles=ROLE, long=self._long(language), is_guardian=person.role == Role.GUARDIAN, site_id=site_id,
        )  # fmt: skip

    def consents(self, found: Sequence[ConsentView], person: Scope, language: str) -> str:
        """What a person is asked."""
        text = CURRENT[LIVE_VIEW]
        return self._page(
            "consents.html", person, language, "/my/consents", views=found, version=text.version,
            words=text.zh_cn if language == "zh-CN" else text.en, when=self._when(language, TIMEZONE),
            is_guardian=person.role == Role.GUARDIAN,
        )  # fmt: skip

    def account(
        self,
        person: Scope,
        language: str,
        error: NightlightError | None,
        *,
        state: AccountState,
        codes: Sequence[str],
    ) -> str:
        """One's own account; ``codes``: fresh recovery codes, this once."""
        return self._page(
            "me.html", person, language, "/me", error=self._said(error, language), steps=state.steps, codes=codes,
            codes_left=state.codes_left, passkeys=state.passkeys, sessions=state.sessions, proofs=PROOF,
            role=ROLE.get(person.role, ""), when=self._when(language, TIMEZONE), events=state.events, happened=HAPPENED,
            by=BY,
        )  # fmt: skip

    def totp(self, secret: str, address: str, person: Scope, language: str) -> str:
        """A secret as picture and words, this once."""
        groups = " ".join(secret[at : at + 4] for at in range(0, len(secret), 4))
        return self._page("totp.html", person, language, "/me", secret=groups, picture=qr.exact_svg(address))

    def second(
        self, token: str, onward: str, steps: frozenset[str], language: str, error: NightlightError | None = None
    ) -> str:
        """What is asked behind a right password."""
        return self._pages.page(
            "second.html", language, here="/sign-in", step=token, onward=onward, steps=steps,
            error=self._said(error, language),
        )  # fmt: skip

    def join(self, link: str, language: str, error: NightlightError | None = None, *, name: str = "") -> str:
        """Where an invitation's link leads."""
        return self._pages.page(
            "join.html", language, here=f"/join?i={link}", link=link, name=name, error=self._said(error, language)
        )

    def forgot(self, language: str, error: NightlightError | None = None, *, mails: bool, asked: bool = False) -> str:
        """Whom to ask for a way back; ``asked``: a link was asked for, whether or not there is one to send."""
        return self._pages.page(
            "forgot.html", language, here="/forgot", mails=mails, asked=asked, error=self._said(error, language)
        )

    def reset(self, link: str, language: str, error: NightlightError | None = None, *, needs_code: bool) -> str:
        """Where a link leads."""
        return self._pages.page(
            "reset.html", language, here=f"/reset?r={link}", link=link, needs_code=needs_code,
            error=self._said(error, language),
        )  # fmt: skip

    def reset_made(self, site: SitePeople, made: MadeReset, link: str, person: Scope, language: str) -> str:
        """A way back for one person, this once."""
        return self._of_site("reset_made.html", site, person, language, "people", made=made, link=link, error="")

    def reset_mail(self, language: str) -> tuple[str, str]:
        """Subject and words of the mail; the link follows them."""
        say = self._pages.spoken(language).text
        body = say(
            mark(
                "With this link you choose a new password. It works once, for an hour. If you did not ask for it, do nothing."
            )
        )
        return say(mark("[Nightlight] A new password")), body

    def onward(self, path: str, language: str) -> str:
        """Signed in elsewhere; on by a page of ours, so that the browser sends its strict cookie."""
        return self._pages.page("onward.html", language, here="/sign-in", onward=path)

    def left(self, address: str, language: str) -> str:
        """Signed out here; on to the provider that the way in led through."""
        return self._pages.page("signed_out.html", language, here="/sign-in", onward=address)

    def support(
        self,
        found: Sequence[SupportView],
        person: Scope,
        language: str,
        error: NightlightError | None = None,
        *,
        form: Mapping[str, str],
    ) -> str:
        """What the platform's administrators asked for."""
        return self._page(
            "support.html", person, language, "/support", found=found, states=SUPPORT_STATE, chips=SUPPORT_CHIP,
            hours_max=HOURS_MAX, form=form, error=self._said(error, language), when=self._when(language, TIMEZONE),
        )  # fmt: skip

    def site_support(
        self,
        site_id: str,
        name: str,
        found: Sequence[SupportView],
        person: Scope,
        language: str,
        error: NightlightError | None = None,
    ) -> str:
        """What support asks of a facility."""
        zone = found[0].timezone if found else TIMEZONE
        return self._page(
            "site_support.html", person, language, f"/sites/{site_id}/support", site_id=site_id, name=name, found=found,
            states=SUPPORT_STATE, chips=SUPPORT_CHIP, error=self._said(error, language), when=self._when(language, zone),
        )  # fmt: skip

    def _said(self, error: NightlightError | None, language: str) -> str:
        if error is None:
            return ""
        return self._pages.spoken(language).text(REFUSAL.get(error.code, OTHER_REFUSAL))

    def _of_site(
        self, template: str, site: SitePeople | SiteToday, person: Scope, language: str, tab: str, **values: object
    ) -> str:
        tabs = {
            "today": may_at_site(person, Action.DAY_READ),
            "people": may_at_site(person, Action.PEOPLE_READ),
            "looks": may_at_site(person, Action.LOOKS_READ),
        }
        return self._page(
            template, person, language, f"/sites/{site.site_id}/{tab}", site=site, tab=tab, tabs=tabs, modes=MODE,
            when=self._when(language, site.timezone), on=Words(self._pages.spoken(language), site.timezone).dated, **values,
        )  # fmt: skip

    def _page(self, template: str, person: Scope, language: str, here: str, **values: object) -> str:
        shown = {"reader": person, "here": here, **values}
        return self._pages.page(template, language, **shown)

    def _when(self, language: str, timezone: str) -> Callable[[int], str]:
        words = Words(self._pages.spoken(language), timezone)
        return lambda at_us: words.moment(at_us, to_datetime(0).date())  # with its date, always

    def _dated(self, language: str, timezone: str) -> Callable[[int], str]:
        words = Words(self._pages.spoken(language), timezone)
        return lambda at_us: f"{words.dated(at_us)} {words.clock(at_us)}"

    def _long(self, language: str) -> Callable[[int], str]:
        return Words(self._pages.spoken(language), TIMEZONE).duration
