"""The shape of a policy pack; ``policy-pack.schema.json`` is made from it and published beside it."""

import json
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from config.policies.metrics import Operator, Unit, Window

Name = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$(?!\n)", description="lower case, dots and hyphens")
]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=400)]
Binding = Literal["mandatory", "recommended", "internal"]
Rank = Literal["law", "local", "standard", "operator"]
"""Which source wins where two contradict each other: the first of these; a prohibition stands above them all."""
RANKS: tuple[Rank, ...] = ("law", "local", "standard", "operator")
Hours = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^$(?!\n)|^{line}(; {line}){{0,15}}$(?!\n)".format(
            line=r"(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))? "
            r"([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
        ),
        max_length=400,
    ),
]
Confidence = Literal["V", "S", "M"]
"""V: read in the document or the law itself. S: stated by a secondary source. M: from memory."""

Unanswered = Literal["notice", "gap", "order"]
"""An urgent notice that nobody has seen; a gap that nobody has explained; an order whose day is over."""


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table in which an unknown key is an error."""


class Bilingual(_Strict, frozen=True, kw_only=True, rename={"zh_cn": "zh-CN"}):
    """A text in both languages of the interface."""

    zh_cn: Text
    en: Text


def in_both(words: Bilingual) -> dict[str, str]:
    """By the language's tag."""
    return {"zh-CN": words.zh_cn, "en": words.en}


class Source(_Strict, frozen=True, kw_only=True):
    """A document that rules come from; paraphrased in the rules, never quoted at length."""

    title: Bilingual
    rank: Rank
    issued: date | None = None
    number: Annotated[str, msgspec.Meta(max_length=100)] = ""


class Rule(_Strict, frozen=True, kw_only=True):
    """One requirement that can be checked, and the clause that asks for it."""

    id: Name
    source: Name
    article: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    binding: Binding
    metric: str
    operator: Operator
    value: bool | Annotated[float, msgspec.Meta(ge=0, le=1_000_000)] | str
    unit: Unit
    evidence: Annotated[list[str], msgspec.Meta(min_length=1, max_length=8)]
    confidence: Confidence
    verified_on: date
    title: Bilingual
    applies_if: dict[str, Annotated[list[str], msgspec.Meta(min_length=1)]] = {}
    """Fact to the answers with which the rule applies; all facts must agree. A fact that is unknown leaves it open."""
    window: Window = "instant"
    hours: Hours = ""
    """Weekly hours, on the site's own clocks, outside of which the rule asks for nothing; empty: at all times."""
    note: Bilingual | None = None
    """What the document leaves open and we chose."""


class Escalation(_Strict, frozen=True, kw_only=True):
    """Who hears of something that nobody has answered, and after how long."""

    id: Name
    source: Name
    article: Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
    binding: Binding
    of: Unanswered
    after_hours: Annotated[float, msgspec.Meta(gt=0, le=8_760)]
    to: Literal["facility_manager", "health_regulator", "police_auditor"]
    level: Literal["", "town", "county", "city", "province", "country"] = ""
    """Of an authority: whose region this is, or the next above it that has somebody."""
    confidence: Confidence
    verified_on: date
    title: Bilingual
    note: Bilingual | None = None


class Pack(_Strict, frozen=True, kw_only=True):
    """A named, versioned set of rules of one jurisdiction."""

    pack: Name
    version: Annotated[str, msgspec.Meta(pattern=r"^\d{4}\.\d{1,2}\.\d{1,3}$(?!\n)", description="year.month.number")]
    title: Bilingual
    jurisdiction: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}(-[0-9A-Z]{1,12})?$(?!\n)")]
    """ISO 3166 country, and where it has one the administrative code: CN-510504."""
    extends: Annotated[list[Name], msgspec.Meta(max_length=8)] = []
    sources: Annotated[dict[Name, Source], msgspec.Meta(min_length=1, max_length=64)]
    rules: Annotated[list[Rule], msgspec.Meta(min_length=1, max_length=200)]
    escalation: Annotated[list[Escalation], msgspec.Meta(max_length=32)] = []


def json_schema() -> dict[str, object]:
    """The published JSON Schema (2020-12) of a pack."""
    made = msgspec.json.schema(Pack)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Nightlight policy pack", **made}


if __name__ == "__main__":
    written = json.dumps(json_schema(), ensure_ascii=False, indent=2) + "\n"
    Path(__file__).with_name("policy-pack.schema.json").write_text(written, "utf-8")
