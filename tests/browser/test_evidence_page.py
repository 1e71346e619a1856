"""The page that checks evidence packages, in a real browser: it says what the command says, and people can use it."""

import base64
import hashlib
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from playwright.sync_api import Browser, Error, Page, expect

from benchmarks._forgeries import forge
from benchmarks._mutations import mutate
from config.evidence.leaves import LeafTree
from config.evidence.note import NoteSigner
from tests.support.browser import SCREENSHOTS
from tests.support.packages import AGENT, CENTRE, DAY_US, Evidence
from tests.support.verifiers import PEM, Verdict, everything, of_the_command, of_the_page, open_page

MUTANTS, FORGERIES = 200, 100
SEED = 20261122
PATIENCE_MS = 20_000

OpenPage = Callable[..., Page]


@pytest.fixture
def open_verifier(browser: Browser) -> Iterator[OpenPage]:
    """Opens the page from the disk, without a network; a script error or a refused part of the page fails the test."""
    contexts, faults = [], []

    def open_one(language: str = "en", width: int = 1200, script: str = "", **options: object) -> Page:
        context = browser.new_context(viewport={"width": width, "height": 900}, locale=language, **options)
        context.set_default_timeout(PATIENCE_MS)
        context.set_offline(True)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.add_init_script(script)
        return open_page(page)

    yield open_one
    for context in contexts:
        context.close()
    assert not faults


@pytest.fixture
def packages(tmp_path: Path) -> dict[str, Path]:
    """A genuine package, one with a changed recording, and the key."""
    whole = everything().build()
    spoiled = bytearray(whole)
    spoiled[whole.index(b"footage of")] ^= 1
    written = {"genuine": whole, "spoiled": bytes(spoiled), "key": PEM.encode()}
    for name, data in written.items():
        (tmp_path / name).write_bytes(data)
    return {name: tmp_path / name for name in written}


def check(page: Page, package: Path, key: Path) -> None:
    page.set_input_files("#key-file", key)
    page.set_input_files("#package", package)
    expect(page.locator("#key-state")).not_to_be_empty()
    page.click("#check")
    expect(page.locator("#result")).to_be_visible()


def keep(page: Page, name: str, wanted: pytest.FixtureRequest) -> None:
    if wanted.config.getoption("--screenshots"):
        SCREENSHOTS.mkdir(exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def test_it_says_of_every_package_what_the_command_says(open_verifier: OpenPage) -> None:
    chance = random.Random(SEED)
    rich, plain = everything().build(), Evidence(count=3, lost=(1,)).build()
    donors = [Evidence(camera_id="hall", count=3).build(), Evidence(start_us=DAY_US + 86_400_000_000, count=3).build()]
    tried = [rich, plain, Evidence(count=2, lost=(0, 1)).build(), Evidence(agent=CENTRE, cosigned=False).build(), b""]
    tried += [mutate(plain, chance.choice(donors), chance)[1] for _ in range(MUTANTS)]
    tried += [forge(rich, CENTRE, AGENT, chance) for _ in range(FORGERIES)]
    expected = [of_the_command(data) for data in tried]
    assert expected[0] == expected[1] == Verdict(True)
    assert len({verdict.why for verdict in expected}) > 10
    found = of_the_page(open_verifier(), tried)
    assert [(mine, theirs) for mine, theirs in zip(expected, found, strict=True) if not mine.agrees(theirs)] == []


def with_root(evidence: Evidence, root: bytes) -> bytes:
    """The package as a site with a store of its own has it: the manifest names the root over the recording's leaves."""
    evidence.manifests[0] = msgspec.structs.replace(evidence.manifests[0], leaf_root=root.hex())
    return evidence.build()


def test_recordings_are_hashed_the_same_with_and_without_the_browsers_own_sha_256(
    open_verifier: OpenPage, tmp_path: Path
) -> None:
    """Of a size that takes two windows of the file."""
    large = Evidence(count=1, lost=())
    large.footage[0] = content = random.Random(SEED).randbytes(5 * 2**20) + b"and a leaf that is short"
    large.manifests[0] = msgspec.structs.replace(
        large.manifests[0], sha256=hashlib.sha256(content).hexdigest(), size_bytes=len(content)
    )
    whole = large.build()
    rooted = [with_root(large, root) for root in (LeafTree.over([content])[0].root(), bytes(32))]
    tried = [whole, whole[:-3_000_000], whole.replace(content[-9:], bytes(9)), *rooted]
    expected = [of_the_command(data) for data in tried]
    assert [verdict.genuine for verdict in expected] == [True, False, False, True, False]
    bare = "Object.defineProperty(crypto, 'subtle', {value: undefined})"
    for page in (open_verifier(), open_verifier(script=bare)):
        for data, verdict in zip(tried, expected, strict=True):
            (tmp_path / "large.zip").write_bytes(data)
            page.set_input_files("#package", tmp_path / "large.zip")
            found = page.evaluate("(pem) => nightlight.verify(document.querySelector('#package').files[0], pem)", PEM)
            assert (found["genuine"], found.get("item", ""), found.get("why", "")) == verdict


@pytest.mark.parametrize(
    ("language", "width", "words"),
    [
        (
            "zh-CN",
            360,
            [
                "真实",
                "园内主机磁盘已满",
                "edge-rainbow",
                "50.000 %",
                "2026-09-21 22:13:20+08:00",
                "2 段，删除证明 1 份",
            ],
        ),
        (
            "en",
            1200,
            ["Genuine", "nap-room-1", "disk of the site agent was full", "2 (2026-09-01 to", "at most 517 of 600"],
        ),
    ],
)
def test_a_genuine_package(open_verifier: OpenPage, packages, request, language, width, words) -> None:
    page = open_verifier(language, width)
    check(page, packages["genuine"], packages["key"])
    for word in words:
        expect(page.locator("#result")).to_contain_text(word)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.evaluate("document.activeElement.id") == "result"
    keep(page, f"verifier-genuine-{language}-{width}", request)


@pytest.mark.parametrize(("language", "width"), [("zh-CN", 360), ("en", 1200)])
def test_a_spoiled_package_names_the_first_item(open_verifier: OpenPage, packages, request, language, width) -> None:
    page = open_verifier(language, width)
    check(page, packages["spoiled"], packages["key"])
    result = page.locator("#result")
    for words in ("segments/20260921t141320z-", {"en": "Not genuine", "zh-CN": "不真实"}[language]):
        expect(result).to_contain_text(words)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    keep(page, f"verifier-refused-{language}-{width}", request)
    page.click("#language")
    expect(result).to_contain_text({"zh-CN": "Do not rely on this package", "en": "请勿采信此证据包"}[language])
    assert page.evaluate("document.documentElement.lang") == {"zh-CN": "en", "en": "zh-CN"}[language]


def test_what_is_missing_or_no_key_is_said_beside_its_field(open_verifier: OpenPage, packages) -> None:
    page = open_verifier()
    page.click("#check")
    expect(page.locator("#key-state")).to_contain_text("Give the centre’s public key first")
    expect(page.locator("#package-state")).to_contain_text("Choose a package first")
    page.fill("#key-text", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----")
    page.set_input_files("#package", packages["genuine"])
    page.click("#check")
    expect(page.locator("#key-state")).to_contain_text("No usable key")
    expect(page.locator("#result")).to_be_hidden()


def test_what_is_no_package_is_refused_kindly_and_is_no_verdict(open_verifier: OpenPage, packages) -> None:
    page = open_verifier("zh-CN", 360)
    page.fill("#key-text", packages["key"].read_text())
    page.set_input_files(
        "#package", {"name": "家长会.jpg", "mimeType": "image/jpeg", "buffer": b"\xff\xd8\xff\xe0" * 9}
    )
    page.click("#check")
    expect(page.locator("#package-state")).to_contain_text("“家长会.jpg”不是证据包，没有进行检查")
    expect(page.locator("#result")).to_be_hidden()
    page.set_input_files("#package", packages["genuine"])
    page.click("#check")
    expect(page.locator("#result")).to_contain_text("真实")
    page.set_input_files("#package", packages["spoiled"])
    expect(page.locator("#result")).to_be_hidden()


def test_a_witness_that_did_not_cosign_is_named(open_verifier: OpenPage, packages) -> None:
    page = open_verifier()
    page.locator("summary").click()
    page.fill("#witnesses", "no key")
    page.set_input_files("#key-file", packages["key"])
    page.set_input_files("#package", packages["genuine"])
    page.click("#check")
    expect(page.locator("#witness-state")).to_contain_text("No witness key: no key")
    expect(page.locator("#result")).to_be_hidden()
    page.fill("#witnesses", NoteSigner("edge-rainbow", AGENT).witness_key.vkey)
    page.click("#check")
    expect(page.locator("#result")).to_contain_text("Genuine")
    page.fill("#witnesses", NoteSigner("somebody", CENTRE).witness_key.vkey)
    page.click("#check")
    expect(page.locator("#result")).to_contain_text("a witness you name has not cosigned it (somebody)")


def test_key_and_package_dropped_together_are_checked_at_once(open_verifier: OpenPage, packages) -> None:
    page = open_verifier()
    dropped = page.evaluate_handle(
        """([pem, encoded]) => {
          const dropped = new DataTransfer();
          dropped.items.add(new File([Uint8Array.from(atob(encoded), (l) => l.charCodeAt(0))], "p.zip"));
          dropped.items.add(new File([pem], "centre.pem"));
          return dropped;
        }""",
        [PEM, base64.b64encode(packages["genuine"].read_bytes()).decode()],
    )
    page.dispatch_event("#drop", "drop", {"dataTransfer": dropped})
    expect(page.locator("#result")).to_contain_text("Genuine")


def test_a_file_that_goes_away_while_it_is_read_is_not_called_forged(open_verifier: OpenPage, packages) -> None:
    page = open_verifier()
    page.set_input_files("#key-file", packages["key"])
    page.set_input_files("#package", packages["genuine"])
    expect(page.locator("#package-state")).to_contain_text("genuine")
    packages["genuine"].unlink()
    page.click("#check")
    expect(page.locator("#result")).to_contain_text("Not checked to the end")
    expect(page.locator("#result")).to_contain_text("cannot be read")


def test_a_check_can_be_stopped(open_verifier: OpenPage, packages) -> None:
    slow = """const slice = Blob.prototype.slice;
      Blob.prototype.slice = function (...at) {
        const part = slice.apply(this, at);
        part.arrayBuffer = async () => {
          await new Promise((go) => (globalThis.goOn = go));
          return new Response(part).arrayBuffer();
        };
        return part;
      };"""
    page = open_verifier()
    page.fill("#key-text", PEM)
    page.evaluate(f"() => {{ {slow} }}")
    page.set_input_files("#package", packages["genuine"])
    page.evaluate("goOn()")  # what the file begins with
    page.click("#check")
    page.click("#stop")
    page.evaluate("goOn()")
    expect(page.locator("#running")).to_be_hidden()
    expect(page.locator("#result")).to_contain_text("stopped")


def test_it_can_connect_to_nowhere(browser: Browser) -> None:
    page = open_page(browser.new_context().new_page())
    refused = []
    page.on("console", lambda said: refused.append(said.text))
    with pytest.raises(Error):
        page.evaluate("fetch('http://127.0.0.1:9/')")
    assert any("Content Security Policy" in text for text in refused)
    page.context.close()


def test_everything_has_a_name_and_can_be_reached_by_keyboard(open_verifier: OpenPage, packages) -> None:
    page = open_verifier("zh-CN", 360)
    check(page, packages["genuine"], packages["key"])
    nameless = page.evaluate(
        """() => [...document.querySelectorAll("button, input, textarea, progress")]
          .filter((each) => !(each.labels?.length || each.textContent.trim() || each.ariaLabel))
          .map((each) => each.outerHTML)"""
    )
    assert nameless == []
    reached = set()
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    assert {"language", "key-file", "key-text", "SUMMARY", "package", "check"} <= reached
