"""What the page about a site's own store says: what it rests on, how much was asked and answered, what that proves. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal, format_percent

from config.base.clock import to_datetime
from server.services.cells.fetch_from_cell import FetchView
from server.services.cells.read_cells import AgentProof, CellDay, SiteCell
from server.web.languages import Language
from server.web.wording import mark

OUTCOME = {
    "object_missing": mark("not there"),
    "object_corrupt": mark("changed"),
    "lock_short": mark("lock too short"),
    "overdue": mark("no answer in time"),
    "here": mark("here, for a day"),
    "gone": mark("no longer here"),
    "": mark("on its way"),
}
REFUSED = {
    "no_reason": mark("Say why, in 200 characters at most: it goes on record."),
    "not_found": mark("The site's own store has no recording of that camera at that time."),
    "bad_time": mark("Give every date and time in full."),
    "resource_exhausted": mark("Enough recordings are on their way: wait until they are here."),
}
OTHER_REFUSAL = mark("That could not be done. Check what you entered, and try again.")


@dataclass(frozen=True)
class AgentRow:
    """What one agent's recordings are known by."""

    agent_id: str
    kept: str
    asked: str
    bound: str
    alert: str


@dataclass(frozen=True)
class FailedRow:
    """A recording that does not count."""

    camera: str
    when: str
    what: str
    drawn: str


@dataclass(frozen=True)
class FetchRow:
    """A recording that somebody asked for; ``link`` is empty unless it is here."""

    camera: str
    when: str
    asked: str
    reason: str
    state: str
    link: str


@dataclass(frozen=True)
class CellPage:
    """Everything that the template shows."""

    agents: list[AgentRow]
    failed: list[FailedRow]
    fetches: list[FetchRow]


def make_cell(
    site: SiteCell, fetches: list[FetchView], cameras: Mapping[str, str], language: Language, account_name: str = ""
) -> CellPage:
    """The page of one site for a reader of ``language``; recordings are linked for whoever asked for them."""
    zone, text = ZoneInfo(site.timezone), language.text

    def at(instant_us: int) -> str:
        return format_datetime(to_datetime(instant_us), "yyyy-MM-dd HH:mm:ss", tzinfo=zone, locale=language.locale)

    return CellPage(
        agents=[
            _agent(proof, language, at(proof.proven_us) if proof.proven_us is not None else "") for proof in site.agents
        ],
        failed=[
            FailedRow(
                cameras.get(row.camera_id, row.camera_id),
                at(row.start_us),
                text(OUTCOME[row.outcome]),
                at(row.drawn_us),
            )
            for row in site.failed
        ],
        fetches=[
            FetchRow(
                camera=cameras.get(row.camera_id, row.camera_id),
                when=at(row.start_us),
                asked=f"{at(row.asked_us)} {row.asked_by}",
                reason=row.reason,
                state=text(_state_of(row)),
                link=f"/sites/{site.site_id}/fetches/{row.fetch_id}.mp4"
                if row.outcome == "here" and row.asked_by == account_name
                else "",
            )
            for row in fetches
        ],
    )


def day_sentence(cell: CellDay, language: Language) -> str:
    """One sentence on what a day's coverage rests on, for the board."""
    return language.text(
        "The recordings lie in the site's own store; bytes and locks are as its agent read them. %(bound)s"
    ) % {"bound": _bound(cell.samples, cell.chance_at_one_percent, cell.lost_at_most, language)} + (
        language.text(" Part of it does not count: nobody has proven for more than a day that it is still there.")
        if cell.unproven
        else ""
    )


def _state_of(row: FetchView) -> str:
    return OUTCOME["" if row.outcome is None else row.outcome]


def _agent(proof: AgentProof, language: Language, proven: str) -> AgentRow:
    text = language.text

    def number(count: int) -> str:
        return str(format_decimal(count, locale=language.locale))

    kept = text("%(all)s recordings, %(waiting)s of them wait for a proof and do not count yet") % {
        "all": number(proof.recordings),
        "waiting": number(proof.waiting),
    }
    asked = text("in 24 h %(asked)s leaves asked for: %(right)s right, %(wrong)s wrong, %(overdue)s unanswered") % {
        "asked": number(proof.asked),
        "right": number(proof.right),
        "wrong": number(proof.wrong),
        "overdue": number(proof.overdue),
    }
    chance = next(chance.chance for chance in proof.chances if chance.lost_fraction == 0.01)
    alert = ""
    if proof.unproven:
        alert = text(
            "No leaf drawn from all that is kept was answered for since %(when)s: none of it counts until an answer comes."
            " Start an agent of this site that reaches the store."
        ) % {"when": proven}
    elif proof.unsound:
        alert = text("%(num)s recordings were not proven when asked for and do not count") % {
            "num": number(proof.unsound)
        }
    return AgentRow(proof.agent_id, kept, asked, _bound(proof.samples, chance, proof.lost_at_most, language), alert)


def _bound(samples: int, chance: float, lost_at_most: float, language: Language) -> str:
    if not samples:
        return language.text("No leaf of what is kept was answered for in the last 24 h: nothing is known of it.")
    return language.text(
        "%(k)s leaves drawn at random were answered rightly in 24 h: had 1 %% of everything been lost, all of them would"
        " still have been right with a probability of %(chance)s, that is (1 − 0.01)^%(k)s. With 95 %% confidence at"
        " most %(lost)s was lost."
    ) % {
        "k": format_decimal(samples, locale=language.locale),
        "chance": format_percent(chance, "0.0##%", locale=language.locale),
        "lost": format_percent(lost_at_most, "0.0##%", locale=language.locale),
    }
