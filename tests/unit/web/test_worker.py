"""What a browser keeps: named by its digest, and nobody's."""

import json
from dataclasses import replace

from server.web import worker
from server.web.pages import Pages

PAGES = Pages()


def kept(pages: Pages) -> dict:
    first, _, _ = worker.script(pages).decode().partition("\n")
    return json.loads(first.removeprefix("self.KEPT = ").removesuffix(";"))


def test_what_is_kept_is_static_and_named_by_its_digest():
    told = kept(PAGES)
    assert told["offline"] == "/offline"
    for address in told["files"]:
        name, _, digest = address.removeprefix("/static/").partition("?v=")
        assert PAGES.assets[name].digest == digest
    assert all(name in worker.offline(PAGES) for name in ("没有网络", "No network"))
    for address in told["files"][:2]:
        assert address in worker.offline(PAGES)


def test_another_style_sheet_is_another_worker():
    other = Pages()
    other.assets = {**other.assets, "player.css": replace(other.assets["player.css"], digest="0" * 16)}
    assert kept(other)["name"] != kept(PAGES)["name"]
