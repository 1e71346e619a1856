"""Names that are the centre's own belong to no person."""

import pytest

from config.base.errors import InvalidInput
from config.base.ids import RESERVED
from storage.database.models import Account


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_nobody_can_be_taken_for_who_runs_the_server_or_the_auditor_inside(name) -> None:
    with pytest.raises(InvalidInput) as refused:
        Account(name=name)
    assert refused.value.code == "reserved_name"
    assert Account(name="auditor").name == "auditor"
