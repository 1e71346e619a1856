"""The browser verifier as it is kept in the tree: whole, closed to the network, and made from what lies beside it."""

import base64
import hashlib
import json
import re
import shutil
from html import unescape

import pytest

from config.evidence.causes import CAUSES, cause
from config.evidence.wording import WHY
from deploy.local import evidence_page
from deploy.local.evidence_page import LOCK, PAGE, SOURCES, UNDERSTOOD, Told, facts, sources_digest, stated_digest
from server.services.evidence import export_evidence, gather_standing
from server.web.languages import load_languages
from server.web.wording import CAUSE

TEXT = PAGE.read_text()


def test_it_was_built_from_these_sources() -> None:
    assert stated_digest(TEXT) == sources_digest(), "python3 dev.py page"


def test_it_is_byte_for_byte_what_its_sources_build() -> None:
    if not shutil.which("npm"):
        pytest.skip("npm is not installed")
    try:
        built = evidence_page.build()
    except Told as told:
        pytest.skip(f"it cannot be built here: {told}")
    assert built == PAGE.read_bytes(), "python3 dev.py page"


def test_its_policy_lets_it_run_its_own_script_and_connect_to_nowhere() -> None:
    stated = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', TEXT)
    policy = dict(part.split(" ", 1) for part in unescape(stated[1]).split("; "))
    assert policy["default-src"] == policy["connect-src"] == policy["form-action"] == policy["base-uri"] == "'none'"
    for tag in ("script", "style"):
        (inline,) = re.findall(rf"<{tag}>(.*?)</{tag}>", TEXT, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
        assert policy[f"{tag}-src"] == f"'sha256-{digest}'"


def test_it_needs_no_other_file() -> None:
    markup = re.sub(r"<(script|style)>.*?</\1>", "", TEXT, flags=re.DOTALL)
    assert not re.search(r"\b(src|href)=|@import|url\(", markup)
    assert "url(" not in re.findall(r"<style>(.*?)</style>", TEXT, re.DOTALL)[0]


def test_its_lock_names_no_host_and_pins_every_package() -> None:
    text = (SOURCES / LOCK).read_text()
    assert "://" not in text
    assert "resolved" not in text
    packages = {name: found for name, found in json.loads(text)["packages"].items() if name}
    assert packages
    assert all(found["integrity"].startswith("sha512-") for found in packages.values())


def test_it_knows_every_keyword_of_the_types_it_decodes(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = (SOURCES / "src/json.mjs").read_text()
    assert [word for word in UNDERSTOOD if word not in decoder] == []
    monkeypatch.setattr(evidence_page, "UNDERSTOOD", UNDERSTOOD - {"pattern"})
    with pytest.raises(Told, match="pattern"):
        facts()


def test_it_refuses_for_every_reason_that_the_command_has() -> None:
    """A check that one of them gains, the other must gain too; timestamps are not checked in the page."""
    scripts = "".join(file.read_text() for file in (SOURCES / "src").glob("*.mjs"))
    assert {phrase for phrase in WHY if f'"{phrase}"' not in scripts} == {"its timestamp does not hold"}


def test_causes_are_called_what_the_pages_call_them() -> None:
    languages = load_languages()
    words = {name: (languages["zh-CN"].text(said), languages["en"].text(said)) for name, said in CAUSE.items()}
    of_packages_alone = {export_evidence.DELETED, export_evidence.UNCERTIFIED, export_evidence.KEPT_ON_SITE}
    of_packages_alone |= {gather_standing.PENDING}
    assert words == {name: both for name, both in CAUSES.items() if name not in of_packages_alone}
    assert of_packages_alone <= set(CAUSES)
    assert cause("disk_full", "zh") == CAUSES["disk_full"][0]
    assert cause("of_a_later_version", "en") == "of_a_later_version"
