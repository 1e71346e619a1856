"""YAML without its surprises."""

from datetime import date

import pytest

from config.base.errors import InvalidInput
from config.policies.strict_yaml import BYTES_MAX, Document


def test_words_that_yaml_takes_for_something_else_stay_words():
    data = Document("a: no\nb: on\nc: yes\nd: true\ne: 1\nf: 2026-01-31\ng: 1.5\nh: ~\n").data
    assert data == {"a": "no", "b": "on", "c": "yes", "d": True, "e": 1, "f": date(2026, 1, 31), "g": 1.5, "h": None}


def test_every_value_knows_its_line():
    document = Document("rules:\n  - id: a\n    value: 1\n  - id: b\n    value:\n      - 2\n")
    assert document.line(("rules", 0, "value")) == 3
    assert document.line(("rules", 1)) == 4
    assert document.line(("rules", 1, "value", 0)) == 6
    assert document.line(("rules", 1, "absent")) == 4
    assert document.line(("absent",)) == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: 'a' is given twice"),
        ("a: &x 1\nb: *x\n", "line 1: anchors and aliases"),
        ("a: !!python/object:os.system x\n", "line 1: the tag"),
        ("? [a, b]\n: 1\n", "line 1: a key must be a word"),
        ("", "line 1: the file is empty"),
        ("a: [1\nb: 2\n", "line 2: "),
        ("a: 2026-02-30\n", "line 1: '2026-02-30' is neither"),
        ("a: 0x1F\n", "line 1: '0x1F' is neither"),
        ("a: 2026-01-31T00:00:00Z\n", "line 1: "),
        ("a: \x01\n", "line 1: not YAML"),
        ("[" * 20 + "]" * 20, "line 1: nested more than"),
        ("a: " + "x" * BYTES_MAX, "line 1: larger than"),
        ("[" * 5_000, "line 1"),
    ],
)
def test_what_is_refused(text, reason):
    with pytest.raises(InvalidInput) as refused:
        Document(text)
    assert str(refused.value).startswith(reason)
