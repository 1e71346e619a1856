"""Escalation by policy: to whom the pack names, once, and also where a process dies between."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY
from server.domain.authorisation import Action, reach
from server.domain.maintenance import US_PER_HOUR
from server.services.compliance.choose_pack import choose_pack
from server.services.docket.desk import DocketDesk, Filter
from server.services.notices.escalate import Escalator
from server.services.notices.tell import ALARM, ESCALATION, ORDER
from storage.database import regions
from storage.database.models import (
    Account,
    CaseAct,
    DocketCase,
    NoticeEvent,
    RectificationActRow,
    RectificationOrder,
    Region,
    Site,
)
from storage.database.scope import Scope
from storage.database.unit_of_work import Database
from tests.integration.services.test_notices import LIN, ROOT, WANG, Office, mail, people  # noqa: F401 - a fixture
from tests.support.clock import SimulatedClock
from tests.support.receivers import MailReceiver

only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
REGULATOR = Scope(
    "chief", "health_regulator", "cn/sichuan/luzhou/longmatan", reach("health_regulator", Action.NOTICES_OWN)
)
OUTAGE = "a" * 32
CHILD = """
import os, signal, sys
from config.settings.server import load_server
from pathlib import Path
from server.runtime import open_database
from server.services.notices import escalate
from tests.support.clock import SimulatedClock

told, calls = escalate.tell, []
def tell(session, news):
    calls.append(news)
    if len(calls) == 2:
        session.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    return told(session, news)
escalate.tell = tell
clock = SimulatedClock()
clock.jump((int(sys.argv[2]) - clock.utc_us()) / 1_000_000)
escalate.Escalator(open_database(load_server(Path(sys.argv[1])).database), clock).look()
"""


@pytest.fixture
def house(people: Database, clock: SimulatedClock) -> Database:  # noqa: F811 - the fixture
    """Longmatan's pack, two managers, and authorities over the county, the city and everything."""
    with people.unit_of_work() as session:
        for name, region in (
            ("chief", "cn/sichuan/luzhou/longmatan"),
            ("mayor", "cn/sichuan/luzhou"),
            ("far", "cn/yunnan"),
        ):
            session.add(Account(name=name, role="health_regulator", region=region, password_hash="", created_us=0))
        session.get_one(Site, "sunflower").region = "cn/sichuan/luzhou/longmatan/xiaoshi"
    choose_pack(people, clock, "sunflower", "luzhou-longmatan")
    return people


def gap(database: Database, opened_us: int, incident: str = OUTAGE, status: str = "unexplained") -> None:
    with database.unit_of_work() as session:
        session.add(
            DocketCase(
                site_id="sunflower", camera_id="nap-room", incident_id=incident, cause="agent_offline", start_us=opened_us,
                end_us=opened_us + 1, missing_us=1, status=status, opened_us=opened_us, due_us=opened_us + US_PER_DAY,
            )
        )  # fmt: skip


def passed_on(database: Database) -> list[tuple[str, str]]:
    """(whom, what) of all news that was passed on."""
    with database.reading() as session:
        query = (
            select(NoticeEvent)
            .where(NoticeEvent.kind == ESCALATION)
            .order_by(NoticeEvent.at_us, NoticeEvent.for_account)
        )
        return [(row.for_account or "", row.about) for row in session.scalars(query)]


def test_a_gap_that_nobody_explains_goes_up_step_by_step_and_once(house, clock, mail_receiver: MailReceiver) -> None:
    office = Office(house, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, coalesce_s=0, digest_s=0)
    office.desk.subscribe(LIN, mail(kinds=["complaint"]))
    escalator = Escalator(house, clock)
    gap(house, clock.utc_us())
    gap(house, clock.utc_us(), "b" * 32, "explained")
    clock.advance(86_399)
    assert escalator.look() == 0
    clock.advance(1)
    assert [escalator.look() for _ in range(2)] == [1, 0]
    assert passed_on(house) == [("lin", "gap:agent_offline"), ("wang", "gap:agent_offline")]
    [message] = office.round()
    assert (message.account_name, message.state, message.kinds) == ("lin", "sent", ESCALATION)
    assert "Nobody has answered: Recording gap: site agent was off or out of reach" in message.title
    clock.advance(72 * 3_600)
    assert [escalator.look() for _ in range(2)] == [1, 0]
    assert passed_on(house)[2:] == [("chief", "gap:agent_offline")]
    assert [one.about for one in office.desk.mine(REGULATOR).passed_on] == ["gap:agent_offline"], (
        "without any channel too"
    )
    file = DocketDesk(house, clock).incident(LIN, "sunflower", OUTAGE)
    assert [(act.act, act.text, act.evidence) for act in file.acts] == [
        ("escalated", "lin, wang", ["rule:base.unexplained-gap"]),
        ("escalated", "chief", ["rule:base.unexplained-gap-county"]),
    ]
    assert file.incident.passed_on
    listed = DocketDesk(house, clock).listed(LIN, "sunflower", Filter())
    assert [one.passed_on for one in sorted(listed.incidents, key=lambda one: one.incident_id)] == [True, False]
    assert "base.unexplained-gap" in {step.rule for step in listed.steps}


@only_sqlite
def test_an_explanation_that_was_sent_back_begins_the_time_anew(house, clock) -> None:
    escalator = Escalator(house, clock)
    gap(house, clock.utc_us())
    clock.advance(90 * 3_600)
    with house.unit_of_work() as session:
        [case] = session.scalars(select(DocketCase))
        session.add(CaseAct(case_id=case.id, site_id="sunflower", at_us=clock.utc_us(), act="send_back", text="no"))
    assert escalator.look() == 0
    clock.advance(86_400)
    assert escalator.look() == 1
    assert {name for name, _ in passed_on(house)} == {"lin", "wang"}


@only_sqlite
def test_an_order_past_its_day_goes_to_the_county_and_then_to_the_city(house, clock) -> None:
    escalator, today = Escalator(house, clock), clock.utc_us() // US_PER_DAY
    with house.unit_of_work() as session:
        session.add(RectificationOrder(id="o" * 32, site_id="sunflower", rule="", told="x", incident_id=OUTAGE))
        session.flush()
        due = "2026-11-21"
        session.add(
            RectificationActRow(
                order_id="o" * 32, place=0, kind="ordered", at_us=clock.utc_us(), by="chief", told="x", due=due
            )
        )
    assert escalator.look() == 0, f"day {today}: it is due today"
    # The simulated noon is 20:00 at the site: its day ends in four hours.
    clock.advance(28 * 3_600 - 1)
    assert escalator.look() == 0
    clock.advance(1)
    assert [escalator.look() for _ in range(2)] == [1, 0]
    clock.advance(14 * 86_400)
    assert [escalator.look() for _ in range(2)] == [1, 0]
    assert passed_on(house) == [("chief", "order:overdue"), ("mayor", "order:overdue")]
    with house.reading() as session:
        acts = session.scalars(select(RectificationActRow).order_by(RectificationActRow.place)).all()
        assert [(act.kind, act.told) for act in acts] == [
            ("ordered", "x"),
            ("escalated", "base.overdue-order-county → chief"),
            ("escalated", "base.overdue-order-city → mayor"),
        ]
    with house.unit_of_work() as session:
        session.add(
            Account(name="vice", role="health_regulator", region="cn/sichuan/luzhou", password_hash="", created_us=0)
        )
    assert [escalator.look() for _ in range(2)] == [1, 0]
    with house.reading() as session:
        last = session.scalars(select(RectificationActRow).order_by(RectificationActRow.place.desc())).first()
        assert (last.place, last.told) == (3, "base.overdue-order-city → vice"), "later into the office, told then"


@only_sqlite
def test_an_urgent_notice_that_nobody_saw_goes_on_and_one_that_was_seen_does_not(house, clock, mail_receiver) -> None:
    office = Office(house, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, coalesce_s=0, digest_s=0)
    office.desk.subscribe(LIN, mail(kinds=["order"]))
    escalator = Escalator(house, clock)
    office.happen("order:1:act:1", kind=ORDER, about="suspended", urgent=True)
    office.happen("order:2:act:1", kind=ORDER, about="suspended", urgent=True)
    office.happen("gap:1")
    messages = office.round()
    assert [message.events for message in messages] == [2]
    clock.advance(1_800)
    assert escalator.look() == 4
    office.desk.seen(LIN, messages[0].id)
    clock.advance(4 * 3_600)
    assert escalator.look() == 0, "somebody has seen it"
    assert {name for name, _ in passed_on(house)} == {"lin", "wang"}
    office.happen("alarm:77", kind=ALARM, about="panic", urgent=True)
    office.round()
    clock.advance(4 * 3_600)
    assert escalator.look() == 3, "to both managers and the county at once"


@only_sqlite
def test_whose_office_it_is(house, clock) -> None:
    """Nobody at the county: the next above. The level that the register names holds before the place on the path."""
    escalator = Escalator(house, clock)
    gap(house, clock.utc_us() - 100 * US_PER_HOUR)
    with house.unit_of_work() as session:
        regions.ensure(session, "cn/sichuan/luzhou/longmatan")
        session.get_one(Region, "cn/sichuan/luzhou/longmatan").level = "town"
    assert escalator.look() == 2
    assert {name for name, _ in passed_on(house)} == {"lin", "wang", "mayor"}
    gap(house, clock.utc_us() - 100 * US_PER_HOUR, "c" * 32)
    with house.unit_of_work() as session:
        session.get_one(Account, "mayor").locked_us = 1
    assert escalator.look() == 2
    with house.reading() as session:
        county = select(CaseAct.text).where(CaseAct.evidence == "rule:base.unexplained-gap-county")
        assert list(session.scalars(county.order_by(CaseAct.id))) == ["mayor", ""], "nobody holds that office"
    with house.unit_of_work() as session:
        session.get_one(Account, "mayor").locked_us = None
        session.add(
            Account(name="vice", role="health_regulator", region="cn/sichuan/luzhou", password_hash="", created_us=0)
        )
    assert [escalator.look() for _ in range(2)] == [2, 0], "whoever takes an office hears of what stands, once"
    with house.reading() as session:
        assert list(session.scalars(county.order_by(CaseAct.id)))[2:] == ["vice", "mayor, vice"]
    assert [name for name, _ in passed_on(house)].count("mayor") == 2


@only_sqlite
def test_a_step_is_taken_once_though_a_process_dies_in_it(house, clock, mail_receiver, tmp_path: Path) -> None:
    office = Office(house, clock, smtp_host="127.0.0.1", smtp_port=mail_receiver.port, coalesce_s=0, digest_s=0)
    office.desk.subscribe(LIN, mail())
    office.desk.subscribe(WANG, mail("wang@example.org"))
    gap(house, clock.utc_us() - 25 * US_PER_HOUR)
    file = tmp_path / "server.toml"
    file.write_text(f'[database]\nurl = "{house.engine.url.render_as_string(hide_password=False)}"\n')
    child = subprocess.run(
        [sys.executable, "-c", CHILD, str(file), str(clock.utc_us())],
        cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False,
    )  # fmt: skip
    assert child.returncode == -signal.SIGKILL
    assert passed_on(house) == [], "of a step that was cut off nothing stands"
    escalator = Escalator(house, clock)
    assert [escalator.look() for _ in range(2)] == [1, 0]
    for _ in range(2):
        office.round()
    assert sorted(mail.rcpt_tos[0] for mail in mail_receiver.mails) == ["lin@example.org", "wang@example.org"]
    with house.reading() as session:
        assert [act.act for act in session.scalars(select(CaseAct))] == ["escalated"]


def test_no_pack_names_nobody(people: Database, clock) -> None:  # noqa: F811 - the fixture
    gap(people, clock.utc_us() - 100 * US_PER_HOUR)
    assert Escalator(people, clock).look() == 0
