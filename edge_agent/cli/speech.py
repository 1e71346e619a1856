"""What the command line says, in the language of whoever reads it.

Invariant: every text stands in a catalogue for each language, under the same key and with the same placeholders; a
test holds them together. One file a topic and language: ``texts/discover.zh-CN.toml`` has the keys ``discover.…``.
"""

import os
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

Language = Literal["zh-CN", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
TEXTS = Path(__file__).with_name("texts")


def language_of(env: Mapping[str, str] = os.environ) -> Language:
    """The person's language: LC_ALL, then LC_MESSAGES, then LANG decides; English where it is none of ours.

    ``C`` is English too: a console without a locale often cannot show Chinese.
    """
    for variable in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if env.get(variable):
            return "zh-CN" if env[variable].lower().startswith("zh") else "en"
    return "en"


def language_named(word: str) -> str:
    """A language as people write it, ``zh``, ``zh_CN.UTF-8``, ``en_GB``; the word itself where it is none of ours."""
    first = word.lower().replace("_", "-").partition(".")[0].partition("-")[0]
    return {"zh": "zh-CN", "en": "en"}.get(first, word)


class Speech:
    """The texts of one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._texts = catalogue(language)

    def text(self, key: str, **values: Any) -> str:
        """The text of a key, its placeholders filled in. Raises KeyError for a key that no catalogue has."""
        return self._texts[key].format(**values)

    def has(self, key: str) -> bool:
        return key in self._texts


@cache
def catalogue(language: Language) -> Mapping[str, str]:
    """Every text of a language by its key: topic, dot, name."""
    found: dict[str, str] = {}
    for file in sorted(TEXTS.glob(f"*.{language}.toml")):
        topic = file.name.removesuffix(f".{language}.toml")
        with file.open("rb") as opened:
            found.update({f"{topic}.{name}": text for name, text in tomllib.load(opened).items()})
    return found
