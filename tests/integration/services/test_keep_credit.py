"""Credit files: entries stay as they were made, objections strike them, and nobody decides on their own."""

import pytest

from config.base.errors import Conflict, InvalidInput, NightlightError, NotFound, PermissionDenied
from server.domain.authorisation import Action, reach
from server.services.supervision.keep_credit import CreditDesk, EntryOrder
from storage.database.scope import AUDITOR, Scope
from tests.support.sites import SigningAgent

REACH = reach(AUDITOR, Action.SUPERVISE)
WANG, LI = (Scope(name, AUDITOR, "cn/sichuan", REACH) for name in ("wang", "li"))
ORDER = EntryOrder("safety", -45, "2020-01-01", "inspection", "the exit was blocked", "inspection 7")


@pytest.fixture
def desk(agent: SigningAgent, database, clock) -> CreditDesk:
    return CreditDesk(database, clock)


@pytest.fixture
def today(desk: CreditDesk) -> str:
    return desk.of_site(WANG, "sunflower").day


def entry(today: str, **changes: object) -> EntryOrder:
    told = {name: getattr(ORDER, name) for name in EntryOrder.__struct_fields__}
    return EntryOrder(**{**told, "day": today, **changes})


def test_a_file_without_entries_has_no_stars(desk: CreditDesk) -> None:
    assert desk.of_site(WANG, "sunflower").stars is None


def test_an_entry_counts_until_an_objection_is_upheld(desk: CreditDesk, today: str) -> None:
    made = desk.enter(WANG, "sunflower", entry(today))
    before = desk.of_site(WANG, "sunflower")
    assert (before.scores["safety"], before.tenths, before.stars) == (55, 943, 3)
    desk.object_to(LI, "sunflower", made, "it was not")
    with pytest.raises(Conflict):
        desk.object_to(LI, "sunflower", made, "once more")
    [objection] = desk.of_site(WANG, "sunflower").entries[0].objections
    for person in (WANG, LI):
        with pytest.raises(PermissionDenied):
            desk.decide(person, "sunflower", objection.id, upheld=True, answer="right")
    chief = Scope("chief", AUDITOR, "cn", REACH)
    desk.decide(chief, "sunflower", objection.id, upheld=True, answer="the picture shows it open")
    with pytest.raises(Conflict):
        desk.decide(chief, "sunflower", objection.id, upheld=False, answer="no")
    after = desk.of_site(WANG, "sunflower")
    assert (after.entries[0].struck, after.entries[0].counts, after.stars) == (True, False, None)
    assert (after.entries[0].told, after.entries[0].points) == (ORDER.told, ORDER.points)


def test_a_refused_objection_leaves_the_entry_and_may_be_followed_by_another(desk: CreditDesk, today: str) -> None:
    made = desk.enter(WANG, "sunflower", entry(today, points=-10))
    desk.object_to(LI, "sunflower", made, "it was not")
    [objection] = desk.of_site(WANG, "sunflower").entries[0].objections
    desk.decide(Scope("chief", AUDITOR, "cn", REACH), "sunflower", objection.id, upheld=False, answer="it was")
    assert desk.of_site(WANG, "sunflower").scores["safety"] == 90
    desk.object_to(LI, "sunflower", made, "here is a picture")


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "changes",
    [
        {"aspect": "luck"},
        {"kind": "rumour"},
        {"points": 101},
        {"day": "22.11.2026"},
        {"day": "2999-01-01"},
        {"told": " "},
        {"source": ""},
        {"told": "x" * 401},
        {"staff_id": "nobody"},
    ],
)
def test_what_is_no_entry_is_refused(desk: CreditDesk, today: str, changes: dict[str, object]) -> None:
    with pytest.raises(NightlightError) as refused:
        desk.enter(WANG, "sunflower", entry(today, **changes))
    assert isinstance(refused.value, InvalidInput | NotFound)
    assert desk.of_site(WANG, "sunflower").entries == []


def test_out_of_reach_is_not_there(desk: CreditDesk, today: str) -> None:
    made = desk.enter(WANG, "sunflower", entry(today))
    desk.object_to(LI, "sunflower", made, "it was not")
    [objection] = desk.of_site(WANG, "sunflower").entries[0].objections
    stranger = Scope("x", AUDITOR, "cn/yunnan", REACH)
    for act in (
        lambda: desk.of_site(stranger, "sunflower"),
        lambda: desk.enter(stranger, "sunflower", entry(today)),
        lambda: desk.object_to(stranger, "sunflower", made, "x"),
        lambda: desk.decide(stranger, "sunflower", objection.id, upheld=True, answer="x"),
        lambda: desk.object_to(WANG, "sunflower", "0" * 32, "x"),
        lambda: desk.decide(WANG, "sunflower", "0" * 32, upheld=True, answer="x"),
    ):
        with pytest.raises(NotFound):
            act()
