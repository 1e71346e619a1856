"""One table decides; what it does not allow is refused (I7)."""

import pytest

from config.base.roles import ADDED_ROLES, REGION_ROLES, SITE_ROLES, Relation, Role
from server.domain.authorisation import ALLOWED, SCREENS, Action, may, reach


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


def test_both_authorities_may_look_and_only_the_police_takes_footage_away():
    for action in (Action.LIVE, Action.PLAYBACK):
        assert reach(Role.HEALTH_REGULATOR, action) == reach(Role.POLICE_AUDITOR, action) == {Relation.REGION}
    for action in (Action.PICTURE_READ, Action.CUSTODY_READ, Action.CUSTODY_ACT, Action.CELL_FETCH):
        assert reach(Role.HEALTH_REGULATOR, action) == frozenset()
        assert reach(Role.POLICE_AUDITOR, action) == {Relation.REGION}


@pytest.mark.parametrize(
    ("action", "roles"),
    [
        (Action.LIVE, {Role.FACILITY_MANAGER, Role.HEALTH_REGULATOR, Role.POLICE_AUDITOR, Role.GUARDIAN}),
        (Action.PLAYBACK, {Role.FACILITY_MANAGER, Role.HEALTH_REGULATOR, Role.POLICE_AUDITOR}),
        (Action.SETUP, {Role.FACILITY_MANAGER, Role.INSTALLER}),
        (Action.PEOPLE_MANAGE, {Role.FACILITY_MANAGER}),
        (Action.SUPERVISE, {Role.HEALTH_REGULATOR, Role.POLICE_AUDITOR}),
        (Action.SUPPORT_APPROVE, {Role.FACILITY_MANAGER}),
    ],
)
def test_what_matters_most_is_allowed_to_those_named_here_and_to_nobody_else(action, roles):
    assert {role for role in Role if reach(role, action)} == roles


@pytest.mark.parametrize("only", SCREENS)
def test_a_session_for_one_screen_opens_nothing_else(only):
    for role in Role:
        for action in Action:
            assert reach(role, action, only) == (reach(role, action) if action in SCREENS[only] else frozenset())
        assert not any(reach(role, action, "another screen") for action in Action)


def test_everybody_has_the_own_account_and_nobody_elses():
    for role in Role:
        assert reach(role, Action.ACCOUNT_OWN) == {Relation.SELF}
        assert Relation.ANY not in reach(role, Action.COVERAGE_READ)


def test_support_reads_how_machines_do_and_nothing_else():
    """Allowed by name: whatever comes later is refused to it."""
    allowed = {action for action in Action if Relation.SUPPORT in reach(Role.PLATFORM_ADMIN, action)}
    assert allowed == {Action.COVERAGE_READ, Action.AUDIT_READ, Action.CELL_READ}
    for role in set(Role) - {Role.PLATFORM_ADMIN}:
        assert not any(may(role, action, Relation.SUPPORT) for action in Action)


def test_a_guardian_reaches_rooms_of_children_and_the_own_account_alone():
    assert {relation for action in Action for relation in reach(Role.GUARDIAN, action)} == {
        Relation.CHILD,
        Relation.SELF,
        Relation.ANY,
    }
    assert reach(Role.GUARDIAN, Action.HOME) == {Relation.ANY}
