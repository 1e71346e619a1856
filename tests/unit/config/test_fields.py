"""The field types that everything on the wire and in a package is built from."""

import re
from pathlib import Path

import msgspec
import pytest

from config.evidence.entries import Day
from config.wire.fields import HexId, Sha256Hex, Slug


@pytest.mark.parametrize(
    ("kind", "good"), [(Slug, "nap-room"), (HexId, "0" * 32), (Sha256Hex, "0" * 64), (Day, "2026-11-22")]
)
def test_a_name_has_no_line_break_behind_it_and_no_digits_of_other_scripts(kind, good):
    assert msgspec.convert(good, kind) == good
    for bad in (f"{good}\n", f"\n{good}", f"{good}\r", f"{good[:-1]}\N{ARABIC-INDIC DIGIT TWO}"):
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(bad, kind)


def test_no_pattern_takes_a_line_break_at_its_end() -> None:
    """In Python ``$`` is also the place before a line break that ends the text."""
    root = Path(__file__).parents[3]
    found = [
        f"{file.relative_to(root)}: {pattern}"
        for folder in ("config", "server", "storage", "edge_agent")
        for file in (root / folder).rglob("*.py")
        for pattern in re.findall(r'pattern=r"([^"]*)"', file.read_text())
        if re.search(r"\$(?!\(\?!\\n\))", pattern)
    ]
    assert found == []
