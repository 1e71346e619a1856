"""The side bar: what a role may do and nothing else; the page that one is on is marked."""

import pytest

from config.base.roles import Role
from server.domain.authorisation import Action, reach
from server.web.navigation import OF_SITE, Way, navigation


def _ways(role: str, here: str) -> list[Way]:
    return [way for group in navigation(role, here) for way in group.ways]


@pytest.mark.parametrize("role", list(Role))
def test_a_role_sees_the_pages_it_may_take_and_no_others(role: Role) -> None:
    shown = {way.path for way in _ways(role, "/sites/rabbit")}
    for _, lines in OF_SITE:
        for page, action, _ in lines:
            assert (f"/sites/rabbit{page}" in shown) == bool(reach(role, action))


def test_without_a_site_there_are_no_pages_of_a_site() -> None:
    assert not [way for way in _ways(Role.POLICE_AUDITOR, "/docket?page=2") if way.path.startswith("/sites")]


@pytest.mark.parametrize(
    ("here", "current"),
    [
        ("/sites/rabbit?day=2026-11-21", "/sites/rabbit"),
        ("/sites/rabbit/docket/abc", "/sites/rabbit/docket"),
        ("/sites/rabbit/found", "/sites/rabbit/cameras"),
        ("/notices", "/notices"),
    ],
)
def test_the_page_one_is_on_is_marked(here: str, current: str) -> None:
    assert [way.path for way in _ways(Role.FACILITY_MANAGER, here) if way.is_here] == [current]


def test_whoever_has_one_site_keeps_its_pages_on_their_own() -> None:
    ways = [way for group in navigation(Role.FACILITY_MANAGER, "/me", "rabbit") for way in group.ways]
    assert "/sites/rabbit/docket" in {way.path for way in ways}
    assert [way.path for way in ways if way.is_here] == ["/me"]


def test_an_unknown_role_has_no_ways_but_its_own_account() -> None:
    assert [way.path for way in _ways("visitor", "/sites/rabbit")] == []
    assert not reach("visitor", Action.ACCOUNT_OWN)
