"""A form that was sent after its session had ended is shown again after signing in, to one account, and sends nothing itself."""

import re
from urllib.parse import urlencode

import pytest

from server.api.forms import FIELDS_MAX
from server.api.kept_forms import BYTES_MAX, FORMS_A_SOURCE_MAX, KEPT_US, NEVER_KEPT, SECRETS, KeptForms
from server.web.inspections import FINDINGS_IN_FORM
from server.web.pages import HERE
from tests.support.api import AUDITOR, OPERATOR, PASSWORD, add_accounts
from tests.support.clock import SimulatedClock

database_of_pages = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
PLACE = {"name": "二楼 · 阅览角", "kind": "activity", "password": "not-to-be-kept"}


@pytest.fixture
def client(api, agent, clock):
    add_accounts(api.parts.database, clock, "sunflower")
    return api.client(follow_redirects=False)


def sign_in(client, name: str):
    return client.post("/sign-in", data={"name": name, "password": PASSWORD, "next": "/kept"})


@database_of_pages
def test_what_was_typed_is_still_there_after_signing_in_and_goes_when_somebody_says_so(client):
    answer = client.post("/sites/sunflower/zones", data=PLACE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fkept")
    assert "httponly" in answer.headers["set-cookie"].lower()
    assert "samesite=strict" in answer.headers["set-cookie"].lower()
    assert sign_in(client, OPERATOR).headers["location"] == "/kept"
    page = client.get("/kept").text
    assert "二楼 · 阅览角" in page
    assert "not-to-be-kept" not in page
    assert "二楼 · 阅览角" not in client.get("/sites/sunflower/cameras").text
    [path] = re.findall(r'<form class="card fields" method="post" action="([^"]+)"', page)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page))
    assert client.post(path, data=fields).headers["location"] == "/sites/sunflower/cameras#places"
    assert "二楼 · 阅览角" in client.get("/sites/sunflower/cameras").text


@database_of_pages
def test_another_account_does_not_see_it_and_it_can_be_thrown_away(client):
    client.post("/sites/sunflower/zones", data=PLACE)
    sign_in(client, OPERATOR)
    assert "阅览角" in client.get("/kept").text
    client.post("/sign-out")
    sign_in(client, AUDITOR)
    assert client.get("/kept").headers["location"] == "/"
    client.post("/sign-out")
    sign_in(client, OPERATOR)
    assert client.post("/kept/forget").headers["location"] == "/sites/sunflower/zones"
    assert client.get("/kept").headers["location"] == "/"


@database_of_pages
def test_where_the_browser_knows_whose_session_it_was_nobody_else_sees_it_first(client, api):
    sign_in(client, OPERATOR)
    api.parts.sign_in.end_sessions(OPERATOR)
    client.post("/sites/sunflower/zones", data=PLACE)
    sign_in(client, AUDITOR)
    assert client.get("/kept").headers["location"] == "/"
    client.post("/sign-out")
    sign_in(client, OPERATOR)
    assert "阅览角" in client.get("/kept").text


@database_of_pages
@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/me/password", {"data": {"old": "a", "new": "b"}}),
        ("/sites/sunflower/zones", {"json": {"name": "x"}}),
        ("/sites/sunflower/zones", {"data": {}}),
        ("/sites/sunflower/plan", {"files": {"file": b"x"}}),
    ],
)
def test_what_is_no_form_of_ours_or_an_accounts_own_is_not_kept(client, path, options):
    answer = client.post(path, **options)
    assert answer.headers["location"].startswith("/sign-in")
    assert "nightlight-kept" not in answer.headers.get("set-cookie", "")


@database_of_pages
def test_what_comes_from_another_site_is_refused_and_not_kept(client, api):
    answer = client.post("/sites/sunflower/zones", data=PLACE, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403
    assert not api.parts.kept._forms


def test_it_is_bounded_in_time_number_size_and_by_source():
    clock = SimulatedClock()
    kept = KeptForms(clock)
    assert not kept.keep("/sites/a/zones", b"name=" + b"x" * BYTES_MAX, "one")
    assert not kept.keep("//elsewhere/zones", b"name=x", "one")
    assert not kept.keep("/sites/a/zones", b"\xff", "one")
    tokens = [kept.keep("/sites/a/zones", b"name=%d" % number, "one") for number in range(FORMS_A_SOURCE_MAX + 1)]
    assert kept.show(tokens[0], "lin") is None
    assert kept.show(tokens[1], "lin") is not None
    last = kept.keep("/sites/a/zones", b"name=x", "two")
    clock.advance(KEPT_US // 1_000_000 + 1)
    assert kept.show(last, "lin") is None
    assert kept.keep("/sites/a/zones", b"name=x", "two")
    assert len(kept._forms) == 1


def test_strangers_push_nothing_out_of_whoever_has_signed_in_and_an_office_of_many_is_no_source(monkeypatch):
    monkeypatch.setattr("server.api.kept_forms.FORMS_MAX", 40)
    kept = KeptForms(SimulatedClock())
    office = [kept.keep("/sites/a/zones", b"name=x", "one", f"browser-{each}", is_known=True) for each in range(20)]
    for number in range(100):
        kept.keep("/sites/a/zones", b"name=x", f"source-{number}")
    assert len(kept._forms) == 40
    assert all(kept.show(token, "lin", f"browser-{each}") for each, token in enumerate(office))
    more = [kept.keep("/sites/a/zones", b"name=x", "one", f"late-{each}", is_known=True) for each in range(20)]
    assert all(kept.show(token, "lin", f"late-{each}") for each, token in enumerate(more)), "strangers' go first"
    assert not kept.keep("/sites/a/zones", b"name=x", "stranger"), "and take no room then"
    assert kept.keep("/sites/a/zones", b"name=x", "one", "newest", is_known=True)
    assert kept.show(office[0], "lin", "browser-0") is None, "the oldest goes"
    monkeypatch.setattr("server.api.kept_forms.BYTES_ALL_MAX", 100)
    assert kept.keep("/sites/a/zones", b"name=" + b"x" * 90, "one", "long", is_known=True)
    assert len(kept._forms) == 1


@database_of_pages
def test_a_browser_is_known_by_what_this_server_wrote_and_by_nothing_else(client, api):
    sign_in(client, OPERATOR)
    written = client.cookies["nightlight-last"]
    api.parts.sign_in.end_sessions(OPERATOR)
    for cookie, known in ((written, True), (written[:-1], False), ("x" * 64, False), ("a.b.c.d", False)):
        client.cookies.set("nightlight-last", cookie)
        client.post("/sites/sunflower/zones", data=PLACE)
        assert [one.is_known for one in api.parts.kept._forms.values()][-1] is known, cookie


FORM = re.compile(r'<form([^>]*method="post"[^>]*)>(.*?)</form>', re.DOTALL)
TYPED = re.compile(r"<textarea\b[^>]*|<input\b(?![^>]*type=\"(?:hidden|radio|checkbox|file|password|submit)\")[^>]*")
WORDS = "谁、什么时候、为什么"


def test_every_form_of_the_pages_with_anything_typed_is_kept_whole():
    """Generated from the templates; a picture or a table that was chosen as a file has to be chosen again."""
    seen = {}
    for template in sorted((HERE / "templates").glob("*.html")):
        for opening, inside in FORM.findall(re.sub(r"\{\{.*?\}\}|\{%.*?%\}", "1", template.read_text())):
            names = [name for field in TYPED.findall(inside) for name in re.findall(r'\bname="([^"]+)"', field)]
            path = "/" + re.search(r'action="([^"]*)"', opening)[1].lstrip("/")
            if "multipart" in opening:
                assert 'type="file"' in inside
            elif names and not path.startswith(NEVER_KEPT):
                kept = KeptForms(SimulatedClock())
                token = kept.keep(path, urlencode(dict.fromkeys(names, WORDS)).encode(), "here")
                form = kept.show(token, "lin")
                assert form is not None, f"{template.name}: {path}"
                assert {name for name, _ in form.fields} == set(names) - {"password"}, f"{template.name}: {path}"
                assert WORDS in form.told
                seen[template.name] = names
            else:
                assert set(names) - {"name"} <= SECRETS or path.startswith(("/me", "/forgot")), (
                    f"{template.name}: {path}"
                )
    wanted = {"incident.html", "inspections.html", "complaints.html", "credit.html", "my_requests.html", "request.html"}
    assert wanted <= set(seen)
    assert len(seen) > 20
    assert 2 + 5 * FINDINGS_IN_FORM <= FIELDS_MAX, "the longest form"
