"""What a person reads where something could not be done: the right status, in their language, what to do, and a way on."""

import re

import pytest

from config.base.errors import Conflict, InvalidInput, NotFound, PermissionDenied, ResourceExhausted, Unavailable
from config.settings.server import load_server
from server.services.coverage.read_day import DayReader
from server.services.supervision.publish import Publisher
from storage.database.unit_of_work import Database
from tests.support.api import OPERATOR, PASSWORD, add_accounts, serving, settings_for

SAID = {
    400: (InvalidInput("x"), "look over what you filled in", "检查所填内容"),
    403: (PermissionDenied("x"), "ask whoever manages accounts", "账号"),
    404: (NotFound("x"), "Check the address", "地址"),
    409: (Conflict("x"), "nothing of yours was carried out", "没有生效"),
    429: (ResourceExhausted("x", code="too_many_attempts"), "Wait five minutes", "五分钟"),
    500: (RuntimeError("x"), "tell whoever runs this server", "系统管理员"),
    503: (Unavailable("10.1.2.3 refused"), "Try again in a few seconds", "过几秒再试"),
}
RETRY = {429: "300", 503: "5"}


@pytest.fixture
def client(api, agent, clock):
    add_accounts(api.parts.database, clock, "sunflower")
    return api.client(follow_redirects=False)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_every_status_says_what_to_do_to_a_reader_and_to_a_stranger(client, monkeypatch):
    raised: list[Exception] = []

    def fail(*_args):
        raise raised[-1]

    monkeypatch.setattr(Publisher, "sites", fail)
    monkeypatch.setattr(DayReader, "sites", fail)
    client.post("/sign-in", data={"name": OPERATOR, "password": PASSWORD})
    for status, (error, *words) in SAID.items():
        raised.append(error)
        for path, is_known in (("/public", False), ("/", True)):
            for language, wanted in zip(("en", "zh-CN"), words, strict=True):
                answer = client.get(path, headers={"Accept-Language": language, "Connection": "close"})
                place = f"{status} {path} {language}"
                assert answer.status_code == status, place
                assert wanted in answer.text, place
                assert f'<html lang="{language}">' in answer.text, place
                assert 'href="/"' in answer.text, place
                assert "10.1.2.3" not in answer.text
                assert answer.headers.get("retry-after") == RETRY.get(status), place
                assert ('class="ways"' in answer.text) == is_known, "who is signed in keeps the side bar"
                assert len(re.findall("<h1>", answer.text)) == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_is_not_found_offers_no_ways_of_a_site_that_may_not_be_there(client):
    client.post("/sign-in", data={"name": OPERATOR, "password": PASSWORD})
    page = client.get("/sites/abroad/docket").text
    assert 'href="/me"' in page
    assert "/sites/abroad/calendar" not in page
    assert client.get("/nowhere").status_code == 404


def test_without_the_database_what_was_typed_is_kept_and_strangers_get_a_page_too(tmp_path, clock):
    nowhere = Database(f"sqlite:///{tmp_path}/no/such/folder/n.db")
    with serving(load_server(settings_for(nowhere, tmp_path)), clock) as api:
        client = api.client(cookies={"nightlight": "x"}, follow_redirects=False)
        answer = client.post("/sites/sunflower/zones", data={"name": "阅览角"})
        assert (answer.status_code, 'href="/kept"' in answer.text) == (503, True)
        assert "nightlight-kept" in answer.headers["set-cookie"]
        stranger = api.client()
        for path in ("/public", "/sign-in"):
            assert stranger.get(path).status_code == {"/public": 503, "/sign-in": 200}[path]
        assert stranger.post("/sign-in", data={"name": "lin", "password": "x"}).status_code == 503
