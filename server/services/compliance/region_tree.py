"""The tree of the regions in which a reader sees sites, opened on the way to the one that is shown. Pure.

Invariant (I7): it is made of the sites within reach and of nothing else; a region without one is not in it.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from server.domain.compliance import worst
from server.domain.verdict import Status

ORDER = (Status.NON_COMPLIANT, Status.UNVERIFIED, Status.COMPLIANT)
BETWEEN = " / "


class RegionNode(msgspec.Struct, frozen=True, kw_only=True):
    """A region in which the reader sees sites; ``below`` is told of those on the way to the one that is shown."""

    path: str
    name: str
    name_en: str
    status: str
    counts: dict[str, int]
    is_here: bool
    below: list["RegionNode"]
    more: bool
    """It has regions below it that are not told here."""


@dataclass(frozen=True)
class Names:
    """Path → (name, its English name or nothing)."""

    known: Mapping[str, tuple[str, str]]

    def of(self, path: str) -> tuple[str, str]:
        """Its last step, where nobody has said a name."""
        step = path.rpartition("/")[2]
        return self.known.get(path, (step, ""))

    def below(self, path: str, root: str) -> tuple[str, str]:
        """The names of the steps that lead from ``root`` to ``path``, and in English where there are English ones."""
        steps = path.split("/")
        first = len(root.split("/")) if root and path != root else 0 if not root else len(steps) - 1
        names = [self.of("/".join(steps[: count + 1])) for count in range(first, len(steps))]
        return BETWEEN.join(name for name, _ in names), BETWEEN.join(english or name for name, english in names)


def tree_of(places: Sequence[tuple[str, Status]], names: Names, here: str, root: str) -> RegionNode:
    """``places``: region and verdict of each site; ``here``: the region that is shown; ``root``: where the reader's reach begins."""
    counted: dict[str, dict[Status, int]] = {}
    below: dict[str, set[str]] = defaultdict(set)
    for region, status in places:
        steps = region.split("/")
        for count in range(len(steps) + 1):
            path = "/".join(steps[:count])
            counted.setdefault(path, dict.fromkeys(ORDER, 0))[status] += 1
            if count:
                below["/".join(steps[: count - 1])].add(path)

    def node(path: str, *, alone: bool) -> RegionNode:
        counts = counted.get(path, dict.fromkeys(ORDER, 0))
        is_open = alone or path in (root, here) or here.startswith(f"{path}/")
        only_one = alone and len(below[path]) == 1
        name, english = names.of(path)
        return RegionNode(
            path=path,
            name=name,
            name_en=english,
            status=worst(status for status, count in counts.items() if count),
            counts={status.value: count for status, count in counts.items()},
            is_here=path == (here or root),
            below=[node(one, alone=only_one) for one in sorted(below[path])] if is_open else [],
            more=bool(below[path]) and not is_open,
        )

    return node(root, alone=not here or here == root)
