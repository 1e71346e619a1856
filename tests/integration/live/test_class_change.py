"""A child changes class while its guardian watches: the old room's last byte within a second, on both transports (I6)."""

import time

import httpx
import pytest
from sqlalchemy import select

from storage.database.models import ChildRoom
from tests.integration.live.test_watching import hls, pictures, until_end
from tests.support.edge import wait_for
from tests.support.nursery import SITE

pytestmark = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


def change_class(live) -> float:
    live.nursery.change_class("c1", "b")
    with live.nursery.database.reading() as session:
        rows = session.scalars(select(ChildRoom).where(ChildRoom.site_id == SITE, ChildRoom.child_id == "c1"))
        assert [(row.class_id, row.until_us is None) for row in rows] == [("a", False), ("b", True)]
    return time.monotonic()


def test_over_a_websocket(live):
    with live.view("mum") as link:
        pictures(link, 10)
        changed_at = change_class(live)
        told, _, last = until_end(link)
    assert last - changed_at <= 1.0
    assert told[-1]["reason"] == "not_found"  # it is as if there were no such room
    assert live.server.watch.tickets.issue(live.nursery.tokens["mum"], "cam-a", "").reason == "not_found"


def test_over_hls(live):
    client, address = hls(live)
    wait_for("parts", lambda: "#EXT-X-PART:" in client.get(address).text)
    changed_at, last = change_class(live), 0.0
    try:
        while client.get(address, params={"_HLS_msn": "99"}).status_code == 200:
            last = time.monotonic()
    except httpx.TransportError:
        pass  # it was cut while it waited
    assert last - changed_at <= 1.0
    assert live.http("mum").get(address).status_code == 404
