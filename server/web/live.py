"""The pages of the live view, in every language."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from config.base.clock import US_PER_DAY, to_datetime
from server.domain.lease import Permit
from server.domain.requests import WAITING, State
from server.services.coverage.read_day import SiteSummary
from server.services.people.access_record import LookRecord
from server.services.people.ask_footage import RequestView
from server.services.people.leases import Look
from server.services.people.my_children import ChildView
from server.web.formatting import Words
from server.web.hours import hours_in_words
from server.web.languages import Language
from server.web.pages import Pages
from server.web.wording import mark
from storage.database.scope import Scope

ENDED = {
    "session_over": mark("You are signed out. Sign in again to go on."),
    "account_locked": mark("This account is locked. Ask the facility."),
    "not_found": mark("There is no such camera for you."),
    "forbidden_zone": mark("This room may not be watched."),
    "blanked": mark("The facility has covered the picture for now, for nap or changing time. It comes back by itself."),
    "forbidden_mode": mark("Watching live is not allowed here."),
    "off": mark("Watching live is switched off at this facility."),
    "not_approved": mark("The facility has not yet confirmed your access."),
    "revoked": mark("The facility has ended your access to this room."),
    "expired": mark("Your access to this room has come to its end. Ask the facility for a new one."),
    "not_yet": mark("Your access has not begun yet."),
    "picked_up": mark("Your child has been picked up: until tomorrow."),
    "consent_missing": mark("Not everybody concerned has agreed to watching live, or somebody has withdrawn it."),
    "outside_hours": mark("Outside the hours in which this room can be watched."),
    "reason_missing": mark("Say why you look, in a few words."),
    "unavailable": mark("Whether you may look could not be checked just now. Trying again."),
    "replaced": mark("You are watching in another window or on another device: one at a time."),
    "busy": mark(
        "As many cameras of this facility are being watched as its site agent can prepare at once. Try again in a few minutes."
    ),
    "bad_ticket": mark("The leave to look was used up. Trying again."),
    "lease_changed": mark("Your access was renewed. Trying again."),
    "stopping": mark("The server is being restarted. Trying again."),
    "left": mark("The view was closed."),
}
"""Why there is no picture, in words."""
PLAYER = {
    "start": mark("Watch"),
    "again": mark("Watch again"),
    "connecting": mark("Connecting …"),
    "waiting": mark("Waiting for the camera …"),
    "live": mark("Live"),
    "stalled": mark("The picture has stopped. Trying again …"),
    "offline": mark("No connection. Trying again …"),
    "unsupported": mark("This browser cannot show the picture. Use a newer one."),
    "covered": mark("The view was closed because its marking was removed."),
    "fullscreen": mark("Full screen"),
    "small": mark("Leave full screen"),
    "next": mark("Again from {time}"),
}
"""What the player says."""


@dataclass(frozen=True)
class Room:
    """One camera in the list."""

    camera_id: str
    name: str
    site_name: str
    is_live: bool
    said: str


@dataclass(frozen=True)
class Home:
    """What a guardian's start page is made from. ``hears``: notices are switched on. ``looks``: of the last seven days."""

    children: Sequence[ChildView]
    looks: Sequence[LookRecord]
    requests: Sequence[RequestView]
    hears: bool
    retain_days: int
    now_us: int


@dataclass(frozen=True)
class LivePages:
    """Renders; every rule is in a service."""

    pages: Pages

    def home(self, found: Home, person: Scope, language: str) -> str:
        """A guardian's start page."""
        spoken = self.pages.spoken(language)
        return self.pages.page(
            "child.html",
            language,
            children=[_child(one, found.now_us, spoken) for one in found.children],
            ways=_ways(found, spoken),
            retain_days=found.retain_days,
            reader=person,
            here="/live",
        )

    def rooms(self, looks: Sequence[Look], person: Scope, now_us: int, language: str, *, here: str) -> str:
        """What somebody of a facility or an authority may look at, live or why not."""
        spoken = self.pages.spoken(language)
        rooms = [_room(look, now_us, spoken) for look in looks]
        rooms.sort(key=lambda room: (not room.is_live, room.site_name, room.name))
        return self.pages.page("live.html", language, rooms=rooms, sites=[], reader=person, here=here)

    def sites(self, sites: Sequence[SiteSummary], person: Scope, language: str) -> str:
        """The sites whose cameras somebody who is no guardian may look at."""
        return self.pages.page("live.html", language, rooms=[], sites=sites, reader=person, here="/live")

    def player(self, look: Look, person: Scope, language: str, *, base: str, asks_why: bool) -> str:
        """The page with the player."""
        spoken = self.pages.spoken(language)
        words = {key: spoken.text(text) for key, text in PLAYER.items()} | {"gap": spoken.gap}
        ended = {key: spoken.text(text) for key, text in ENDED.items()}
        return self.pages.page(
            "watch.html",
            language,
            look=look,
            base=base,
            asks_why=asks_why,
            words=json.dumps(words | {"ended": ended}, ensure_ascii=False),
            reader=person,
            here=f"/live/{look.camera_id}",
        )


def _child(child: ChildView, now_us: int, spoken: Language) -> dict[str, object]:
    text = spoken.text
    rooms = [_room(look, now_us, spoken) for look in child.looks]
    if not child.approved:
        why = text("The facility has not yet confirmed who you are. We show the room here as soon as it has.")
    elif not child.hours:
        why = text("The facility has given you no hours to watch. Ask it whether it will.")
    else:
        why = text("There is no camera in your child's room that you could watch.")
    return {
        "title": child.class_name or child.site_name,
        "under": f"{child.site_name} · {text('Child')} {child.child_id}",
        "rooms": sorted(rooms, key=lambda room: (not room.is_live, room.name)),
        "why_none": why,
        "asks": not child.consented,
        "hours": hours_in_words(child.hours, spoken) if child.hours and rooms else "",
    }


def _ways(found: Home, spoken: Language) -> list[dict[str, str]]:
    """What else there is, each with how it stands."""
    text = spoken.text
    looks = spoken.count("%(num)s look in seven days", "%(num)s looks in seven days", len(found.looks))
    if found.looks:
        first = found.looks[0]
        zone = found.children[0].timezone if found.children else "UTC"
        today = to_datetime(found.now_us).astimezone(ZoneInfo(zone)).date()
        last = text("the last %(time)s") % {"time": Words(spoken, zone).moment(first.opened_us, today)}
        looks = text("%(kind)s: %(what)s") % {"kind": looks, "what": last}
    lacking = sum(not one.consented for one in found.children)
    shown = sum(one.state is State.SHOWN for one in found.requests)
    waits = sum(one.state in WAITING for one in found.requests)
    asked = text("Ask the facility for the recording")
    if shown:
        asked = spoken.count("%(num)s answer to look at", "%(num)s answers to look at", shown)
    elif waits:
        asked = spoken.count("%(num)s request is with the facility", "%(num)s requests are with the facility", waits)
    said = (
        ("/my/looks", text("Who looked"), looks),
        ("/my/consents", text("My consents"), text("You have not agreed yet") if lacking else text("You have agreed")),
        ("/my/requests", text("See a past incident"), asked),
        ("/notices", text("My notices"), text("On") if found.hears else text("Off: switch them on for this phone")),
    )
    return [{"path": path, "name": name, "said": what} for path, name, what in said]


def _room(look: Look, now_us: int, spoken: Language) -> Room:
    if isinstance(look.answer, Permit):
        end = look.answer.until_us
        said = spoken.text("Live now")
        if end < now_us + US_PER_DAY // 2:
            until = Words(spoken, look.timezone).clock(end)
            said = spoken.text("Live now, until %(time)s") % {"time": until}
    else:
        said = spoken.text(ENDED.get(str(look.answer.reason), ENDED["unavailable"]))
        if look.answer.next_us is not None:
            today = to_datetime(now_us).astimezone(ZoneInfo(look.timezone)).date()
            begins = Words(spoken, look.timezone).moment(look.answer.next_us, today)
            again = spoken.text("Again from %(time)s.") % {"time": begins}
            said += spoken.gap + again
    return Room(look.camera_id, look.camera_name, look.site_name, isinstance(look.answer, Permit), said)
