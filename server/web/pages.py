"""Renders the pages. Templates are autoescaped and refuse undefined names; words come from the reader's catalogue."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from server.domain.authorisation import Action, reach
from server.services.cells.fetch_from_cell import FetchView
from server.services.cells.read_cells import SiteCell
from server.services.coverage.read_day import SiteDay, SiteSummary
from server.services.coverage.read_morning import StillView
from server.services.custody.desk import SiteCustody
from server.services.evidence.read_attestations import AttestedDay
from server.services.people.operators import may_at_site
from server.web import cells
from server.web.alarms import make_alarms
from server.web.attestation import make_attestation
from server.web.board import make_board
from server.web.custody import SAID, LastForm, make_custody, refusal
from server.web.health import make_health, panels_heard
from server.web.languages import DEFAULT_LANGUAGE, LANGUAGES, Language, load_languages
from server.web.morning import Asked, make_todo
from server.web.navigation import navigation
from server.web.timeline import HEIGHT, SHOWN_STATES
from server.web.wording import CODE_ADVICE, OTHER_ADVICE, SIGN_IN_ERROR, STATE, STATUS_ADVICE, STATUS_TITLE
from storage.database.scope import Scope

HERE = Path(__file__).parent
MAY_PASS = frozenset({408, 409, 429, 500, 503})
"""What may be over when the same is asked again."""
_REST = "<!-- the rest -->"
"""No words of anybody's can be this: they are escaped."""
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
}


@dataclass(frozen=True)
class Asset:
    """A static file in memory."""

    data: bytes
    media_type: str
    digest: str


class Pages:
    """Every page in every language."""

    def __init__(self) -> None:
        self.assets: Mapping[str, Asset] = _read_assets()
        self._languages = load_languages()
        self._environments = {tag: self._environment(language) for tag, language in self._languages.items()}

    def board_fragment(
        self,
        site: SiteDay,
        language: str,
        *,
        reader: Scope,
        asked: Asked | None = None,
        stills: Mapping[str, StillView] | None = None,
    ) -> str:
        """The inside of the board's page; the same bytes while nothing in it has changed.

        ``asked``: what else is known now, beside today's board: alarms where the site has a panel, how boxes and cameras do,
        what waits for somebody. ``stills``: each camera's newest picture, where somebody wants to look at them.
        """
        spoken, may_act = self._languages[language], may_at_site(reader, Action.ALARM_HANDLE)
        alarms, health = (asked.alarms, asked.health) if asked is not None else (None, None)
        section = None
        if alarms is not None and (alarms.alarms or alarms.partitions):
            heard = panels_heard(health) if health is not None else ()
            section = make_alarms(alarms, site.timezone, site.now_us, spoken, may_act=may_act, heard=heard)

        def may(action: Action) -> bool:
            return may_at_site(reader, action)

        return self._render(
            "fragment.html",
            language,
            board=make_board(site, spoken, stills),
            todo=make_todo(site, asked, spoken, may) if asked is not None else None,
            may_set_up=may(Action.SETUP),
            may_look=may(Action.PICTURE_READ),
            with_pictures=stills is not None,
            may_act=may_act,
            bands=HEIGHT,
            alarms=section,
            health=make_health(health, site.timezone, spoken) if health is not None else None,
        )

    def board(
        self,
        *,
        site_id: str,
        sites: list[SiteSummary],
        day: date | None,
        reader: Scope,
        language: str,
        fragment: str,
        digest: str,
        pictures: bool = False,
    ) -> str:
        """The page around a fragment."""
        query = f"?day={day.isoformat()}" if day else "?pictures=1" if pictures else ""
        name = next((site.name for site in sites if site.site_id == site_id), site_id)
        return self._render(
            "board.html",
            language,
            path=f"/sites/{site_id}",
            query=query,
            here=f"/sites/{site_id}{query}",
            site_id=site_id,
            site_name=name,
            sites=sites,
            reader=reader,
            fragment=fragment,
            digest=digest,
            states=STATE,
            shown_states=SHOWN_STATES,
        )

    def custody(
        self,
        site: SiteCustody,
        language: str,
        *,
        reader: Scope,
        can_export: bool,
        last: LastForm,
    ) -> str:
        """Holds, deletions, export and the access record of one site."""
        return self._render(
            "custody.html",
            language,
            site=site,
            page=make_custody(site, self._languages[language], reader.account_name),
            reader=reader,
            can_export=can_export,
            said=SAID.get(last.said, ""),
            gone=last.gone,
            where=last.where,
            form=last.values,
            error=refusal(last.error) if last.error else "",
            here=f"/sites/{site.site_id}/custody",
        )

    def cell(
        self,
        site: SiteCell,
        fetches: list[FetchView],
        cameras: Mapping[str, str],
        language: str,
        *,
        reader: Scope,
        asked: bool = False,
        form: Mapping[str, str] | None = None,
        error: str = "",
    ) -> str:
        """A site's own store: what is known of it, and recordings that were brought from it."""
        return self._render(
            "cell.html",
            language,
            site=site,
            page=cells.make_cell(site, fetches, cameras, self._languages[language], reader.account_name),
            cameras=cameras,
            reader=reader,
            asked=asked,
            form=form or {},
            error=cells.REFUSED.get(error, cells.OTHER_REFUSAL) if error else "",
            here=f"/sites/{site.site_id}/cell",
        )

    def attestation(self, found: AttestedDay, language: str, *, reader: Scope) -> str:
        """What was attested of a day."""
        return self._render(
            "attestation.html",
            language,
            site=found,
            page=make_attestation(found, self._languages[language]),
            reader=reader,
            here=f"/sites/{found.site_id}/attestations/{found.day}",
        )

    def no_sites(self, reader: Scope, language: str) -> str:
        """For an account that reaches no site yet."""
        return self._render("no_sites.html", language, reader=reader, here="/")

    def sign_in(
        self, language: str, onward: str, *, name: str = "", error: str = "", authority: str = "", said: str = ""
    ) -> str:
        """The form; ``error`` is the code of the refusal before, ``authority`` the words of the button to a provider's own."""
        message = SIGN_IN_ERROR.get(error, "")
        here = "/sign-in" + (f"?next={quote(onward, safe='')}" if onward != "/" else "")
        return self._render(
            "sign_in.html", language, onward=onward, name=name, error=message, here=here, authority=authority, said=said
        )

    def error(
        self, status: HTTPStatus, code: str, language: str, here: str, *, reader: Scope | None, kept: bool = False
    ) -> str:
        """A page for a person whose request could not be answered; ``kept``: what they sent waits for them at ``/kept``."""
        advice = CODE_ADVICE.get(code) or STATUS_ADVICE.get(int(status), OTHER_ADVICE)
        # What is not found may be a site: its own ways would lead nowhere.
        known = {} if reader is None else {"reader": reader, "ways_of": "/" if status == HTTPStatus.NOT_FOUND else here}
        return self._render(
            "error.html",
            language,
            status=int(status),
            title=self.status_title(status, language),
            advice=advice,
            again=int(status) in MAY_PASS,
            code=code,
            kept=kept,
            here=here,
            **known,
        )

    def status_title(self, status: HTTPStatus, language: str) -> str:
        """The name of a status in the reader's language."""
        message = STATUS_TITLE.get(int(status), STATUS_TITLE[500])
        return self._languages[language].text(message)

    def spoken(self, language: str) -> Language:
        """A language by its tag."""
        return self._languages[language]

    def page(self, template: str, language: str, **values: object) -> str:
        """A page of a part of its own."""
        return self._render(template, language, **values)

    def around(self, template: str, language: str, **values: object) -> tuple[str, str]:
        """What stands before and after the ``rest`` of a page, for which the reader need not wait."""
        before, _, after = self._render(template, language, rest=_REST, **values).partition(_REST)
        return before, after

    def broken(self, language: str) -> str:
        """In place of a rest that could not be made: its page is on its way and cannot be another one any more."""
        title = self.status_title(HTTPStatus.INTERNAL_SERVER_ERROR, language)
        return self._render("broken.html", language, title=title, advice=STATUS_ADVICE[500])

    def _render(self, template: str, language: str, **values: object) -> str:
        return self._environments[language].get_template(template).render(values)

    def _environment(self, language: Language) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            extensions=["jinja2.ext.i18n"],
            auto_reload=False,
        )
        environment.install_gettext_translations(language.translations, newstyle=True)  # type: ignore[attr-defined]
        environment.globals |= {
            "language": language.tag,
            "gap": language.gap,
            "languages": LANGUAGES,
            "default_language": DEFAULT_LANGUAGE,
            "asset": self._asset_url,
            "navigation": navigation,
            "allows": reach,
        }
        environment.filters["quote"] = lambda text: quote(text, safe="")
        return environment

    def _asset_url(self, name: str) -> str:
        return f"/static/{name}?v={self.assets[name].digest}"


def _read_assets() -> dict[str, Asset]:
    found: dict[str, Asset] = {}
    for path in sorted((HERE / "static").iterdir()):
        if path.suffix in _MEDIA_TYPES:
            data = path.read_bytes()
            found[path.name] = Asset(data, _MEDIA_TYPES[path.suffix], hashlib.sha256(data).hexdigest()[:16])
    return found
