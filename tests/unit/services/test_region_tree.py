"""The tree of regions has what the reader sees and nothing else, and is open on the way to where they are."""

from server.domain.verdict import Status
from server.services.compliance.region_tree import Names, tree_of

GOOD, BAD, UNSURE = Status.COMPLIANT, Status.NON_COMPLIANT, Status.UNVERIFIED
NAMES = Names({"cn": ("中国", "China"), "cn/sc": ("四川", ""), "cn/sc/lz": ("泸州", "Luzhou")})
PLACES = [("cn/sc/lz/lmt", BAD), ("cn/sc/lz/lmt", GOOD), ("cn/sc/cd", UNSURE), ("cn/bj", GOOD)]


def test_it_is_open_on_the_way_and_counts_all_below():
    root = tree_of(PLACES, NAMES, "cn/sc/lz", "cn")
    assert (root.name, root.name_en, root.status) == ("中国", "China", BAD)
    assert root.counts == {"NON_COMPLIANT": 1, "UNVERIFIED": 1, "COMPLIANT": 2}
    beijing, sichuan = root.below
    assert (beijing.path, beijing.status, beijing.below, beijing.more) == ("cn/bj", GOOD, [], False)
    assert [node.path for node in sichuan.below] == ["cn/sc/cd", "cn/sc/lz"]
    luzhou = sichuan.below[1]
    assert (luzhou.is_here, [node.path for node in luzhou.below]) == (True, ["cn/sc/lz/lmt"])
    assert not any(node.is_here for node in (root, sichuan, beijing))


def test_a_single_branch_is_open_as_far_as_it_is_single_and_the_rest_is_said_to_be_more():
    root = tree_of(PLACES[:3], NAMES, "", "cn")
    assert root.is_here
    (sichuan,) = root.below
    assert [node.more for node in sichuan.below] == [False, True]


def test_nothing_in_reach_is_not_known():
    root = tree_of([], NAMES, "", "")
    assert (root.status, root.below, root.more) == (UNSURE, [], False)


def test_names_lead_from_the_readers_root():
    assert NAMES.below("cn/sc/lz", "cn") == ("四川 / 泸州", "四川 / Luzhou")
    assert NAMES.below("cn/sc/lz", "") == ("中国 / 四川 / 泸州", "China / 四川 / Luzhou")
    assert NAMES.below("cn", "cn") == ("中国", "China")
    assert NAMES.of("cn/xx") == ("xx", "")
