"""The page that says whose view a clip shows, in every language. Renders; every rule is in a service."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil

from config.base.clock import to_datetime
from config.base.errors import NightlightError
from config.wire.marking import GROUP_US
from server.services.live.identify import Identified
from server.services.live.marking import MarkingState
from server.web.formatting import Words
from server.web.pages import Pages
from server.web.people_wording import ROLE
from server.web.wording import mark
from storage.database.scope import Scope

ASPECTS = {"16:9": 16 / 9, "4:3": 4 / 3}
REFUSAL = {
    "clip_busy": mark("Another clip is being looked at. Try again in a minute or two."),
    "no_file": mark("Choose the clip, then try again."),
    "bad_clip": mark("This file could not be read as a video. Send an MP4, MOV or WebM."),
    "oversized": mark("The clip is larger than 128 MB. Cut a minute or two out of it, then try again."),
    "too_slow": mark("The clip took too long to arrive. Send a shorter piece."),
    "not_decoded": mark("The clip took too long to read. Send a shorter piece."),
    "bad_time": mark("Those are no times. Choose when it can have been taken, from and to."),
    "bad_span": mark("The end is not after the beginning."),
    "bad_window": mark("Say from when to when it can have been taken: six hours at the most."),
    "reason_missing": mark("Say why you ask: it stands on record."),
    "no_marking_key": mark("This server has no key to mark with. Whoever runs it makes one with: server.admin init"),
    "other_key": mark(
        "The views of that time were marked with another key. Whoever runs the server has to put that key back."
    ),
    "not_found": mark("Choose one of the cameras."),
}
OTHER_REFUSAL = mark("That did not work. Look over what you filled in, then try again.")


@dataclass(frozen=True)
class Asked:
    """A form as it was sent, and what came of it."""

    form: Mapping[str, str]
    found: Identified | None = None
    error: NightlightError | None = None


class TracePages:
    """Words for whoever asks."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages

    def page(self, state: MarkingState, asked: Asked, person: Scope, language: str) -> str:
        """The form, the answer to it, and who asked or switched before."""
        spoken = self._pages.spoken(language)
        words = Words(spoken, state.timezone)
        return self._pages.page(
            "trace.html",
            language,
            site=state,
            form=asked.form,
            found=asked.found,
            lacking=lacking(asked.found) if asked.found is not None else 0,
            aspects=list(ASPECTS),
            names=dict(state.cameras),
            roles=ROLE,
            error=spoken.text(REFUSAL.get(asked.error.code, OTHER_REFUSAL)) if asked.error is not None else "",
            when=lambda at_us: words.moment(at_us, to_datetime(0).date()),
            clock=lambda at_us: words.clock(at_us, seconds=True),
            reader=person,
            here=f"/sites/{state.site_id}/looks/clip",
        )


def lacking(found: Identified) -> int:
    """Seconds that the clip is too short by even where nothing in it was lost; 0 where it is long enough."""
    return max(0, ceil(found.answer.needed_s + GROUP_US / 1e6 - found.answer.seconds))
