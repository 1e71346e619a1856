"""Every route × every role, made from the routes themselves, so that a new one is covered by itself (I7).

What belongs to somebody else is answered as what does not exist; what no role may do is refused to all.
"""

import httpx
import pytest
from fastapi.routing import APIRoute

from config.base.roles import Relation, Role
from config.settings.server import load_server
from server.api.actions import action_of
from server.api.app import build_app
from server.api.gate import _open_endpoints
from server.domain.authorisation import Action, may, reach
from tests.support.api import serving, settings_for
from tests.support.nursery import OTHER, PEOPLE, Nursery

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
NOBODY = "nowhere"
FOREIGN = ("boss", "carer", "fitter", "police", "health", "root", "mum")
"""One of each role; none of them has anything to do with the other site."""
REFUSED = {400, 403, 404, 422}
"""400 and 422: what was sent is wrong before it is asked whose it is."""


def routes_of(parts) -> list[APIRoute]:
    found: list[APIRoute] = []
    for route in build_app(parts).routes:
        found += route.original_router.routes if hasattr(route, "original_router") else [route]
    return [route for route in found if route.endpoint not in _open_endpoints]


class Anything(dict[str, str]):
    """A value for every name of a path."""

    def __init__(self, site: str, camera: str) -> None:
        super().__init__(site=site, camera=camera, day="2026-11-23", agent=f"{site}-box", alarm_id="1", certificate="1")

    def __missing__(self, name: str) -> str:
        return "0" * 32


@pytest.fixture
def house(nursery: Nursery, tmp_path):
    with serving(load_server(settings_for(nursery.database, tmp_path)), nursery.clock) as api:
        api.nursery = nursery
        yield api


def client_of(house, name: str) -> httpx.Client:
    house.nursery.session(name)
    return house.client(follow_redirects=False, cookies={"nightlight": house.nursery.tokens[name]})


def one_for_each_relation(action: Action) -> list[str]:
    """People whose roles reach the action by different relations; who never may do it is in the test after."""
    found: list[str] = []
    covered: set[Relation] = set()
    for name in FOREIGN:
        by = reach(PEOPLE[name][0], action)
        if not by <= covered:
            covered |= by
            found.append(name)
    return found


def test_every_route_asks_for_an_action_and_somebody_may_do_it(house):
    for route in routes_of(house.parts):
        for method in route.methods:
            action = action_of(route.path, method)
            assert action is not None, f"server/api/actions.py does not say what {method} {route.path} asks for"
            assert any(reach(role, action) for role in Role), f"nobody may {action}"
    assert action_of("/sites/{site}/something-new", "GET") is None
    assert not any(may(role, action, "stranger") for role in Role for action in Action)


def test_what_is_somebody_elses_looks_like_what_is_not_there(house):
    routes = [route for route in routes_of(house.parts) if "{site}" in route.path or "{camera}" in route.path]
    assert len(routes) > 60
    clients = {name: client_of(house, name) for name in FOREIGN}
    wrong = []
    for route in routes:
        foreign = route.path.format_map(Anything(OTHER, "boat-cam-a"))
        missing = route.path.format_map(Anything(NOBODY, "no-cam"))
        for method in route.methods - {"HEAD"}:
            nothing = None
            for name in one_for_each_relation(action_of(route.path, method)):
                nothing = clients[name].request(method, missing) if nothing is None else nothing
                theirs = clients[name].request(method, foreign)
                if theirs.status_code not in REFUSED or theirs.status_code != nothing.status_code:
                    wrong.append((name, method, route.path, theirs.status_code, nothing.status_code))
    assert wrong == []


def test_a_role_is_refused_what_it_never_may_do_at_its_own_site_too(house):
    """One route of every action: by its action alone a route refuses, and that each has one is tested above."""
    clients = {name: client_of(house, name) for name in ("carer", "fitter", "mum", "root", "health")}
    asked = {
        action_of(route.path, method): (method, route.path)
        for route in routes_of(house.parts)
        for method in sorted(route.methods - {"HEAD"})
    }
    assert len(asked) > 20
    wrong = []
    for action, (method, template) in asked.items():
        path = template.format_map(Anything("sunflower", "cam-a"))
        for name, client in clients.items():
            if not reach(PEOPLE[name][0], action) and client.request(method, path).status_code != 403:
                wrong.append((name, method, template))
    assert wrong == []


def test_answers_for_a_person_are_kept_by_no_cache_and_framed_by_no_page(house):
    client = client_of(house, "boss")
    for path in ("/me", "/sites/sunflower", "/sites/sunflower/people", "/api/v1/sites", "/sites/boat", "/my/consents"):
        answer = client.get(path)
        assert answer.headers["cache-control"] in {"no-store", "private, no-store"}, path
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers


def test_a_change_from_another_page_is_refused_before_anything_is_read(house):
    client = client_of(house, "boss")
    for route in routes_of(house.parts):
        if "POST" in route.methods:
            path = route.path.format_map(Anything("sunflower", "cam-a"))
            for forged in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
                assert client.post(path, headers=forged).status_code == 403, path
