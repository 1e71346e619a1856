"""The guides stand in the console under Help: by role, in both languages, with their pictures, and no link that leads nowhere."""

import re

import pytest

from server.web.guides import NAMES
from tests.support.api import AUDITOR, OPERATOR, PASSWORD, add_accounts

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
FIRST_LINE = {
    (OPERATOR, "en"): "Guide for a facility",
    (OPERATOR, "zh-CN"): "园所使用指南",
    (AUDITOR, "en"): "Guide for authorities",
    (AUDITOR, "zh-CN"): "监管与审计指南",
}


def test_the_guide_of_the_role_with_pictures_that_are_there(api, agent, clock):
    add_accounts(api.parts.database, clock, "sunflower")
    for (name, language), title in FIRST_LINE.items():
        client = api.client(follow_redirects=False)
        client.headers["Accept-Language"] = language
        client.post("/sign-in", data={"name": name, "password": PASSWORD})
        page = client.get("/help").text
        assert re.findall(r"<h1>([^<]+)</h1>", page) == [title]
        assert 'href="/help" aria-current="page"' in page
        for guide in NAMES:
            text = client.get(f"/help/{guide}").text
            assert text.count("<h1>") == 1
            assert ".md" not in text
            assert "../" not in text
            pictures = set(re.findall(r'src="(/help/pictures/[^"]+)"', text))
            assert pictures
            for path in pictures | {path for path in re.findall(r'<a href="(/[^"#]+)"', text) if path == "/verify"}:
                assert client.get(path).status_code == 200, path
            known = client.get(min(pictures))
            assert client.get(min(pictures), headers={"If-None-Match": known.headers["etag"]}).status_code == 304
    assert client.get("/help/nobody").status_code == client.get("/help/pictures/report-en.png").status_code == 404
    assert api.client(follow_redirects=False).get("/help").headers["location"] == "/sign-in?next=%2Fhelp"
