"""Picture findings over HTTP and on the page: within reach, in words, and a still is looked at on record."""

import pytest

from storage.database import models
from tests.integration.services.test_findings import JPEG, KEY, raised, still_of
from tests.support.api import OPERATOR, PASSWORD, add_accounts


@pytest.fixture
def script(api, agent, clock):
    add_accounts(api.parts.database, clock, agent.site_id)
    api.parts.findings._key = KEY
    return api.client(auth=(OPERATOR, PASSWORD))


@pytest.fixture
def said(agent, clock):
    agent.say(agent.heartbeat())
    finding = raised(agent, clock.utc_us())
    agent.say(finding)
    agent.say(still_of(agent, finding))
    return finding


def looks(api):
    with api.parts.database.reading() as session:
        return session.query(models.AccessRecord).count()


def test_what_is_wrong_and_its_still(script, api, said):
    [view] = script.get("/api/v1/sites/sunflower/findings").json()
    assert (view["finding"], view["until_us"], view["spoils"], view["has_still"]) == ("occluded", None, True, True)
    assert looks(api) == 0
    still = script.get(f"/api/v1/sites/sunflower/findings/{said.finding_id}/still")
    assert (still.content, still.headers["content-type"]) == (JPEG, "image/jpeg")
    assert still.headers["cache-control"] == "no-store"
    assert looks(api) == 1


def test_nobody_unknown_and_nothing_out_of_reach(script, api, said):
    assert api.client().get("/api/v1/sites/sunflower/findings").status_code == 401
    for path in (
        "sites/elsewhere/findings",
        "sites/%00/findings",
        f"sites/elsewhere/findings/{said.finding_id}/still",
        "sites/sunflower/findings/%00/still",
        f"sites/sunflower/findings/{'0' * 32}/still",
    ):
        answer = script.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert looks(api) == 0


@pytest.mark.parametrize(("language", "words"), [("zh-CN", "镜头被遮挡"), ("en", "Something covers the lens")])
def test_the_board_says_it_in_words_and_opens_no_still_by_itself(script, api, said, language, words):
    page = api.signed_in().get("/sites/sunflower", headers={"Accept-Language": language})
    assert page.status_code == 200
    assert words in page.text
    assert f"/api/v1/sites/sunflower/findings/{said.finding_id}/still" in page.text
    assert "<img" not in page.text.split('id="cameras"')[1].split('id="gaps"')[0]
    assert looks(api) == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_still_that_could_not_be_read_is_said_beside_its_finding(script, api, agent, clock):
    agent.say(agent.heartbeat())
    finding = raised(agent, clock.utc_us())
    agent.say(finding)
    assert agent.say(still_of(agent, finding, size_bytes=10**6)).result.startswith("quarantined")
    [view] = script.get("/api/v1/sites/sunflower/findings").json()
    assert (view["has_still"], view["still_missing"]) == (False, True)
    assert "put it aside" in api.signed_in().get("/sites/sunflower").text
    clock.advance(2)
    agent.say(still_of(agent, finding))  # a good one may still come
    assert "put it aside" not in api.signed_in().get("/sites/sunflower/board").text
