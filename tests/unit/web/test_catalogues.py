"""No word of a page without its words in every language."""

import re
from pathlib import Path
from typing import get_args

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import server.web
from config.wire.fields import CameraCondition
from server.domain.coverage import Cause, Certainty
from server.domain.verdict import Status
from server.domain.zones import ALLOWED_KINDS
from server.web import wording
from server.web.languages import DEFAULT_LANGUAGE, LANGUAGES, LOCALE_DIR, load_languages, negotiate
from server.web.timeline import BANDS

WEB = Path(server.web.__file__).parent
SOURCE_LANGUAGE = "en"
KEYWORDS = {"_": None, "gettext": None, "text": None, "mark": None, "ngettext": (1, 2), "count": (1, 2)}
NEVER_SHOWN_IN_WORDS = {
    "python -m server.admin camera add …",
    "python -m server.admin draw again FILE --seed SEED",
    "python -m server.admin init",
    "nightlight-verify",
    "SHA-256",
}


def messages() -> set[str | tuple[str, ...]]:
    found = extract_from_dir(
        str(WEB),
        [("**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.svg", "jinja2")],
        keywords=KEYWORDS,
    )
    return {message for _, _, message, _, _ in found}


def catalogue(tag: str) -> Catalog:
    with (LOCALE_DIR / f"{tag}.po").open("rb") as opened:
        return read_po(opened)


@pytest.mark.parametrize("tag", sorted(set(LANGUAGES) - {SOURCE_LANGUAGE}))
def test_every_message_is_translated_and_none_is_left_over(tag):
    known = {message.id: message for message in catalogue(tag) if message.id}
    assert set(known) == messages()
    for message in known.values():
        words = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(words), f"no translation: {message.id}"
        assert not message.fuzzy, f"fuzzy: {message.id}"


@pytest.mark.parametrize("tag", sorted(set(LANGUAGES) - {SOURCE_LANGUAGE}))
def test_placeholders_are_kept(tag):
    for message in catalogue(tag):
        if not message.id:
            continue
        ids = message.id if isinstance(message.id, tuple) else (message.id,)
        words = message.string if isinstance(message.string, tuple) else (message.string,)
        wanted = set(re.findall(r"%\(\w+\)[sd]|<[^>]+>", ids[-1]))
        for text in words:
            assert set(re.findall(r"%\(\w+\)[sd]|<[^>]+>", text)) == wanted, message.id


def test_no_word_stands_in_a_template_untranslated():
    for template in sorted((WEB / "templates").iterdir()):
        # The block "kind" stands inside a class attribute.
        text = re.sub(r"{% block kind %}\w*{% endblock %}", "", template.read_text())
        text = re.sub(r"{% trans.*?%}.*?{% endtrans %}|{#.*?#}|{%.*?%}|{{.*?}}", "", text, flags=re.DOTALL)
        shown = re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*[^\W\d_][^"]*)"', text)
        shown += re.findall(r"[^\W\d_][^<>]*", re.sub(r"<[^>]*>", "\0", text).replace("\0", "<"))
        left = {" ".join(words.split()) for words in shown} - NEVER_SHOWN_IN_WORDS
        assert not left, f"{template.name}: {left}"


def test_every_word_of_the_domain_can_be_said():
    assert set(wording.VERDICT) == set(Status)
    assert set(wording.CAUSE) == set(Cause)
    assert set(wording.CERTAINTY) == set(Certainty)
    assert set(wording.CONDITION) == {*get_args(CameraCondition), "unknown"}
    assert set(wording.ZONE) == ALLOWED_KINDS
    assert set(wording.STATE) == set(BANDS)


def test_the_verdict_has_its_three_chinese_words():
    chinese = load_languages()[DEFAULT_LANGUAGE]
    assert [chinese.text(wording.VERDICT[status]) for status in ("COMPLIANT", "NON_COMPLIANT", "UNVERIFIED")] == [
        "合规",
        "不合规",
        "未能核实",
    ]


def test_plurals():
    languages = load_languages()
    assert languages["en"].count("%(num)s camera", "%(num)s cameras", 1) == "1 camera"
    assert languages["en"].count("%(num)s camera", "%(num)s cameras", 0) == "0 cameras"
    assert languages["zh-CN"].count("%(num)s camera", "%(num)s cameras", 1) == "1 台摄像头"
    assert languages["zh-CN"].count("%(num)s camera", "%(num)s cameras", 7) == "7 台摄像头"


@pytest.mark.parametrize(
    ("accept", "tag"),
    [
        ("", None),
        ("zh", "zh-CN"),
        ("zh-TW,en", "zh-CN"),
        ("en-US,en;q=0.9,zh-CN;q=0.8", "en"),
        ("en;q=0.1, zh-Hans;q=0.5", "zh-CN"),
        ("fr, de", None),
        ("en;q=0", None),
        ("en;q=nonsense, zh", "zh-CN"),
        ("*", None),
        ("en;q=nan", None),
    ],
)
def test_accept_language(accept, tag):
    assert negotiate(accept) == tag
