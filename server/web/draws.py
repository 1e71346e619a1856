"""The pages of inspection draws, in every language."""

from dataclasses import dataclass
from datetime import date

from babel.numbers import format_decimal

from server.services.supervision.draw_inspections import DrawView
from server.web.formatting import Words
from server.web.pages import Pages
from server.web.wording import mark
from storage.database.scope import EVERY_REGION, Scope

REFUSED = {
    "bad_seed": mark("A seed has 1 to 128 characters that can be printed. Type another one."),
    "bad_seed_source": mark("Say in 1 to 128 characters what the seed is going to be."),
    "bad_region": mark("Name a region of yours by its path, such as cn/sichuan/luzhou."),
    "not_found": mark("Name a region of yours by its path, such as cn/sichuan/luzhou."),
    "bad_level": mark("A draw is made at level 0 to 3."),
    "bad_number": mark("Draw at least one site, and send one to five inspectors."),
    "bad_draw_list": mark("There is no site to draw from in this region, or more than 20,000."),
    "no_inspector": mark("One of these names is no account of an authority. Check how they are written."),
    "too_few_inspectors": mark(
        "To some site fewer inspectors may go than you want to send: name more of them, or send fewer."
    ),
    "drawn_already": mark("Somebody has drawn from this list already. This is what was drawn."),
}
OTHER_REFUSAL = mark("That could not be done. Check what you entered, and try again.")


@dataclass(frozen=True)
class DrawPages:
    """Renders; every rule is in a service. An authority has no time zone of its own: times are those of Beijing."""

    pages: Pages
    timezone: str = "Asia/Shanghai"

    def draws(
        self, found: list[DrawView], person: Scope, language: str, *, error: str = "", form: dict[str, str]
    ) -> str:
        """All of a region, and the form."""
        return self.pages.page(
            "draws.html",
            language,
            draws=[(draw, self._when(draw.prepared_us, language)) for draw in found],
            reader=person,
            region="" if person.region == EVERY_REGION else person.region,
            is_authority=bool(person.region),
            error=REFUSED.get(error, OTHER_REFUSAL) if error else "",
            form=form,
            here="/draws",
        )

    def draw(self, found: DrawView, person: Scope, language: str, *, error: str = "") -> str:
        """One."""
        return self.pages.page(
            "draw.html",
            language,
            draw=found,
            prepared=self._when(found.prepared_us, language),
            drawn_at=self._when(found.drawn_us, language) if found.drawn_us is not None else "",
            candidates=format_decimal(found.candidates, locale=self.pages.spoken(language).locale),
            reader=person,
            error=REFUSED.get(error, OTHER_REFUSAL) if error else "",
            here=f"/draws/{found.id}",
        )

    def _when(self, at_us: int, language: str) -> str:
        return Words(self.pages.spoken(language), self.timezone).moment(at_us, date.min)
