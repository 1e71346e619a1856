"""Every route × every role, made from the routes themselves, so that a new one is covered by itself (I7).

What belongs to somebody else is answered as what does not exist; what no role may do is refused to all.
"""

import re
import warnings

import httpx
import pytest
from fastapi.routing import APIRoute

from config.base.roles import Relation, Role
from config.settings.server import load_server
from server.api.actions import action_of
from server.api.app import build_app
from server.api.gate import _open_endpoints
from server.domain.authorisation import Action, may, reach
from storage.database.models import AccountSite, Camera, LegalHold, SupportAccess
from tests.support.api import serving, settings_for
from tests.support.nursery import OTHER, PEOPLE, Nursery

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
NOBODY = "nowhere"
FOR_EVERYBODY = {"/static/{name}", "/verify", "/worker.js", "/offline", "/public", "/public/{site}"}
"""The same for all, and kept by browsers."""
FOREIGN = ("boss", "carer", "fitter", "police", "health", "root", "mum")
"""One of each role; none of them has anything to do with the other site."""
REFUSED = {400, 403, 404, 422}
"""400 and 422: what was sent is wrong before it is asked whose it is."""


def every_route(parts) -> list[APIRoute]:
    found: list[APIRoute] = []
    for route in build_app(parts).routes:
        found += route.original_router.routes if hasattr(route, "original_router") else [route]
    return found


def routes_of(parts) -> list[APIRoute]:
    return [route for route in every_route(parts) if route.endpoint not in _open_endpoints]


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


def alike(text: str) -> str:
    """An answer without the names that the address itself had."""
    return re.sub(rf"{OTHER}(-cam-a|-box)?|{NOBODY}|no-cam|no-box|[05]{{32}}", "…", text)


def test_what_is_somebody_elses_looks_like_what_is_not_there(house):
    routes = [route for route in routes_of(house.parts) if "{site}" in route.path or "{camera}" in route.path]
    assert len(routes) > 60
    clients = {name: client_of(house, name) for name in FOREIGN}
    wrong = []
    for route in routes:
        foreign = route.path.format_map(Anything(OTHER, "boat-cam-a"))
        missing = route.path.format_map(Anything(NOBODY, "no-cam"))
        for method in route.methods - {"HEAD"}:
            names = one_for_each_relation(action_of(route.path, method))
            nothing = clients[names[0]].request(method, missing)
            for name in names:
                theirs = clients[name].request(method, foreign)
                same = name != names[0] or alike(theirs.text) == alike(nothing.text)
                if (theirs.status_code, nothing.status_code) != (404, 404) or not same:
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


def described(house) -> dict[str, set[str]]:
    """Path → methods, as the OpenAPI document has them: it is generated, so that a new route is in it by itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # one function answers GET and HEAD
        paths = build_app(house.parts).openapi()["paths"]
    return {path: {method.upper() for method in kinds} - {"HEAD"} for path, kinds in paths.items()}


def test_the_openapi_document_leaves_no_route_out(house):
    there: dict[str, set[str]] = {}
    for route in every_route(house.parts):
        there.setdefault(route.path, set()).update(route.methods - {"HEAD"})
    assert described(house) == there


def test_answers_for_a_person_are_kept_by_no_cache_and_framed_by_no_page(house):
    """Every path that can be read, by its manager: whatever the answer, a page, a refusal or a fault of the request."""
    client, kept, framed, wrong = client_of(house, "boss"), [], [], []
    for template, methods in described(house).items():
        if "GET" not in methods or template.endswith("/events"):
            continue
        answer = client.get(template.format_map(Anything("sunflower", "cam-a")))
        caching = answer.headers.get("cache-control", "")
        if caching not in {"no-store", "private, no-store", "no-store, private"} and template not in FOR_EVERYBODY:
            kept.append((template, caching))
        policy = answer.headers["content-security-policy"]
        if "frame-ancestors 'none'" not in policy or ("unsafe" in policy and template not in FOR_EVERYBODY):
            framed.append((template, policy))
        if answer.headers["x-content-type-options"] != "nosniff" or answer.headers["referrer-policy"] != "no-referrer":
            wrong.append(template)
        if "set-cookie" in answer.headers and template not in {"/language", "/sign-in/authority/back"}:
            wrong.append(template)
        if answer.status_code >= 500 and not template.startswith("/agent/"):
            wrong.append((template, answer.status_code))
    assert (kept, framed, wrong) == ([], [], [])


def test_a_change_from_another_page_is_refused_before_anything_is_read(house):
    """Every path that changes anything, those without a session too; but for agents and a provider, who carry no cookie."""
    client, tried = client_of(house, "boss"), 0
    for template, methods in described(house).items():
        path = template.format_map(Anything("sunflower", "cam-a"))
        for method in methods - {"GET"}:
            for forged in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
                refused = client.request(method, path, headers=forged)
                if not template.startswith(("/agent/", "/back-channel/")):
                    assert refused.status_code == 403, (method, path)
                    tried += 1
    assert tried > 150


def test_an_id_of_somebody_elses_opens_nothing_under_ones_own_site(house):
    """What hangs on a site is looked for there: an id of the other facility's is not found under this one's path."""
    house.nursery.add(
        SupportAccess(
            id="5" * 32, site_id=OTHER, asked_by="root", asked_us=house.nursery.now_us, reason="theirs", hours=1,
            lapses_us=house.nursery.now_us + 10**9,
        )
    )  # fmt: skip
    house.nursery.change(Camera, Camera.site_id == OTHER, name="Segelboot-91cc")
    client, foreign = client_of(house, "boss"), Anything("sunflower", "boat-cam-a")
    foreign |= {"agent": "boat-box", "support": "5" * 32}
    missing = Anything("sunflower", "no-cam")
    missing |= {"agent": "no-box"}
    wrong = []
    for template, methods in described(house).items():
        if not {"{camera}", "{agent}", "{support}"} & set(re.findall(r"{\w+}", template)) or template.startswith(
            "/agent/"
        ):
            continue
        for method in methods:
            answer = client.request(method, template.format_map(foreign))
            sent_wrong = "refused=" in answer.headers.get("location", "")
            nothing = client.request(method, template.format_map(missing))
            same = (answer.status_code, alike(answer.text)) == (nothing.status_code, alike(nothing.text))
            if not (answer.status_code in REFUSED | {503} or sent_wrong) or "Segelboot" in answer.text or not same:
                wrong.append((method, template, answer.status_code))
    assert wrong == []


def test_what_was_taken_away_is_gone_from_the_next_answer_on_whatever_was_kept_of_it(house):
    """The clock stands still: what was made for the answer before would still be fresh."""
    client = client_of(house, "boss")
    pages = ("/wall/board", "/sites/sunflower/board", "/sites/sunflower/setup/board")
    assert all("sunflower" in client.get(path).text for path in pages)
    with house.nursery.database.unit_of_work() as session:
        session.delete(session.get_one(AccountSite, ("boss", "sunflower")))
    wall, *others = (client.get(path) for path in pages)
    assert (wall.status_code, "sunflower" in wall.text) == (200, False)
    assert {answer.status_code for answer in others} == {404}


def test_the_day_as_json_tells_of_holds_whom_the_table_lets_read_of_them(house):
    now_us = house.nursery.now_us
    house.nursery.add(
        LegalHold(
            id="6" * 32, site_id="sunflower", start_us=now_us - 1, end_us=now_us, reason="a case", owner="police", placed_by="police",
            placed_us=now_us - 1, review_us=now_us - 1, on_store=True,
        )
    )  # fmt: skip
    path = "/api/v1/sites/sunflower/days/today"
    told = {
        name: client_of(house, name).get(path).json()["holds_due"]
        for name in ("boss", "police", "carer", "fitter", "health")
    }
    assert told == {"boss": 1, "police": 1, "carer": 0, "fitter": 0, "health": 0}
