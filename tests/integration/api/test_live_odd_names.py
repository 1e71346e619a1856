"""Names that no camera has are not found, also where the database takes no NUL."""

import pytest

from config.settings.server import load_server
from tests.support.api import serving, settings_for

pytestmark = pytest.mark.parametrize("database", ["postgresql"], indirect=True)
ODD = ("%00", "cam%00a", "x" * 300, "..%2f", "%F0%9F%8C%99", "%0A")


def test_an_odd_name_is_not_found(nursery, tmp_path):
    with serving(load_server(settings_for(nursery.database, tmp_path)), nursery.clock) as api:
        for name in ("mum", "boss", "police"):
            nursery.session(name)
            client = api.client(follow_redirects=False, cookies={"nightlight": nursery.tokens[name]})
            for odd in ODD:
                for method, path in (
                    ("GET", f"/live/{odd}"),
                    ("POST", f"/live/{odd}/tickets"),
                    ("GET", f"/sites/{odd}/live"),
                ):
                    assert client.request(method, path).status_code == 404, (name, method, path)
            assert client.post("/live/cam-a/tickets", data={"reason": "a\0child was hurt"}).status_code == 201
