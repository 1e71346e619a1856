"""The two languages of the pages, Chinese first. The words of the source are English; ``locale/`` holds the rest.

Catalogues are read from their ``.po`` files at start: there is nothing to compile and nothing to forget.
"""

import functools
import io
from dataclasses import dataclass
from pathlib import Path

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations

DEFAULT_LANGUAGE = "zh-CN"
LANGUAGES = {"zh-CN": "中文", "en": "English"}
"""Language tag → its own name."""
LOCALE_DIR = Path(__file__).with_name("locale")
_LOCALES = {"zh-CN": "zh_Hans_CN", "en": "en_GB"}
_HEADER_CHARS_MAX = 256


@dataclass(frozen=True)
class Language:
    """One language with its words and its ways of writing dates."""

    tag: str
    locale: Locale
    translations: NullTranslations

    @property
    def gap(self) -> str:
        """What stands between two sentences: in Chinese nothing does."""
        return "" if self.tag == "zh-CN" else " "

    def text(self, message: str) -> str:
        return self.translations.gettext(message)

    def count(self, singular: str, plural: str, number: int) -> str:
        return self.translations.ngettext(singular, plural, number) % {"num": number}


def load_languages() -> dict[str, Language]:
    """Every language by its tag."""
    return {tag: Language(tag, Locale.parse(_LOCALES[tag]), _translations(tag)) for tag in LANGUAGES}


def negotiate(accept: str) -> str | None:
    """The first of our languages in the order that an Accept-Language header prefers; None where it names neither."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept[:_HEADER_CHARS_MAX].split(",")):
        tag, _, parameter = part.strip().partition(";")
        try:
            quality = float(parameter.strip().removeprefix("q=")) if parameter else 1.0
        except ValueError:
            continue
        if quality > 0:
            wanted.append((-quality, place, tag.strip().lower().split("-")[0]))
    ours = {tag.split("-")[0]: tag for tag in LANGUAGES}
    return next((ours[primary] for _, _, primary in sorted(wanted) if primary in ours), None)


@functools.cache
def _translations(tag: str) -> NullTranslations:
    source = LOCALE_DIR / f"{tag}.po"
    if not source.exists():
        return NullTranslations()
    with source.open("rb") as opened:
        catalogue = read_po(opened, locale=_LOCALES[tag])
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled)
