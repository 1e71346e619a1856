"""The pages of guardians' requests to see a past incident, theirs and the facility's. Renders; every rule is in a service."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from config.base.clock import US_PER_DAY, US_PER_MINUTE, to_datetime
from config.base.errors import NightlightError
from server.domain.requests import ANSWERABLE, COLUMNS, LENGTH_US_MAX, LINES, SHOWN_US, State
from server.services.people.answer_footage import Kept
from server.services.people.ask_footage import Askable, RequestView
from server.web.formatting import Words
from server.web.languages import Language
from server.web.pages import Pages
from server.web.wording import mark
from storage.database.scope import Scope

STATE = {
    State.OPEN: mark("waiting for the facility"),
    State.DECLINED: mark("declined"),
    State.IN_PERSON: mark("come and look together"),
    State.MASKING: mark("being prepared"),
    State.READY: mark("to be looked through"),
    State.FAILED: mark("could not be masked"),
    State.SHOWN: mark("can be seen"),
    State.OVER: mark("over"),
}
TO_GUARDIAN = {State.READY: mark("being prepared"), State.FAILED: mark("waiting for the facility")}
"""What the facility has still to do is not yet an answer."""
TONE = {
    State.SHOWN: "compliant",
    State.IN_PERSON: "compliant",
    State.DECLINED: "non_compliant",
    State.OVER: "unverified",
}
FAULT = {
    "in_cell": mark("Part of the recording lies in the site's own store, where it cannot be masked from here."),
    "no_recording": mark("There is no recording of that time."),
    "too_many": mark("There are too many recordings in that time."),
    "forbidden_zone": mark("This camera sees a place that may not be watched."),
    "not_released": mark("Nobody released the masked pictures within 14 days; they were deleted."),
}
OTHER_FAULT = mark("The recording could not be masked. It is never shown unmasked.")
REFUSAL = {
    "no_reason": mark("Say it in a few words: 4 to 300 characters."),
    "bad_span": mark("Choose a beginning and at most 15 minutes."),
    "still_to_come": mark("That time has not come yet. Choose one that is past."),
    "too_old": mark("Recordings of that time are not kept any more. Ask the facility what it still knows."),
    "too_many_requests": mark("You have asked for as much as you may at a time. Wait for the answers."),
    "no_such_room": mark("That is no room of your child's. Choose one from the list."),
    "not_then": mark(
        "At that time this camera did not show your child's class, or not it alone. Choose another time or camera."
    ),
    "bad_time": mark("That is no date with a time. Choose both."),
    "answered": mark("This request has been answered, or is just being masked. Look at it again in a minute."),
    "bad_answer": mark("Choose one of the three answers."),
    "bad_fields": mark("Choose fields of the picture."),
    "too_clear": mark("At most half of the picture may stay clear."),
    "not_looked": mark("Look it through before the guardian does"),
    "not_ready": mark("There is nothing to release yet. Look at it again in a minute."),
}
OTHER_REFUSAL = mark("That did not work. Look over what you filled in, then try again.")
LENGTHS = (2, 5, 10, LENGTH_US_MAX // US_PER_MINUTE)


@dataclass(frozen=True)
class Line:
    """One request, in words."""

    request_id: str
    site: str
    room: str
    child: str
    when: str
    why: str
    asked: str
    state: str
    tone: str
    reason: str
    answered: str
    until: str
    is_held: bool
    fault: str


@dataclass(frozen=True)
class RequestPages:
    """Words for whoever reads; the services' own are English."""

    pages: Pages

    def mine(
        self,
        found: Sequence[RequestView],
        rooms: Sequence[Askable],
        reader: Scope,
        language: str,
        *,
        now_us: int,
        form: Mapping[str, str] | None = None,
        error: NightlightError | None = None,
    ) -> str:
        """A guardian's own, and the form for another."""
        spoken = self.pages.spoken(language)
        zone = rooms[0].timezone if rooms else "Asia/Shanghai"
        latest = to_datetime(now_us).astimezone(Words(spoken, zone).zone).replace(tzinfo=None, second=0, microsecond=0)
        return self.pages.page(
            "my_requests.html",
            language,
            reader=reader,
            here="/my/requests",
            requests=[_line(one, spoken, is_guardian=True) for one in found],
            rooms=rooms,
            lengths=LENGTHS,
            latest=latest.isoformat(timespec="minutes"),
            form=form or {},
            error=_said(error, spoken),
        )

    def my_one(self, found: RequestView, reader: Scope, language: str) -> str:
        """One of a guardian's, with the pictures where they are shown and a look is open."""
        spoken = self.pages.spoken(language)
        is_shown = found.state is State.SHOWN
        return self.pages.page(
            "my_request.html",
            language,
            reader=reader,
            here=f"/my/requests/{found.request_id}",
            found=found,
            line=_line(found, spoken, is_guardian=True),
            is_shown=is_shown,
            parts=_parts(found, f"/my/requests/{found.request_id}", spoken) if is_shown and found.look_code else [],
            mark_text=f"{found.guardian_id} · {found.look_code}",
        )

    def of_site(self, name: str, site_id: str, found: Sequence[RequestView], reader: Scope, language: str) -> str:
        """All requests of a site."""
        spoken = self.pages.spoken(language)
        return self.pages.page(
            "requests.html",
            language,
            reader=reader,
            here=f"/sites/{site_id}/requests",
            site_id=site_id,
            site_name=name,
            requests=[_line(one, spoken) for one in found],
        )

    def one(
        self,
        found: RequestView,
        kept: Kept,
        reader: Scope,
        language: str,
        *,
        form: Mapping[str, str] | None = None,
        error: NightlightError | None = None,
    ) -> str:
        """One request, for the facility to answer."""
        spoken = self.pages.spoken(language)
        base = f"/sites/{found.site_id}/requests/{found.request_id}"
        is_ready = found.state is State.READY
        return self.pages.page(
            "request.html",
            language,
            reader=reader,
            here=base,
            base=base,
            found=found,
            line=_line(found, spoken),
            kept=_kept(kept, Words(spoken, found.timezone), spoken),
            can_mask=kept.here_us > 0 and not kept.in_cell_us,
            can_answer=found.state in ANSWERABLE,
            is_ready=is_ready,
            is_masking=found.state is State.MASKING,
            parts=_parts(found, base, spoken) if is_ready else [],
            columns=COLUMNS,
            cells=range(COLUMNS * LINES),
            days=SHOWN_US // US_PER_DAY,
            form=form or {},
            error=_said(error, spoken),
        )


def _line(view: RequestView, spoken: Language, *, is_guardian: bool = False) -> Line:
    words = Words(spoken, view.timezone)
    state = view.state
    said = TO_GUARDIAN.get(state, STATE[state]) if is_guardian else STATE[state]
    is_answer = state not in (State.OPEN, State.MASKING, State.READY, State.FAILED) or not is_guardian
    begins, ends = words.moment(view.start_us, to_datetime(0).date()), words.clock(view.end_us)
    return Line(
        request_id=view.request_id,
        site=view.site_name,
        room=view.camera_name,
        child=view.child_id,
        when=f"{begins}–{ends}",
        why=view.why,
        asked=words.moment(view.asked_us, to_datetime(0).date()),
        state=spoken.text(said),
        tone=TONE.get(state, "waiting"),
        reason=view.reason if is_answer else "",
        answered=words.moment(view.answered_us, to_datetime(0).date()) if view.answered_us and is_answer else "",
        until=words.moment(view.until_us, to_datetime(0).date()) if view.until_us and state is State.SHOWN else "",
        is_held=view.is_held,
        fault="" if is_guardian or not view.fault else spoken.text(FAULT.get(view.fault, OTHER_FAULT)),
    )


def _parts(view: RequestView, base: str, spoken: Language) -> list[tuple[str, str]]:
    """(address, from when to when)."""
    words = Words(spoken, view.timezone)
    return [
        (f"{base}/{number}.mp4", f"{words.clock(start_us, seconds=True)}–{words.clock(end_us, seconds=True)}")
        for number, start_us, end_us in view.parts
    ]


def _kept(kept: Kept, words: Words, spoken: Language) -> str:
    said = spoken.text("Of %(asked)s that were asked for, %(here)s are recorded and kept here.") % {
        "asked": words.duration(kept.asked_us),
        "here": words.duration(kept.here_us),
    }
    if kept.in_cell_us:
        told = spoken.text("%(length)s lie in the site's own store and cannot be masked from here.") % {
            "length": words.duration(kept.in_cell_us)
        }
        said += spoken.gap + told
    return said


def _said(error: NightlightError | None, spoken: Language) -> str:
    return spoken.text(REFUSAL.get(error.code, OTHER_REFUSAL)) if error is not None else ""
