"""What the page about a site's own store says: what it rests on, how much was asked and answered, what that proves. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from babel.numbers import format_decimal, format_percent

from config.base.clock import to_datetime
from server.services.cells.fetch_from_cell import FetchView
from server.services.cells.read_cells import AgentProof, CellDay, OrdersView, SiteCell
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
NOT_BROUGHT = mark("not brought in time: its time is not verified until it comes, and it is asked for again")
ORDER = {
    "hold": mark("Hold"),
    "release": mark("End of a hold"),
    "extend": mark("Longer lock"),
    "delete": mark("Deletion"),
}
OVERDUE_ORDER = {
    "hold": mark(
        "%(num)s recordings are not known to be held, for more than an hour. The centre deletes none of them, but in the store"
        " they lie as before: start an agent of this site that reaches the store."
    ),
    "release": mark(
        "%(num)s recordings are not known to be free again, for more than a day: they stay until they are."
    ),
    "extend": mark(
        "%(num)s recordings are not known to be locked for as long as they have to be, for more than a day. Start an agent of"
        " this site that reaches the store."
    ),
    "delete": mark(
        "%(num)s recordings past their day are not known to be deleted, for more than a day. They stand on no certificate:"
        " look whether the store answers, and what it says."
    ),
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
class OrderRow:
    """What was asked for in the store and is not known to have come to pass; ``alert`` where it is overdue."""

    title: str
    pending: str
    alert: str
    said: str


@dataclass(frozen=True)
class CellPage:
    """Everything that the template shows."""

    agents: list[AgentRow]
    failed: list[FailedRow]
    fetches: list[FetchRow]
    orders: list[OrderRow]
    held: str
    deletion: str
    command: str


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
        orders=[_order(row, language) for row in site.orders],
        held=_held(site, language),
        deletion=_deletion(site, language),
        command=_command(site),
    )


def _order(row: OrdersView, language: Language) -> OrderRow:
    text, number = language.text, partial(format_decimal, locale=language.locale)
    late = row.overdue + row.given_up
    pending = text("%(num)s recordings: asked for, and not read back yet") % {"num": number(row.pending)}
    alert = text(OVERDUE_ORDER[row.action]) % {"num": number(late)} if late else ""
    said = text("The store answered last: %(said)s") % {"said": row.said} if row.said else ""
    return OrderRow(text(ORDER[row.action]), pending, alert, said)


def _held(site: SiteCell, language: Language) -> str:
    if not site.held + site.not_held:
        return ""
    figures = {
        "held": format_decimal(site.held, locale=language.locale),
        "all": format_decimal(site.held + site.not_held, locale=language.locale),
    }
    return (
        language.text("%(held)s of %(all)s recordings under a hold are held there, as the site's agent read them.")
        % figures
    )


def _deletion(site: SiteCell, language: Language) -> str:
    asked = site.deletion
    if asked is None:
        return ""
    figures = {
        "versions": format_decimal(asked.versions, locale=language.locale),
        "of": format_decimal(asked.of_versions, locale=language.locale),
    }
    if asked.confirmed_by is not None:
        return language.text("%(name)s has allowed %(versions)s of %(of)s recordings to be deleted there.") % {
            **figures,
            "name": asked.confirmed_by,
        }
    return (
        language.text(
            "%(versions)s of %(of)s recordings there are due to be deleted at once, more than half. Nothing goes until a"
            " person has looked why and confirms these figures:"
        )
        % figures
    )


def _command(site: SiteCell) -> str:
    asked = site.deletion
    if asked is None or asked.confirmed_by is not None:
        return ""
    figures = f"--versions {asked.versions} --of {asked.of_versions}"
    return f"python -m server.admin cell confirm-deletion {site.site_id} {figures} --as …"


def orders_text(site: SiteCell, language: Language) -> list[str]:
    """The same as on the page, line by line, for a terminal."""
    said = [line for line in (_deletion(site, language), _command(site), _held(site, language)) if line]
    for row in (_order(row, language) for row in site.orders):
        said += [f"{row.title}: {row.pending}", *(f"  {line}" for line in (row.alert, row.said) if line)]
    return said or [language.text("Nothing is on its way.")]


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
    return NOT_BROUGHT if row.outcome == "overdue" else OUTCOME["" if row.outcome is None else row.outcome]


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
        "chance": _at_most(chance, language),
        "lost": _at_most(lost_at_most, language),
    }


def _at_most(share: float, language: Language) -> str:
    """A bound in per cent, rounded up: none is ever called nothing."""
    return str(format_percent(ceil(share * 100_000) / 100_000, "0.0##%", locale=language.locale))
