"""The words about a site's own store: what it rests on is said, and the bound with its figures."""

import msgspec

from server.services.cells.fetch_from_cell import FetchView
from server.services.cells.read_cells import (
    AgentProof,
    CellDay,
    FailedChallenge,
    MissChance,
    OrdersView,
    SiteCell,
    WaitingDeletion,
)
from server.web.cells import OUTCOME, day_sentence, make_cell, orders_text
from server.web.languages import load_languages

EN, ZH = (load_languages()[tag] for tag in ("en", "zh-CN"))
NOON_US = 1_795_262_400_000_000


def proof(**changed: object) -> AgentProof:
    fields = {
        "agent_id": "box",
        "recordings": 1_440,
        "waiting": 7,
        "unsound": 0,
        "asked": 600,
        "right": 598,
        "overdue": 1,
        "wrong": 1,
        "samples": 299,
        "lost_at_most": 0.00997,
        "chances": [MissChance(0.01, 0.0495)],
        "last_answer_us": NOON_US,
        "challenge_bytes": 1,
    }
    return AgentProof(**(fields | changed))  # type: ignore[arg-type]


def site(*proofs: AgentProof) -> SiteCell:
    failed = FailedChallenge("nap", "s" * 32, NOON_US, NOON_US + 1, 3, "object_corrupt", NOON_US, "")
    return SiteCell("sunflower", "Sunflower", "Asia/Shanghai", NOON_US, NOON_US, list(proofs), [failed])


def test_the_bound_is_stated_with_its_figures() -> None:
    said = make_cell(site(proof()), [], {"nap": "Nap room"}, EN)
    assert "299 leaves" in said.agents[0].bound
    assert "4.95%" in said.agents[0].bound
    assert "(1 − 0.01)^299" in said.agents[0].bound
    assert "0.997%" in said.agents[0].bound
    assert said.agents[0].alert == ""
    assert (said.failed[0].camera, said.failed[0].what) == ("Nap room", "changed")
    assert "299" in make_cell(site(proof()), [], {}, ZH).agents[0].bound


def test_nothing_known_is_said_to_be_nothing_and_what_failed_is_told() -> None:
    said = make_cell(site(proof(samples=0, unsound=2)), [], {}, EN).agents[0]
    assert "nothing is known" in said.bound
    assert said.alert.startswith("2 recordings")


def test_what_nobody_answers_for_is_said_with_its_instant_and_what_to_do() -> None:
    stale = proof(unsound=2, proven_us=NOON_US, unproven=True)
    said = make_cell(site(stale), [], {}, EN).agents[0].alert
    assert "since 2026-11-21 " in said
    assert "Start an agent" in said
    assert "一律不计入" in make_cell(site(stale), [], {}, ZH).agents[0].alert
    assert "does not count" in day_sentence(CellDay(5, 0.45, 0.95, unproven=True), EN)
    assert "不计入" in day_sentence(CellDay(5, 0.45, 0.95, unproven=True), ZH)


def test_the_board_says_whose_word_it_is() -> None:
    assert "as its agent read them" in day_sentence(CellDay(5, 0.45, 0.95), EN)
    assert "以园内主机读取的为准" in day_sentence(CellDay(0, 1.0, 1.0), ZH)


def test_a_recording_can_be_played_only_while_it_is_here() -> None:
    for outcome in (None, *OUTCOME):
        view = FetchView(
            "f" * 32, "nap", "s" * 32, NOON_US, NOON_US + 1, "police", "why", NOON_US, NOON_US, outcome or None
        )
        (row,) = make_cell(site(), [view], {}, EN, "police").fetches
        assert not make_cell(site(), [view], {}, EN, "another").fetches[0].link
        assert bool(row.link) == (outcome == "here")
        assert row.state


def test_what_is_on_its_way_is_said_and_what_is_overdue_says_what_to_do() -> None:
    orders = [OrdersView("hold", 12, 3, 1, "403"), OrdersView("delete", 5, 0, 0, "")]
    told = msgspec.structs.replace(
        site(proof()), orders=orders, held=88, not_held=12, deletion=WaitingDeletion(60, 100, None)
    )
    said = make_cell(told, [], {}, EN)
    assert [row.title for row in said.orders] == ["Hold", "Deletion"]
    assert said.orders[0].alert.startswith("4 recordings are not known to be held")
    assert said.orders[0].said == "The store answered last: 403"
    assert said.orders[1].alert == ""
    assert said.held.startswith("88 of 100")
    assert "60 of 100" in said.deletion
    assert said.command.endswith("cell confirm-deletion sunflower --versions 60 --of 100 --as …")
    assert orders_text(told, EN)[1] == said.command
    allowed = msgspec.structs.replace(told, deletion=WaitingDeletion(60, 100, "li"))
    assert make_cell(allowed, [], {}, ZH).command == ""
    assert "li" in make_cell(allowed, [], {}, ZH).deletion
    assert orders_text(site(), ZH) == ["没有待确认的事项。"]
    assert "保全" in make_cell(told, [], {}, ZH).orders[0].alert
