"""The field types that everything on the wire and in a package is built from."""

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
