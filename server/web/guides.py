"""The guides for people (``deploy/guides``) as pages: Markdown of our own, rendered once, with the pictures that the tests took.

Invariant: nothing of it comes from outside, so that what it renders to is let through as it is.
"""

import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from markdown import markdown  # type: ignore[import-untyped]

from config.base.roles import REGION_ROLES, Role
from server.web.languages import LANGUAGES
from server.web.pages import Pages
from server.web.wording import mark
from storage.database.scope import Scope

NAMES: Mapping[str, str] = {
    "operator": mark("For a facility"),
    "auditor": mark("For authorities"),
    "parent": mark("For guardians"),
}
HERE = files("deploy")
_OTHER_LANGUAGE = re.compile(r"\[[^]]+\]\(\w+\.(?:en|zh-CN)\.md\)")
_PICTURE = re.compile(r'<img alt="([^"]*)" src="\.\./pictures/([\w-]+\.png)" */?>')
PNG_SIZE = struct.Struct(">16xII")
"""Width and height stand behind the signature and the head of the first chunk (ISO/IEC 15948)."""


@dataclass(frozen=True)
class Guides:
    """Texts by (guide, language), and the pictures in them by their names."""

    pages: Pages
    texts: Mapping[tuple[str, str], str]
    pictures: Mapping[str, bytes]

    def page(self, guide: str, reader: Scope, language: str) -> str:
        """One; whoever is no guardian may read the others as well."""
        others = {} if reader.role == Role.GUARDIAN else NAMES
        return self.pages.page(
            "help.html",
            language,
            name=NAMES[guide],
            text=self.texts[guide, language],
            guide=guide,
            others=others,
            reader=reader,
            here=f"/help/{guide}",
        )


def guide_of(role: str) -> str:
    """The one that was written for people of this role."""
    if role == Role.GUARDIAN:
        return "parent"
    return "auditor" if role in REGION_ROLES else "operator"


def load_guides(pages: Pages) -> Guides:
    """Reads and renders all of them."""
    pictures: dict[str, bytes] = {}

    def picture(found: re.Match[str]) -> str:
        alt, name = found.groups()
        pictures[name] = (HERE / "pictures" / name).read_bytes()
        width, height = PNG_SIZE.unpack_from(pictures[name])
        drawn = f'<img alt="{alt}" src="/help/pictures/{name}" width="{width}" height="{height}" loading="lazy">'
        return f'<a class="picture" href="/help/pictures/{name}">{drawn}</a>'

    def render(guide: str, language: str) -> str:
        written = (HERE / "guides" / f"{guide}.{language}.md").read_text(encoding="utf-8")
        html = markdown(_OTHER_LANGUAGE.sub("", written), extensions=["tables", "sane_lists"], output_format="html")
        return _PICTURE.sub(picture, html)

    texts = {(guide, language): render(guide, language) for guide in NAMES for language in LANGUAGES}
    return Guides(pages, texts, pictures)
