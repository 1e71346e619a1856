"""The service worker as it is served, and the page that it keeps for when there is no network.

Invariant: what it keeps is named here, each by the digest of its bytes, and belongs to nobody.
"""

import hashlib
import json

from server.web.languages import LANGUAGES
from server.web.pages import Pages
from server.web.wording import mark

OFFLINE = "/offline"
SCRIPT = "push-worker.mjs"
KEPT = ("nightlight.css", "logo.svg", "player.css", "player.mjs", "app.mjs")
TITLE = mark("No network")
TOLD = mark(
    "This page comes back as soon as your phone has a network. Pictures and records are not stored on the phone."
)
AGAIN = mark("Try again")


def script(pages: Pages) -> bytes:
    """``/worker.js``; other bytes as soon as anything that it keeps is another."""
    files = [f"/static/{name}?v={pages.assets[name].digest}" for name in KEPT]
    offline_page = offline(pages).encode()
    version = hashlib.sha256("\n".join(files).encode() + offline_page).hexdigest()[:16]
    kept = json.dumps({"name": f"nightlight-{version}", "offline": OFFLINE, "files": files})
    return f"self.KEPT = {kept};\n".encode() + pages.assets[SCRIPT].data


def offline(pages: Pages) -> str:
    """In every language at once: nobody can be asked which one."""
    said = [(tag, *(pages.spoken(tag).text(words) for words in (TITLE, TOLD, AGAIN))) for tag in LANGUAGES]
    return pages.page("offline.html", next(iter(LANGUAGES)), said=said)
