"""``drill mutants`` changes the source at places that it names: none of them has moved away."""

from benchmarks.drills._mutants import MUTANTS
from benchmarks.drills._mutants_rules import RULE_MUTANTS
from deploy.local.commands import REPOSITORY


def test_every_planted_fault_has_its_place():
    planted = (*MUTANTS, *RULE_MUTANTS)
    assert [one.name for one in planted if (REPOSITORY / one.file).read_text().count(one.old) != 1] == []
