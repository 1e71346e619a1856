"""Draws of sites and inspectors: repeatable by anybody, fair by weight, nobody where they may not go."""

import hashlib
from collections import Counter
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.errors import InvalidInput
from server.domain.draw import Candidate, DrawList, Inspector, draw

LIST = DrawList(
    seed_source="first prize of the state lottery on 2026-12-01",
    scope="cn/shanxi/yuncheng",
    level=1,
    sites_each=2,
    inspectors_each=2,
    sites=(
        Candidate("apple", "cn/shanxi/yuncheng/jiang/guyu", 1),
        Candidate("birch", "cn/shanxi/yuncheng/jiang", 5),
        Candidate("cedar", "cn/shanxi/yuncheng/xia", 10),
        Candidate("daisy", "cn/shanxi/yuncheng/xia", 1),
        Candidate("elder", "cn/shanxi/yuncheng/xia", 100),
    ),
    inspectors=(
        Inspector("chen", "cn/shanxi/yuncheng"),
        Inspector("li", "cn/shanxi/yuncheng", ("apple", "elder")),
        Inspector("wang", "cn/shanxi"),
        Inspector("zhao", "cn/shanxi/yuncheng/xia"),
    ),
)


def by_hand(text: str, seed: str) -> list[tuple[str, list[str]]]:
    """The draw again, written from its description alone."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    lines = [line.split(" ") for line in text.splitlines()]
    said = {words[0]: words[1] for words in lines[2:6]}
    turns = {}

    def number(label: str, bound: int) -> int:
        for turn in turns.setdefault(label, count()):
            message = f"nightlight inspection draw 1\n{digest}\n{seed}\n{label}\n{turn}"
            x = int.from_bytes(hashlib.sha256(message.encode()).digest(), "big")
            if x < 2**256 - 2**256 % bound:
                return x % bound
        raise AssertionError

    strata: dict[str, list[list[str]]] = {}
    depth = said["scope"].count("/") + 1 + int(said["level"])
    for words in lines[6:]:
        if words[0] == "site":
            strata.setdefault("/".join(words[2].split("/")[:depth]), []).append(words)
    load, result = Counter(), []
    for stratum, sites in sorted(strata.items()):
        left = sites
        for _ in range(min(int(said["sites"]), len(left))):
            place = number(f"sites {stratum}", sum(int(words[3]) for words in left))
            while place >= int(left[0][3]):
                place -= int(left[0][3])
                left.append(left.pop(0))
            site, region = left[0][1], left[0][2]
            left = sorted(left[1:])
            team: list[str] = []
            for _ in range(int(said["inspectors"])):
                free = [
                    words[1]
                    for words in lines[6:]
                    if words[0] == "inspector"
                    and f"{region}/".startswith(f"{words[2]}/")
                    and site not in ",".join(words[4:]).split(",")
                    and words[1] not in team
                ]
                pool = [name for name in free if load[name] == min(load[one] for one in free)]
                team.append(pool[number(f"inspectors {site}", len(pool))])
            load.update(team)
            result.append((site, team))
    return result


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20), st.integers(0, 3))
def test_anybody_draws_the_same_from_the_description(seed: str, level: int) -> None:
    listed = replace(LIST, level=level)
    assert [(one.site_id, list(one.inspectors)) for one in draw(listed, seed)] == by_hand(listed.text(), seed)


def test_a_list_is_read_back_as_it_was_written() -> None:
    assert DrawList.parse(LIST.text()) == LIST


@pytest.mark.parametrize(
    "wrong",
    [
        lambda text: text[:-1],
        lambda text: text + "\n",
        lambda text: text.replace("draw 1", "draw 2"),
        lambda text: text.replace("level 1", "level 01"),
        lambda text: text.replace("site apple", "sight apple"),
        lambda text: text.replace(" 100\n", " 101\n"),
        lambda text: text.replace(" 100\n", " 0\n"),
        lambda text: text.replace("not apple,elder", "not elder,apple"),
        lambda text: "",
        lambda text: text.replace("inspector chen", "inspector Chen"),
        lambda text: text.replace("site birch cn/shanxi", "site birch cn/hebei"),
    ],
)
def test_what_is_no_list_is_refused(wrong) -> None:
    with pytest.raises(InvalidInput):
        DrawList.parse(wrong(LIST.text()))


@pytest.mark.parametrize(
    "wrong",
    [
        {"seed_source": ""},
        {"scope": "CN"},
        {"level": 4},
        {"sites_each": 0},
        {"inspectors_each": 6},
        {"sites": ()},
        {"sites": LIST.sites[::-1]},
        {"sites": (LIST.sites[0], replace(LIST.sites[0], weight=2), *LIST.sites[1:])},
        {"inspectors": LIST.inspectors[::-1]},
        {"inspectors": LIST.inspectors[:2]},
    ],
)
def test_nothing_is_drawn_from_a_plan_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        replace(LIST, **wrong)


@pytest.mark.parametrize("seed", ["", "x" * 129, "a\nb"])
def test_a_seed_is_short_and_printable(seed: str) -> None:
    with pytest.raises(InvalidInput):
        draw(LIST, seed)


def test_each_stratum_gives_its_number_or_all_that_it_has() -> None:
    listed = replace(LIST, sites_each=3)
    assert Counter(one.stratum.rpartition("/")[2] for one in draw(listed, "7")) == {"jiang": 2, "xia": 3}


def test_nobody_goes_where_they_may_not() -> None:
    for seed in map(str, range(200)):
        for one in draw(LIST, seed):
            assert len(set(one.inspectors)) == 2
            assert not ("li" in one.inspectors and one.site_id in {"apple", "elder"})
            assert not ("zhao" in one.inspectors and one.stratum.endswith("jiang"))


def test_the_first_site_is_drawn_by_its_weight() -> None:
    """Of 4,000 draws each share lies within five standard deviations; the seeds are fixed, so it never wavers."""
    listed = replace(LIST, level=0, sites_each=1)
    firsts = Counter(draw(listed, str(seed))[0].site_id for seed in range(4_000))
    whole = sum(site.weight for site in LIST.sites)
    for site in LIST.sites:
        share = site.weight / whole
        assert abs(firsts[site.site_id] / 4_000 - share) < 5 * (share * (1 - share) / 4_000) ** 0.5


def test_work_is_shared() -> None:
    sites = tuple(Candidate(f"site-{number:03}", LIST.scope, 1) for number in range(99))
    inspectors = tuple(Inspector(f"person-{number}", LIST.scope) for number in range(6))
    drawn = draw(replace(LIST, level=0, sites_each=99, sites=sites, inspectors=inspectors), "seed")
    assert set(Counter(name for one in drawn for name in one.inspectors).values()) == {33}
