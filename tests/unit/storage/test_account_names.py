"""Names that are the centre's own belong to no person."""

import pytest

from config.base.errors import InvalidInput
from config.base.ids import INSIDE
from storage.database.models import Account


def test_nobody_can_be_taken_for_the_auditor_inside() -> None:
    with pytest.raises(InvalidInput) as refused:
        Account(name=INSIDE)
    assert refused.value.code == "reserved_name"
    assert Account(name="auditor").name == "auditor"
