"""Draws over real rows: the list first, the seed later, once; nobody outside of the region knows of it."""

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from config.base.clock import US_PER_DAY, to_datetime
from config.base.errors import Conflict, InvalidInput, NotFound
from server.admin.__main__ import main
from server.domain.draw import DrawList, draw
from server.services.registers.register import Register
from server.services.supervision.draw_inspections import DrawDesk, DrawOrder
from storage.database.models import Camera, Verdict
from storage.database.scope import AUDITOR, OPERATOR, Scope
from tests.support.sites import SigningAgent

PASSWORD = "correct horse battery"
CHIEF = Scope("chief", AUDITOR, "cn/sichuan")
ORDER = DrawOrder("cn/sichuan", "the lottery of tomorrow", ["chief", "town"], level=1, sites=1, inspectors=1)


@pytest.fixture
def desk(agent: SigningAgent, database, clock) -> DrawDesk:
    """Three sites, an inspector of the province and one of a town; sunflower's cameras missed something for five days."""
    register = Register(database, clock)
    register.add_site("boat", "小船", "cn/sichuan/luzhou2", "Asia/Shanghai")
    register.add_site("far", "远方", "cn/yunnan", "Asia/Shanghai")
    register.add_account("chief", AUDITOR, PASSWORD, [], "cn/sichuan")
    register.add_account("town", AUDITOR, PASSWORD, [], "cn/sichuan/luzhou")
    register.add_account("op", OPERATOR, PASSWORD, ["boat"])
    with database.unit_of_work() as session:
        camera = session.query(Camera).filter_by(site_id="sunflower").first()
        for number in range(1, 11):
            for status in ("UNVERIFIED", "NON_COMPLIANT" if number <= 5 else "COMPLIANT"):
                session.add(
                    Verdict(
                        camera_id=camera.id,
                        day=(to_datetime(clock.utc_us()) - timedelta(days=number)).date().isoformat(),
                        status=status,
                        final=True,
                        expected_us=US_PER_DAY,
                        covered_us=0,
                        assessed_us=clock.utc_us(),
                        gaps=b"[]",
                    )
                )
                session.flush()
    return DrawDesk(database, clock)


def test_a_list_is_made_drawn_from_once_and_drawn_again_by_anybody(desk: DrawDesk) -> None:
    made = desk.prepare(CHIEF, ORDER)
    before = desk.show(CHIEF, made)
    assert (before.seed, before.drawn, before.candidates) == (None, [], 2)
    desk.draw(CHIEF, made, "12 31 07")
    after = desk.show(CHIEF, made)
    again = draw(DrawList.parse(desk.listed(CHIEF, made)), "12 31 07")
    assert [(one.site_id, tuple(one.inspectors)) for one in after.drawn] == [
        (one.site_id, one.inspectors) for one in again
    ]
    assert {one.site_id: one.name for one in after.drawn} == {"boat": "小船", "sunflower": "向日葵托育园"}
    assert after.list_sha256 == before.list_sha256
    with pytest.raises(Conflict):
        desk.draw(CHIEF, made, "another")


def test_a_site_weighs_by_what_its_days_were_and_by_when_it_was_inspected(desk: DrawDesk) -> None:
    def weights() -> dict[str, int]:
        listed = DrawList.parse(desk.listed(CHIEF, made))
        return {site.site_id: site.weight for site in listed.sites}

    made = desk.prepare(CHIEF, ORDER)
    assert weights() == {"boat": 10 + 20 + 20 + 5, "sunflower": 10 + 20 + 20 + 5}
    desk.draw(CHIEF, made, "seed")
    made = desk.prepare(CHIEF, ORDER)
    assert weights() == {"boat": 10 + 20 + 5, "sunflower": 10 + 20 + 5}


def test_an_inspector_is_kept_from_where_they_have_an_interest(desk: DrawDesk, tmp_path: Path, monkeypatch) -> None:
    file = tmp_path / "server.toml"
    file.write_text(f'[database]\nurl = "{desk.database.engine.url.render_as_string(hide_password=False)}"\n')
    command = ["draw", "keep-from", "chief", "sunflower", "--reason", "a cousin runs it"]
    monkeypatch.setattr(sys, "argv", ["server.admin", "--settings", str(file), *command])
    assert main() == 0
    desk.declare(CHIEF, "chief", "sunflower", "said twice")
    made = desk.prepare(CHIEF, ORDER)
    desk.draw(CHIEF, made, "seed")
    assert {one.site_id: one.inspectors for one in desk.show(CHIEF, made).drawn} == {
        "boat": ["chief"],
        "sunflower": ["town"],
    }
    desk.declare(CHIEF, "town", "sunflower", "worked there")
    with pytest.raises(InvalidInput) as refused:
        desk.prepare(CHIEF, ORDER)
    assert refused.value.code == "too_few_inspectors"


@pytest.mark.parametrize(
    "person",
    [
        Scope("x", AUDITOR, "cn/yunnan"),
        Scope("x", AUDITOR, "cn/sichuan/luzhou"),
        Scope("op", OPERATOR),
        Scope("x", AUDITOR),
    ],
)
def test_nobody_else_knows_of_it(desk: DrawDesk, person: Scope) -> None:
    made = desk.prepare(CHIEF, ORDER)
    assert [one.id for one in desk.within_reach(CHIEF)] == [made]
    assert desk.within_reach(person) == []
    for act in (
        lambda: desk.show(person, made),
        lambda: desk.listed(person, made),
        lambda: desk.draw(person, made, "seed"),
        lambda: desk.prepare(person, ORDER),
        lambda: desk.declare(person, "chief", "boat" if person.region else "sunflower", "why"),
    ):
        with pytest.raises(NotFound):
            act()


def test_what_cannot_be_is_refused(desk: DrawDesk) -> None:
    for team in (["op", "chief"], ["nobody"], ["No Slug"], ["a\0"], ["chief"] * 2_001):
        with pytest.raises(InvalidInput):
            desk.prepare(CHIEF, DrawOrder("cn/sichuan", "x", team))
    with pytest.raises(InvalidInput):
        desk.declare(CHIEF, "chief", "boat", " ")
    with pytest.raises(NotFound):
        desk.declare(CHIEF, "op", "boat", "is no inspector")
    for act in (desk.show, desk.listed):
        with pytest.raises(NotFound):
            act(CHIEF, "\0")
    made = desk.prepare(CHIEF, ORDER)
    with pytest.raises(InvalidInput):
        desk.draw(CHIEF, made, "")
    assert desk.show(CHIEF, made).seed is None
