"""Packs: what is shipped is sound, and what is wrong is refused with its file, line and reason."""

import json
from pathlib import Path

import jsonschema
import pytest

from config.base.errors import ConfigurationError
from config.policies.book import Applies, applies, in_force
from config.policies.pack import json_schema
from config.policies.reading import PACKS, Library
from config.policies.strict_yaml import Document

SCHEMA = PACKS.with_name("policy-pack.schema.json")
GOOD = """\
pack: own
version: 2026.1.1
title: {zh-CN: 自有, en: Own}
jurisdiction: CN
sources:
  ours:
    title: {zh-CN: 内部, en: Internal}
    rank: operator
rules:
  - id: own.retention
    title: {zh-CN: 保存, en: Kept}
    source: ours
    article: '1'
    binding: mandatory
    metric: recording_retention
    operator: '>='
    value: 120
    unit: day
    evidence: [object_audit]
    confidence: V
    verified_on: 2026-01-31
"""


def library(tmp_path: Path, **packs: str) -> Library:
    for name, text in packs.items():
        (tmp_path / f"{name}.yaml").write_text(text, "utf-8")
    return Library([PACKS, tmp_path])


def test_every_pack_that_is_shipped_is_sound_and_fits_the_published_schema():
    shipped = Library()
    assert {"cn-national-base", "weihai", "luzhou-longmatan", "chongqing-yuzhong", "yongan", "yuncheng"} < set(
        shipped.names
    )
    schema = json.loads(SCHEMA.read_text("utf-8"))
    for name in shipped.names:
        plain = json.loads(json.dumps(Document((PACKS / f"{name}.yaml").read_text("utf-8")).data, default=str))
        jsonschema.validate(plain, schema)
        assert all(
            found.rule.binding != "mandatory" or found.rule.confidence == "V" for found in shipped.book(name).rules
        )


def test_the_published_schema_is_that_of_the_code():
    assert json.loads(SCHEMA.read_text("utf-8")) == json_schema(), "run python -m config.policies.pack"


def test_a_pack_of_ones_own_lengthens_the_floor(tmp_path):
    book = library(tmp_path, own=GOOD.replace("sources:", "extends: [luzhou-longmatan]\nsources:")).book("own")
    assert [pack.pack for pack in book.packs] == ["cn-national-base", "luzhou-longmatan", "own"]
    assert book.version == "own@2026.1.1 luzhou-longmatan@2026.11.1 cn-national-base@2026.11.2"
    held = in_force(found for found in book.about("recording_retention") if applies(found.rule, {}) is Applies.YES)
    assert [found.rule.id for found in held] == ["own.retention"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("pack: own", "pack: other", "own.yaml:1: the pack is named 'other'"),
        ("version: 2026.1.1", "version: one", "own.yaml:2: "),
        ("jurisdiction: CN", "jurisdiction: CN\ncolour: red", "own.yaml:5: Object contains unknown field `colour`"),
        ("    rank: operator", "    rank: operator\n    rank: law", "own.yaml:9: 'rank' is given twice"),
        ("source: ours", "source: our", "own.yaml:12: own.retention: the pack has no source 'our'; did you mean 'ours'?"),
        ("metric: recording_retention", "metric: recording_retentio", "own.yaml:15: own.retention: there is no metric"),
        ("unit: day", "unit: month", "own.yaml:18: own.retention: 'recording_retention' is in day, not month"),
        ("operator: '>='", "operator: ==", "own.yaml:16: own.retention: 'recording_retention' takes >= or <="),
        ("value: 120", "value: true", "own.yaml:17: own.retention: 'recording_retention' is a number of day"),
        ("value: 120", "value: -1", "own.yaml:17: "),
        ("value: 120", "value: many", "own.yaml:17: own.retention: 'recording_retention' is a number"),
        ("confidence: V", "confidence: S", "own.yaml:14: own.retention: confidence S cannot be mandatory"),
        ("[object_audit]", "[object_audits]", "own.yaml:19: own.retention: there is no evidence 'object_audits'"),
        ("unit: day", "unit: day\n    window: day", "own.yaml:19: own.retention: 'recording_retention' is judged by instant"),
        ("unit: day", "unit: day\n    applies_if: {site.size: [big]}", "own.yaml:19: own.retention: there is no fact"),
        ("unit: day", "unit: day\n    applies_if: {site.type: [school]}", "own.yaml:19: own.retention: 'site.type' is never"),
        ("unit: day", "unit: day\n    applies_if: {zone.kind: [activity]}", "own.yaml:19: own.retention: 'recording_retention' is measured of a site"),
        ("sources:", "extends: [weihay]\nsources:", "own.yaml:5: there is no pack 'weihay'; did you mean 'weihai'?"),
        ("sources:", "extends: [own]\nsources:", "own.yaml:5: packs extend each other in a circle: own → own"),
    ],
)  # fmt: skip
def test_a_bad_pack_is_refused_where_it_is_wrong(tmp_path, old, new, said):
    text = GOOD.replace(old, new, 1)
    with pytest.raises(ConfigurationError) as refused:
        library(tmp_path, own=text)
    assert str(refused.value).startswith(said)


def another(rule_id: str, **changes: str) -> str:
    """GOOD's rule once more, changed."""
    rule = GOOD[GOOD.index("  - id:") :].replace("own.retention", rule_id)
    for key, value in changes.items():
        rule = "".join(
            f"    {key}: {value}\n" if line.strip().startswith(f"{key}:") else line for line in rule.splitlines(True)
        )
    return rule


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (GOOD + another("own.ceiling", operator="'<='", value="60"), "own.yaml:17: own.retention: >= 120 contradicts the rule 'own.ceiling' (<= 60)"),
        (
            GOOD + another("own.live", metric="live_view", operator="==", value="required", unit="mode")
            + another("own.dark", metric="live_view", operator="==", value='"off"', unit="mode"),
            "own.yaml:29: own.live: == required contradicts the rule 'own.dark' (== off)",
        ),
        (
            GOOD + another("own.nursing", metric="zone_coverage", value="100", unit="percent").rstrip()
            + "\n    window: day\n    applies_if: {zone.kind: [activity, nursing]}\n",
            "own.yaml:35: own.nursing: no rule may ask for a camera in a nursing zone",
        ),
        (
            GOOD + another("own.everywhere", metric="zone_coverage", value="100", unit="percent").rstrip() + "\n    window: day\n",
            "own.yaml:22: own.everywhere: no rule may ask for a camera in a bath zone",
        ),
        (GOOD + another("own.camera", metric="forbidden_zone_cameras", operator="==", value="1", unit="count"), "own.yaml:29: own.camera: 'forbidden_zone_cameras' counts what may not exist"),
        (GOOD + another("own.half", metric="guard_certificate", operator="==", value="false", unit="flag"), "own.yaml:29: own.half: 'guard_certificate' is there or not"),
        (GOOD + another("own.over", metric="picture_sound", value="101", unit="percent").rstrip() + "\n    window: day\n", "own.yaml:29: own.over: more than 100 percent"),
        (GOOD + another("own.mode", metric="live_view", operator="==", value="sometimes", unit="mode"), "own.yaml:29: own.mode: the value must be one of forbidden"),
    ],
)  # fmt: skip
def test_a_pack_that_contradicts_itself_or_the_law_is_refused(tmp_path, text, said):
    with pytest.raises(ConfigurationError) as refused:
        library(tmp_path, own=text)
    assert str(refused.value).startswith(said)


def test_packs_that_contradict_each_other_are_not_extended_together(tmp_path):
    floor = GOOD.replace("pack: own", "pack: floor").replace("own.", "floor.")
    ceiling = GOOD.replace("pack: own", "pack: ceiling").replace("own.", "ceiling.")
    ceiling = ceiling.replace("operator: '>='", "operator: '<='").replace("value: 120", "value: 60")
    both = GOOD.replace("sources:", "extends: [floor, ceiling]\nsources:")
    both = both[: both.index("  - id:")] + another("own.picture", metric="picture_sound", value="95", unit="percent")
    with pytest.raises(ConfigurationError) as refused:
        library(tmp_path, floor=floor, ceiling=ceiling, own=both.rstrip() + "\n    window: day\n")
    assert str(refused.value).startswith("own.yaml:5: floor.retention: >= 120 contradicts the rule 'ceiling.retention'")


STEP = """\
escalation:
  - id: own.up
    title: {zh-CN: 上报, en: Up}
    source: ours
    article: '1'
    binding: internal
    of: gap
    after_hours: 2
    to: facility_manager
    confidence: S
    verified_on: 2026-01-31
"""


def test_the_soonest_step_of_a_book_holds(tmp_path):
    """Gaps of a site with this pack go to its manager after two hours, and to the county as the base says."""
    book = library(tmp_path, own=GOOD.replace("sources:", "extends: [yongan]\nsources:") + STEP).book("own")
    gaps = [(one.step.id, one.step.after_hours) for one in book.escalation if one.step.of == "gap"]
    assert gaps == [("own.up", 2), ("base.unexplained-gap-county", 96)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("source: ours", "source: our", "own.yaml:25: own.up: the pack has no source 'our'; did you mean 'ours'?"),
        ("binding: internal", "binding: mandatory", "own.yaml:27: own.up: confidence S cannot be mandatory"),
        ("to: facility_manager", "to: health_regulator", "own.yaml:30: own.up: an authority has a level"),
        ("to: facility_manager", "to: facility_manager\n    level: county", "own.yaml:31: own.up: an authority has a level"),
        ("after_hours: 2", "after_hours: 0", "own.yaml:29: "),
        ("to: facility_manager", "to: mayor", "own.yaml:30: "),
        ("of: gap", "of: gap\n    whom: all", "own.yaml:29: Object contains unknown field `whom`"),
        ("id: own.up", "id: own.retention", "own.yaml:23: the rule 'own.retention' is already in pack 'own'"),
    ],
)  # fmt: skip
def test_a_bad_step_of_escalation_is_refused_where_it_is_wrong(tmp_path, old, new, said):
    with pytest.raises(ConfigurationError) as refused:
        library(tmp_path, own=GOOD + STEP.replace(old, new, 1))
    assert str(refused.value).startswith(said)


def test_a_rule_has_one_name_in_a_book(tmp_path):
    with pytest.raises(ConfigurationError, match=r"own\.yaml:11: the rule 'base\.retention' is already in pack 'cn-"):
        library(
            tmp_path,
            own=GOOD.replace("sources:", "extends: [cn-national-base]\nsources:").replace("own.ret", "base.ret"),
        )


def test_a_circle_of_packs_a_double_a_stranger_and_another_encoding_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match=r"b\.yaml:5: packs extend each other in a circle: a → b → a"):
        library(
            tmp_path,
            a=GOOD.replace("pack: own", "pack: a").replace("sources:", "extends: [b]\nsources:"),
            b=GOOD.replace("pack: own", "pack: b")
            .replace("sources:", "extends: [a]\nsources:")
            .replace("own.ret", "b.ret"),
        )
    for file in tmp_path.glob("*.yaml"):
        file.unlink()
    with pytest.raises(ConfigurationError, match=r"weihai\.yaml:\d: there is a second pack 'weihai'"):
        library(tmp_path, weihai=GOOD.replace("pack: own", "pack: weihai"))
    (tmp_path / "weihai.yaml").unlink()
    with pytest.raises(ConfigurationError, match="there is no policy pack 'longmatan'"):
        library(tmp_path).book("longmatan")
    (tmp_path / "own.yaml").write_bytes(GOOD.encode("gbk"))
    with pytest.raises(ConfigurationError, match=r"own\.yaml:1: cannot be read as UTF-8"):
        library(tmp_path)
