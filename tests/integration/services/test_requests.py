"""What cannot be masked is never shown; nobody finds another's request; a yes holds the recording."""

import io

import av
import numpy as np
import pytest
from sqlalchemy import select

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.errors import Conflict, NotFound, PermissionDenied, ResourceExhausted, Unavailable
from config.base.roles import Role
from config.base.timespan import Span
from server.domain.requests import State
from server.services.custody.hold_recordings import HoldKeeper
from server.services.people.answer_footage import Answer, AnswerDesk
from server.services.people.ask_footage import AskDesk, Wish
from server.services.people.mask_footage import FootageMasker
from server.services.registers.import_registers import RegisterImporter
from storage.database.models import (
    Account,
    AccountSite,
    CameraSight,
    Child,
    ChildRoom,
    ClassGroup,
    FootageRequest,
    Guardian,
    GuardianAccount,
    GuardianChild,
    LegalHold,
    MaskedPart,
    Zone,
    ZoneWord,
)
from storage.database.scope import Scope
from tests.support.clock import SimulatedClock, present_us
from tests.support.footage import FootageSite
from tests.support.sites import known_since

pytestmark = pytest.mark.either_pair
SITE = "sunflower"
MUM, DAD = (Scope(name, Role.GUARDIAN, reach=frozenset({"child"})) for name in ("mum", "dad"))
BOSS = Scope("boss", Role.FACILITY_MANAGER, reach=frozenset({"site"}))
CARER = Scope("boss", Role.FACILITY_STAFF, reach=frozenset({"site"}))


class House:
    """A site whose class is in the recorded room; mum is a guardian there, dad is not approved yet."""

    def __init__(self, database, store, kind: str) -> None:
        self.clock = SimulatedClock(present_us())
        self.database = database
        self.footage = FootageSite(database, store.evidence, self.clock).add(kind)
        with database.unit_of_work() as session:
            for name, role in (("mum", "guardian"), ("dad", "guardian"), ("boss", "facility_manager")):
                session.add(Account(name=name, role=role, region="", password_hash="", created_us=1))
            session.add(ClassGroup(site_id=SITE, id="small", name="小一班", kind="mixed", zone_id="nap"))
            session.flush()
            session.add(AccountSite(account_name="boss", site_id=SITE))
            session.add(Child(site_id=SITE, id="c1", class_id="small"))
            for number, name in enumerate(("mum", "dad")):
                session.add(Guardian(site_id=SITE, id=name))
                session.flush()
                session.add(GuardianChild(site_id=SITE, guardian_id=name, child_id="c1"))
                bond = {"account_name": name, "site_id": SITE, "guardian_id": name, "joined_us": 1}
                session.add(GuardianAccount(**bond, approved_us=None if number else 2))
            known_since(session, 1)
        self.asks = AskDesk(database, self.clock, 90)
        self.answers = AnswerDesk(database, self.clock, HoldKeeper(database, self.clock), store.evidence)
        self.masker = FootageMasker(database, store.evidence, self.clock)

    def wish(self, **changed: object) -> Wish:
        start_us = self.footage.recordings[0].start_us
        values = {"site_id": SITE, "child_id": "c1", "camera_id": self.footage.camera_id, "why": "a bump on the head"}
        return Wish(**{**values, "span": Span(start_us + 2 * US_PER_S, start_us + 12 * US_PER_S), **changed})

    def count(self, model) -> int:
        with self.database.reading() as session:
            return session.query(model).count()

    def state(self, request_id: str) -> State:
        return self.asks.one(MUM, request_id).state


@pytest.fixture
def house(database, object_store, request) -> House:
    return House(database, object_store, getattr(request, "param", "sound"))


@pytest.mark.parametrize("house", ["garbage"], indirect=True)
def test_what_cannot_be_masked_is_answered_another_way_and_never_shown(house):
    asked = house.asks.ask(MUM, house.wish())
    house.answers.answer(BOSS, SITE, asked, Answer("masking", "you can see it", (0, 1)))
    assert house.masker.step()
    assert (house.state(asked), house.count(MaskedPart)) == (State.FAILED, 0)
    with pytest.raises(Conflict):
        house.answers.release(BOSS, SITE, asked)
    house.answers.answer(BOSS, SITE, asked, Answer("in_person", "come and look on Friday"))
    assert (house.state(asked), house.count(LegalHold)) == (State.IN_PERSON, 1)
    for attempt in (lambda: house.asks.look(MUM, asked, ""), lambda: house.asks.part(MUM, asked, 0)):
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(Conflict):
        house.answers.answer(BOSS, SITE, asked, Answer("declined", "or rather not"))


def test_what_was_not_chosen_holds_no_more_than_a_hundred_and_forty_four_points(house):
    asked = house.asks.ask(MUM, house.wish())
    house.answers.answer(BOSS, SITE, asked, Answer("masking", "you can see it", (0,)))
    assert house.masker.step()
    assert not house.masker.step()
    data, _ = house.answers.part(BOSS, SITE, asked, 0, "here")
    with av.open(io.BytesIO(data)) as container:
        pictures = [frame.to_ndarray(format="gray") for frame in container.decode(video=0)]
        assert not container.streams.audio
    assert 8 <= len(pictures) <= 12
    for picture in pictures:
        masked = picture[60:, 80:].astype(float)
        fine = np.abs(np.diff(masked, axis=1)).max()
        assert fine < 24, "an edge as sharp as that was not drawn from 16 x 9 points"
    with pytest.raises(NotFound):
        house.asks.look(MUM, asked, "")  # nobody has released it
    house.answers.release(BOSS, SITE, asked)
    with pytest.raises(PermissionDenied):
        house.asks.part(MUM, asked, 0)
    house.asks.look(MUM, asked, "")
    assert house.asks.part(MUM, asked, 0)[0] == data
    with house.database.unit_of_work() as session:
        session.delete(session.get_one(GuardianChild, (SITE, "mum", "c1")))
    with pytest.raises(NotFound):
        house.asks.part(MUM, asked, 0)


def test_what_nobody_has_looked_through_since_it_was_made_is_not_released(house):
    asked = house.asks.ask(MUM, house.wish())

    def made() -> None:
        house.answers.answer(BOSS, SITE, asked, Answer("masking", "you can see it", (0,)))
        assert FootageMasker(house.database, house.masker.store, house.clock, lambda *_: b"masked").step()

    made()
    with pytest.raises(Conflict, match="look the pictures through"):
        house.answers.release(BOSS, SITE, asked)
    house.clock.advance(1)
    house.answers.part(BOSS, SITE, asked, 0, "here")
    house.clock.advance(1)
    made()  # by a colleague, with other fields
    with pytest.raises(Conflict, match="look the pictures through"):
        house.answers.release(BOSS, SITE, asked)
    house.answers.part(BOSS, SITE, asked, 0, "here")
    house.answers.release(BOSS, SITE, asked)
    assert house.state(asked) == State.SHOWN


def test_what_the_camera_saw_then_counts_and_not_only_what_it_sees_now(house):
    span, camera_id = house.wish().span, house.footage.camera_id
    there = {"site_id": SITE, "camera_id": camera_id, "from_us": 1}
    with house.database.unit_of_work() as session:
        session.add(CameraSight(**there, zone_id="other-class", until_us=span.start_us + 1))
    with pytest.raises(NotFound, match="another room"):
        house.asks.ask(MUM, house.wish())
    asked = house.asks.ask(MUM, house.wish(span=Span(span.start_us + 1, span.end_us)))
    with house.database.unit_of_work() as session:
        session.add(ZoneWord(site_id=SITE, zone_id="nap", kind="toilet", from_us=1, until_us=span.end_us))
    with pytest.raises(NotFound):
        house.answers.still(BOSS, SITE, asked, "")
    house.answers.answer(BOSS, SITE, asked, Answer("masking", "you can see it"))
    assert house.masker.step()
    assert (house.state(asked), house.asks.one(MUM, asked).fault) == (State.FAILED, "forbidden_zone")


def test_the_class_of_that_moment_counts_and_neither_the_past_of_the_next_room_nor_an_unknown_one(house):
    span = house.wish().span

    def move(class_id: str, at_us: int) -> None:
        importer = RegisterImporter(house.database, SimulatedClock(at_us))
        sheet = f"site,child,class\n{SITE},c1,{class_id}\n".encode()
        assert importer.put(None, None, "children", sheet).done

    with house.database.unit_of_work() as session:
        session.add(Zone(site_id=SITE, id="upstairs", name="upstairs", kind="activity"))
        session.flush()
        session.add(ClassGroup(site_id=SITE, id="big", name="大班", kind="mixed", zone_id="upstairs"))
    shown = house.asks.ask(MUM, house.wish(span=Span(span.start_us, span.start_us + US_PER_S)))
    with house.database.unit_of_work() as session:
        row = session.get_one(FootageRequest, shown)
        row.state, row.until_us = State.SHOWN, house.clock.utc_us() + US_PER_DAY
    move("big", span.start_us + 5 * US_PER_S)
    assert [one.camera_id for one in house.asks.askable(MUM)] == [house.footage.camera_id], (
        "its past is still the child's"
    )
    assert house.asks.look(MUM, shown, ""), "and what was answered is still shown"
    for wanted in (span, Span(span.start_us + 5 * US_PER_S, span.end_us)):
        with pytest.raises(NotFound) as refused:
            house.asks.ask(MUM, house.wish(span=wanted))
        assert refused.value.code == "not_then"
    assert house.asks.ask(MUM, house.wish(span=Span(span.start_us, span.start_us + 5 * US_PER_S)))
    move("small", span.start_us + 8 * US_PER_S)
    assert house.asks.ask(MUM, house.wish(span=Span(span.start_us + 8 * US_PER_S, span.end_us)))
    with house.database.unit_of_work() as session:  # a pseudonym that was gone may be another child's since
        for row in session.scalars(select(ChildRoom).where(ChildRoom.from_us < span.start_us + 6 * US_PER_S)):
            row.until_us = min(row.until_us, span.start_us + 7 * US_PER_S)
    with pytest.raises(NotFound):
        house.asks.ask(MUM, house.wish(span=Span(span.start_us, span.start_us + US_PER_S)))
    with pytest.raises(NotFound):
        house.asks.look(MUM, shown, "")


def test_a_request_is_its_guardians_and_its_facilitys_alone(house):
    asked = house.asks.ask(MUM, house.wish())
    with pytest.raises(NotFound):
        house.asks.one(DAD, asked)
    with pytest.raises(PermissionDenied):
        house.answers.one(CARER, SITE, asked)
    with pytest.raises(NotFound):
        house.answers.one(Scope("else", Role.FACILITY_MANAGER, reach=frozenset({"site"})), SITE, asked)
    for person, wish in ((DAD, house.wish()), (MUM, house.wish(camera_id="gate")), (MUM, house.wish(child_id="c2"))):
        with pytest.raises(NotFound):
            house.asks.ask(person, wish)
    for _ in range(2):
        house.asks.ask(MUM, house.wish())
    with pytest.raises(ResourceExhausted):
        house.asks.ask(MUM, house.wish())
    assert len(house.answers.of_site(BOSS, SITE)[1]) == 3
    with house.database.unit_of_work() as session:
        session.get_one(Zone, (SITE, "nap")).kind = "toilet"
    with pytest.raises(NotFound):
        house.answers.still(BOSS, SITE, asked, "")
    assert house.asks.askable(MUM) == []


def test_a_store_that_is_away_is_asked_again_for_an_hour(house, monkeypatch):
    asked = house.asks.ask(MUM, house.wish())
    house.answers.answer(BOSS, SITE, asked, Answer("masking", "you can see it"))

    def away(*_: object) -> bytes:
        raise Unavailable("no decoder", code="not_decoded")

    masker = FootageMasker(house.database, house.masker.store, house.clock, away)
    with pytest.raises(Unavailable):
        masker.step()
    assert house.state(asked) == State.MASKING
    house.clock.advance(3_601)
    assert masker.step()
    assert house.state(asked) == State.FAILED
    house.answers.answer(BOSS, SITE, asked, Answer("masking", "once more"))
    assert house.masker.step()
    house.clock.advance(15 * US_PER_DAY / US_PER_S)
    assert house.masker.tidy() == 1
    assert (house.state(asked), house.count(MaskedPart)) == (State.FAILED, 0)
