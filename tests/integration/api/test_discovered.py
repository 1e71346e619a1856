"""Discovered cameras and replays over HTTP: within reach, on record, and nothing that is no id."""

import pytest

from storage.database import models
from tests.integration.services.test_discovered import JPEG, KEY, found, report
from tests.support.api import OPERATOR, PASSWORD, add_accounts


@pytest.fixture
def script(api, agent, clock):
    add_accounts(api.parts.database, clock, agent.site_id)
    api.parts.discovered._key = KEY
    return api.client(auth=(OPERATOR, PASSWORD))


def test_what_was_found_and_its_picture(script, agent, clock, api):
    said = found(agent, clock)
    agent.say(said)
    [view] = script.get("/api/v1/sites/sunflower/discovered").json()
    assert (view["discovery_id"], view["main"]["width"], view["has_picture"]) == (said.discovery_id, 1920, True)
    assert said.picture.box not in str(view)
    picture = script.get(f"/api/v1/sites/sunflower/discovered/{agent.agent_id}/{said.discovery_id}/picture")
    assert (picture.content, picture.headers["content-type"]) == (JPEG, "image/jpeg")
    assert picture.headers["cache-control"] == "no-store"
    with api.parts.database.reading() as session:
        assert session.query(models.AccessRecord).count() == 1


def test_nobody_unknown_and_nothing_out_of_reach(script, agent, clock, api):
    agent.say(found(agent, clock))
    assert api.client().get("/api/v1/sites/sunflower/discovered").status_code == 401
    for path in ("sites/elsewhere/discovered", "sites/%00/discovered", "sites/sunflower/discovered/a%00/b/picture"):
        answer = script.get(f"/api/v1/{path}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_what_cameras_were_asked_for(script, agent, clock):
    now_us = clock.utc_us()
    agent.say(report(agent, clock, now_us - 60_000_000, now_us))
    [view] = script.get("/api/v1/sites/sunflower/days/today/replays").json()
    assert (view["outcome"], view["had_none"]) == ("none", [[now_us - 60_000_000, now_us]])
    assert script.get("/api/v1/sites/sunflower/days/yesterday/replays").status_code == 400
