"""The set-up pages of one site, in every language."""

from collections.abc import Mapping, Sequence

from config.base.errors import NightlightError
from server.domain.registers.sheets import Fault
from server.domain.zones import ALLOWED_KINDS, FORBIDDEN_KINDS
from server.services.agents.invite_agent import MadeInvitation
from server.services.agents.set_up_boxes import SiteBoxes
from server.services.cameras.floor_plans import PlanView
from server.services.cameras.read_discovered import DiscoveredView
from server.services.cameras.set_up_cameras import SiteCameras
from server.services.cameras.setup_progress import SiteProgress
from server.services.coverage.read_health import SiteHealth
from server.web import qr
from server.web.languages import Language
from server.web.pages import Pages
from server.web.register_wording import column_text, fault_text
from server.web.setup_boxes import box_rows, code_rows, until
from server.web.setup_cameras import CameraForm, by_file, camera_rows, found_rows, problem_texts, zone_text
from server.web.setup_plan import make_plan
from server.web.setup_steps import make_setup
from server.web.setup_wording import ANSWER, FORBIDDEN_ZONE, OTHER_REFUSAL, REFUSAL
from server.web.wording import ZONE
from storage.database.scope import Scope

EXAMPLES = {
    "url": "rtsp://192.0.2.10/stream1",
    "sub_url": "rtsp://192.0.2.10/stream2",
    "onvif_url": "http://192.0.2.10/onvif/device_service",
    "mask": "0,0 0.3,0 0.3,1 0,1",
    "box": "sunflower-box",
}
"""What addresses look like; documentation addresses of RFC 5737."""


class SetupPages:
    """Renders; every rule is in a service."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def boxes(
        self, site: SiteBoxes, reader: Scope, language: str, error: NightlightError | None, *, agent_id: str = ""
    ) -> str:
        """Who is in, which codes are open, and a form for another."""
        spoken = self._pages.spoken(language)
        return self._page(
            "boxes.html",
            site,
            reader,
            language,
            "boxes",
            error=self._said(error, language),
            boxes=box_rows(site, spoken),
            codes=code_rows(site, spoken),
            agent_id=agent_id,
        )

    def code(self, site: SiteBoxes, made: MadeInvitation, reader: Scope, language: str) -> str:
        """A code, this once."""
        return self._page(
            "code.html",
            site,
            reader,
            language,
            "boxes",
            made=made,
            picture=qr.svg(made.code),
            ends=until(site, made.expires_us, self._pages.spoken(language)),
        )

    def found(
        self, site: SiteCameras, found: list[DiscoveredView], reader: Scope, language: str, *, with_dismissed: bool
    ) -> str:
        """What agents found, each with its picture."""
        rows = found_rows(found, self._pages.spoken(language))
        shown = [row for row in rows if row.dismissed == with_dismissed]
        return self._page(
            "found.html",
            site,
            reader,
            language,
            "found",
            rows=shown,
            with_dismissed=with_dismissed,
            dismissed=sum(row.dismissed for row in rows),
        )

    def cameras(
        self,
        site: SiteCameras,
        health: SiteHealth,
        reader: Scope,
        language: str,
        error: NightlightError | None,
        *,
        zone_name: str = "",
    ) -> str:
        """The cameras and places of a site."""
        spoken = self._pages.spoken(language)
        return self._page(
            "cameras.html",
            site,
            reader,
            language,
            "cameras",
            error=self._said(error, language),
            rows=camera_rows(site, health, spoken),
            zones=[(zone, zone_text(zone, spoken)) for zone in site.zones],
            **self._zone_form(spoken, zone_name),
        )

    def setup(self, site: SiteProgress, reader: Scope, language: str, fragment: str, digest: str) -> str:
        """The page that leads through the set-up, around its fragment."""
        return self._page("setup_steps.html", site, reader, language, "setup", fragment=fragment, digest=digest)

    def setup_fragment(self, site: SiteProgress, language: str) -> str:
        """The inside of that page; the same bytes while nothing in it has changed."""
        return self._pages.page("setup_fragment.html", language, page=make_setup(site, self._pages.spoken(language)))

    def facts(
        self, site: SiteCameras, values: Mapping[str, str], reader: Scope, language: str, faults: Sequence[Fault] = ()
    ) -> str:
        """What the facility says of itself; ``faults``: what stands against it."""
        spoken = self._pages.spoken(language)
        answers = {
            fact: [(value, spoken.text(words)) for value, words in known.items()] for fact, known in ANSWER.items()
        }
        told = [f"{column_text(fault.table, fault.column, spoken)}: {fault_text(fault, spoken)}" for fault in faults]
        return self._page(
            "facts.html", site, reader, language, "setup", values=values, answers=answers, error=spoken.gap.join(told)
        )

    def plan(
        self,
        site: SiteCameras,
        plans: list[PlanView],
        found: list[DiscoveredView],
        reader: Scope,
        language: str,
        *,
        chosen: str = "",
        floor_name: str = "",
        error: NightlightError | None = None,
    ) -> str:
        """The floors of a site with what stands on them."""
        spoken = self._pages.spoken(language)
        rows = [row for row in found_rows(found, spoken) if row.can_be_added and not row.dismissed]
        return self._page(
            "plan.html",
            site,
            reader,
            language,
            "plan",
            error=self._said(error, language),
            page=make_plan(site, plans, chosen, rows, spoken),
            floor_name=floor_name,
            **self._zone_form(spoken),
        )

    @staticmethod
    def _zone_form(spoken: Language, zone_name: str = "") -> dict[str, object]:
        return {
            "kinds": [(kind, spoken.text(ZONE[kind])) for kind in sorted(ALLOWED_KINDS)],
            "private": [(kind, spoken.text(FORBIDDEN_ZONE[kind])) for kind in sorted(FORBIDDEN_KINDS)],
            "zone_name": zone_name,
        }

    def camera_form(
        self,
        site: SiteCameras,
        form: CameraForm,
        reader: Scope,
        language: str,
        error: NightlightError | None,
        *,
        has_view: bool = False,
    ) -> str:
        """One camera, to be added or changed."""
        spoken = self._pages.spoken(language)
        return self._page(
            "camera.html",
            site,
            reader,
            language,
            "cameras",
            error=self._said(error, language),
            form=form,
            has_view=has_view,
            problems=problem_texts(form.problems, spoken),
            by_file=by_file(site, form.camera),
            zones=[(zone, zone_text(zone, spoken)) for zone in site.zones],
            keys={recorder.agent_id: recorder.sealing_key for recorder in site.recorders},
            examples=EXAMPLES,
        )

    def _said(self, error: NightlightError | None, language: str) -> str:
        """Words for whoever filled in the form; the service's own are English."""
        if error is None:
            return ""
        return self._pages.spoken(language).text(REFUSAL.get(error.code, OTHER_REFUSAL))

    def _page(
        self,
        template: str,
        site: SiteBoxes | SiteCameras | SiteProgress,
        reader: Scope,
        language: str,
        tab: str,
        **values: object,
    ) -> str:
        here = f"/sites/{site.site_id}/{tab}"
        return self._pages.page(
            template, language, **{"site": site, "reader": reader, "tab": tab, "here": here, **values}
        )
