"""One table decides; what it does not allow is refused (I7)."""

import pytest

from config.base.roles import ADDED_ROLES, REGION_ROLES, SITE_ROLES, Relation, Role
from server.domain.authorisation import ALLOWED, Action, may, reach


def test_strangers_and_unknown_words_are_refused_everything():
    for role in Role:
        for action in Action:
            assert not may(role, action, Relation.STRANGER)
            assert not may("operator", action, Relation.SITE)
            assert not may(role, action, "owner")
        assert not may(role, "everything", Relation.ANY)


def test_each_role_stands_to_things_in_its_own_way():
    for role, lines in ALLOWED.items():
        expected = {Relation.SITE} if role in SITE_ROLES else {Relation.REGION} if role in REGION_ROLES else None
        if expected is not None:
            assert set(lines) == expected
    assert set(ALLOWED) == set(Role)
    assert Role.GUARDIAN not in ADDED_ROLES


@pytest.mark.parametrize("action", [Action.LIVE, Action.PLAYBACK, Action.PICTURE_READ, Action.CUSTODY_ACT])
def test_whoever_runs_the_platform_sees_nobodys_pictures(action):
    assert reach(Role.PLATFORM_ADMIN, action) == frozenset()
    assert reach(Role.HEALTH_REGULATOR, action) == frozenset()


def test_a_guardian_reaches_rooms_of_children_and_the_own_account_alone():
    assert {relation for action in Action for relation in reach(Role.GUARDIAN, action)} == {
        Relation.CHILD,
        Relation.SELF,
        Relation.ANY,
    }
    assert reach(Role.GUARDIAN, Action.HOME) == {Relation.ANY}
