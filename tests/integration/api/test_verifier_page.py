"""The page that checks evidence packages: to anybody, as it is kept, and under a policy of its own."""

import pytest

from server.api.assets import VERIFIER
from tests.support.api import RunningApi

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def test_anybody_may_have_it_and_it_may_connect_to_nowhere(api: RunningApi) -> None:
    answer = api.client().get("/verify")
    assert (answer.status_code, answer.content) == (200, VERIFIER)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert (policy["default-src"], policy["connect-src"], policy["frame-ancestors"]) == ("'none'",) * 3
    assert policy["script-src"].startswith("'sha256-")
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_it_is_not_sent_twice(api: RunningApi) -> None:
    client = api.client()
    tag = client.get("/verify").headers["etag"]
    again = client.get("/verify", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_other_pages_keep_the_policy_of_the_house(api: RunningApi) -> None:
    assert "connect-src 'self'" in api.client().get("/sign-in").headers["content-security-policy"]
