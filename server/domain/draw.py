r"""Which sites are inspected, and by whom: drawn from a seed and a published list, so that anybody can draw again. Pure.

Double-random inspection (双随机): the sites are drawn at random, weighted by risk, and so are the inspectors of each. The draw,
version 1, can be repeated with nothing but SHA-256:

1. The list is text, one fact a line, each ended by a line feed::

       nightlight inspection draw 1
       seed SOURCE                      what the seed is going to be, said before anybody can know it
       scope REGION
       level L                          0: one stratum; 1: a stratum for each region one step below; 2: two steps
       sites S                          so many of each stratum, or all that it has
       inspectors K                     so many different ones at each site
       site ID REGION WEIGHT            in order of their ids; WEIGHT is a whole number from 1 to 100
       inspector NAME REGION [not SITE,SITE]    in order of their names; REGION is the subtree in which they may inspect

2. ``P`` is the SHA-256 of those bytes, in lower-case hexadecimal. It is published before the seed is known.
3. ``number(LABEL, N)``: for ``i`` = 0, 1, 2, … let ``x`` be the SHA-256 of ``nightlight inspection draw 1\nP\nSEED\nLABEL\ni``
   (UTF-8, decimal ``i``) as a big-endian number. Where ``x`` is not below the largest multiple of ``N`` up to 2**256 it is
   passed over; otherwise the number is ``x mod N``. Each label goes on with the ``i`` after its last.
4. The stratum of a site is the first steps of its REGION, as many as ``scope`` has and ``level`` more. For each stratum in
   order of its path, S times: the sites not drawn yet lie end to end in their order, each as long as its weight, ``N`` in all;
   ``number("sites STRATUM", N)`` is a place in one of them.
5. For each drawn site in that order, ``K`` times: of the inspectors whose subtree holds the site, who are not kept from it and
   not yet at it, those with the fewest sites so far, in order of their names; ``number("inspectors SITE", how many these are)``
   is the next one.

Invariant: the same list and seed give the same draw; within a stratum each next site is as likely as its share of what weight
is left (successive sampling), and no inspector is sent where they may not go.
"""

import hashlib
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, groupby

from config.base.errors import InvalidInput
from config.base.ids import is_slug

ALGORITHM = "nightlight inspection draw 1"
WEIGHT_MAX = 100
LEVELS_MAX = 3
SITES_MAX = 20_000
INSPECTORS_MAX = 2_000
AT_A_SITE_MAX = 5
SEED_CHARS_MAX = 128


@dataclass(frozen=True, order=True)
class Candidate:
    """A site that can be drawn; ``weight`` from 1 to 100, the greater the likelier."""

    site_id: str
    region: str
    weight: int


@dataclass(frozen=True, order=True)
class Inspector:
    """Somebody who can be sent; ``kept_from``: sites where they have an interest, in order."""

    name: str
    region: str
    kept_from: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drawn:
    """A site that is to be inspected."""

    stratum: str
    site_id: str
    inspectors: tuple[str, ...]


@dataclass(frozen=True)
class DrawList:
    """What is drawn from; raises InvalidInput where nothing can be drawn from it. The order of its parts is step 1's."""

    seed_source: str
    scope: str
    level: int
    sites_each: int
    inspectors_each: int
    sites: tuple[Candidate, ...]
    inspectors: tuple[Inspector, ...]

    def __post_init__(self) -> None:
        _check_plan(self)
        for site in self.sites:
            _check_site(self, site)
        for inspector in self.inspectors:
            _check_inspector(inspector)
        for site in self.sites:
            if len(self.eligible(site)) < self.inspectors_each:
                raise InvalidInput(
                    f"{len(self.eligible(site))} inspectors may go to {site.site_id}, {self.inspectors_each} are needed:"
                    " name more, or send fewer",
                    code="too_few_inspectors",
                )

    @cached_property
    def sha256(self) -> str:
        return hashlib.sha256(self.text().encode()).hexdigest()

    def text(self) -> str:
        """The lines of step 1."""
        lines = [
            ALGORITHM,
            f"seed {self.seed_source}",
            f"scope {self.scope}",
            f"level {self.level}",
            f"sites {self.sites_each}",
            f"inspectors {self.inspectors_each}",
            *(f"site {site.site_id} {site.region} {site.weight}" for site in self.sites),
            *(_inspector_line(inspector) for inspector in self.inspectors),
        ]
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> "DrawList":
        """Raises InvalidInput where the text is no list as ``text`` writes it."""
        try:
            made = _parsed(text.split("\n"))
        except (ValueError, IndexError) as error:
            raise InvalidInput("not a list of an inspection draw", code="bad_draw_list") from error
        if made.text() != text:
            raise InvalidInput(
                "not a list of an inspection draw: its lines are not as they are written", code="bad_draw_list"
            )
        return made

    def stratum(self, site: Candidate) -> str:
        """Step 4."""
        depth = len(self.scope.split("/")) + self.level
        return "/".join(site.region.split("/")[:depth])

    def eligible(self, site: Candidate) -> tuple[Inspector, ...]:
        """Those who may be sent to a site, in order."""
        return self._eligible.get((site.region, site.site_id if site.site_id in self._awkward else ""), ())

    @cached_property
    def _awkward(self) -> frozenset[str]:
        """The sites that somebody is kept from."""
        return frozenset(site_id for inspector in self.inspectors for site_id in inspector.kept_from)

    @cached_property
    def _eligible(self) -> dict[tuple[str, str], tuple[Inspector, ...]]:
        """By region and, where somebody is kept from it, by site: many sites share an answer."""
        kinds = {(site.region, site.site_id if site.site_id in self._awkward else "") for site in self.sites}
        return {
            (region, site_id): tuple(
                inspector
                for inspector in self.inspectors
                if within(region, inspector.region) and site_id not in inspector.kept_from
            )
            for region, site_id in kinds
        }


def within(region: str, subtree: str) -> bool:
    """Whether a region is the root of a subtree or lies below it."""
    return region == subtree or region.startswith(f"{subtree}/")


def draw(listed: DrawList, seed: str) -> tuple[Drawn, ...]:
    """Steps 2 to 5, in the order of the draw. Raises InvalidInput for a seed that cannot be."""
    if not 1 <= len(seed) <= SEED_CHARS_MAX or not seed.isprintable():
        raise InvalidInput(f"a seed has 1 to {SEED_CHARS_MAX} printable characters", code="bad_seed")
    prefix = f"{ALGORITHM}\n{listed.sha256}\n{seed}\n"
    load: Counter[str] = Counter()
    drawn = []
    for stratum, members in groupby(
        sorted(listed.sites, key=lambda site: (listed.stratum(site), site)), listed.stratum
    ):
        for site in _sites(tuple(members), listed.sites_each, _numbers(f"{prefix}sites {stratum}\n")):
            sent = _inspectors(listed, site, load, _numbers(f"{prefix}inspectors {site.site_id}\n"))
            drawn.append(Drawn(stratum, site.site_id, sent))
    return tuple(drawn)


def _sites(members: tuple[Candidate, ...], wanted: int, numbers: Iterator[int]) -> list[Candidate]:
    left = list(members)
    drawn: list[Candidate] = []
    while left and len(drawn) < wanted:
        ends = list(accumulate(site.weight for site in left))
        drawn.append(left.pop(bisect_right(ends, _below(ends[-1], numbers))))
    return drawn


def _inspectors(listed: DrawList, site: Candidate, load: Counter[str], numbers: Iterator[int]) -> tuple[str, ...]:
    left = [inspector.name for inspector in listed.eligible(site)]
    sent = []
    for _ in range(listed.inspectors_each):
        fewest = min(load[name] for name in left)
        pool = [name for name in left if load[name] == fewest]
        chosen = pool[_below(len(pool), numbers)]
        left.remove(chosen)
        sent.append(chosen)
    load.update(sent)
    return tuple(sent)


def _numbers(prefix: str) -> Iterator[int]:
    turn = 0
    while True:
        yield int.from_bytes(hashlib.sha256(f"{prefix}{turn}".encode()).digest(), "big")
        turn += 1


def _below(bound: int, numbers: Iterator[int]) -> int:
    """The next number below ``bound``, each as likely as the others."""
    fair = 2**256 // bound * bound
    return next(number for number in numbers if number < fair) % bound


def _inspector_line(inspector: Inspector) -> str:
    kept_from = f" not {','.join(inspector.kept_from)}" if inspector.kept_from else ""
    return f"inspector {inspector.name} {inspector.region}{kept_from}"


def _parsed(lines: list[str]) -> DrawList:
    head = dict(zip(("seed", "scope", "level", "sites", "inspectors"), lines[1:6], strict=True))
    said = {name: line.removeprefix(f"{name} ") for name, line in head.items()}
    parts = [line.split(" ") for line in lines[6:-1]]
    return DrawList(
        said["seed"],
        said["scope"],
        int(said["level"]),
        int(said["sites"]),
        int(said["inspectors"]),
        tuple(Candidate(words[1], words[2], int(words[3])) for words in parts if words[0] == "site"),
        tuple(
            Inspector(words[1], words[2], tuple(words[4].split(",")) if words[3:4] == ["not"] else ())
            for words in parts
            if words[0] == "inspector"
        ),
    )


def _check_plan(listed: DrawList) -> None:
    if not 1 <= len(listed.seed_source) <= SEED_CHARS_MAX or not listed.seed_source.isprintable():
        raise InvalidInput("say what the seed is going to be, in 1 to 128 printable characters", code="bad_seed_source")
    if not _is_region(listed.scope):
        raise InvalidInput(f"{listed.scope!r} is no region", code="bad_region")
    if not 0 <= listed.level <= LEVELS_MAX:
        raise InvalidInput(f"a draw is made at level 0 to {LEVELS_MAX}", code="bad_level")
    if not 1 <= listed.sites_each <= SITES_MAX or not 1 <= listed.inspectors_each <= AT_A_SITE_MAX:
        raise InvalidInput(f"draw at least one site of each stratum and send 1 to {AT_A_SITE_MAX}", code="bad_number")
    if not 1 <= len(listed.sites) <= SITES_MAX or len(listed.inspectors) > INSPECTORS_MAX:
        raise InvalidInput("there is no site to draw from, or too much of something", code="bad_draw_list")
    if list(listed.sites) != sorted({site.site_id: site for site in listed.sites}.values()):
        raise InvalidInput("sites stand in order of their ids, each once", code="bad_draw_list")
    if list(listed.inspectors) != sorted({one.name: one for one in listed.inspectors}.values()):
        raise InvalidInput("inspectors stand in order of their names, each once", code="bad_draw_list")


def _check_site(listed: DrawList, site: Candidate) -> None:
    if not is_slug(site.site_id) or not _is_region(site.region) or not within(site.region, listed.scope):
        raise InvalidInput(f"{site.site_id!r} in {site.region!r} is no site of {listed.scope}", code="bad_draw_list")
    if not 1 <= site.weight <= WEIGHT_MAX:
        raise InvalidInput(f"{site.site_id}: a weight is 1 to {WEIGHT_MAX}", code="bad_weight")


def _check_inspector(inspector: Inspector) -> None:
    if not is_slug(inspector.name) or not _is_region(inspector.region):
        raise InvalidInput(f"{inspector.name!r} of {inspector.region!r} is no inspector", code="bad_draw_list")
    if not all(map(is_slug, inspector.kept_from)) or list(inspector.kept_from) != sorted(set(inspector.kept_from)):
        raise InvalidInput(f"{inspector.name}: sites to be kept from stand in order, each once", code="bad_draw_list")


def _is_region(path: str) -> bool:
    return all(map(is_slug, path.split("/")))
