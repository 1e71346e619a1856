"""The Merkle tree of a ledger: roots, inclusion proofs and consistency proofs, by RFC 6962 hashing.

Nothing here holds the tree. Whoever holds it says what the hash of a *complete subtree* is: ``node(level, n)`` is
the root over leaves ``[n << level, (n + 1) << level)``. Such a node never changes once its leaves are there, so
a ledger stores each one once and appends; any root and any proof of any size is made from O(log² n) of them.

Source: RFC 6962, section 2.1 (hashing); RFC 9162, sections 2.1.3 and 2.1.4 (proofs and how to check them).
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

HASH_BYTES = 32
LEAVES_MAX = 2**62
EMPTY_ROOT = hashlib.sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
"""``(level, number)`` to the 32 bytes of a complete subtree; level 0 are the leaf hashes."""


class Node(NamedTuple):
    """A complete subtree that became known."""

    level: int
    number: int
    hash: bytes


def leaf_hash(entry: bytes | memoryview) -> bytes:
    """SHA-256 over 0x00 and the entry."""
    found = hashlib.sha256(b"\x00")
    found.update(entry)
    return found.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256 over 0x01 and both children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def append(size: int, leaf: bytes, node: NodeReader) -> list[Node]:
    """The nodes that appear when ``leaf`` (a leaf hash) becomes number ``size``: itself, and each subtree it completes."""
    made = [Node(0, size, leaf)]
    while made[-1].number & 1:
        level, number, right = made[-1]
        made.append(Node(level + 1, number >> 1, node_hash(node(level, number - 1), right)))
    return made


def root(size: int, node: NodeReader) -> bytes:
    """The root over the first ``size`` leaves; of none, the hash of nothing."""
    return _range_root(0, size, node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, node: NodeReader) -> list[bytes]:
    """The audit path of leaf ``index`` in the tree of ``size``, lowest sibling first. Raises ValueError out of range."""
    if not 0 <= index < size:
        raise ValueError(f"leaf {index} is not in a tree of {size}")
    path: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            start = middle
    return path[::-1]


def consistency_proof(older: int, newer: int, node: NodeReader) -> list[bytes]:
    """What shows that the tree of ``newer`` begins with the tree of ``older``. Raises ValueError out of range."""
    if not 0 <= older <= newer:
        raise ValueError(f"a tree of {newer} cannot continue one of {older}")
    if older in (0, newer):
        return []
    path: list[bytes] = []
    start, end, whole = 0, newer, True
    while older != end - start:
        middle = start + _split(end - start)
        if older <= middle - start:
            path.append(_range_root(middle, end, node))
            end = middle
        else:
            path.append(_range_root(start, middle, node))
            older -= middle - start
            start, whole = middle, False
    if not whole:
        path.append(_range_root(start, end, node))
    return path[::-1]


def includes(root_hash: bytes, size: int, index: int, leaf: bytes, proof: Sequence[bytes]) -> bool:
    """Whether ``proof`` shows that ``leaf`` (a leaf hash) is number ``index`` of the tree (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and found == root_hash


def continues(older: tuple[int, bytes], newer: tuple[int, bytes], proof: Sequence[bytes]) -> bool:
    """Whether the tree ``newer`` (size, root) begins with the tree ``older`` (RFC 9162, 2.1.4.2)."""
    (old_size, old_root), (new_size, new_root) = older, newer
    if not 0 <= old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    if old_size == 0:
        return not proof and old_root == EMPTY_ROOT
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    if not path:
        return False
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_found = new_found = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            old_found, new_found = node_hash(sibling, old_found), node_hash(sibling, new_found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_found = node_hash(new_found, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and old_found == old_root and new_found == new_root


def root_of(leaves: Iterable[bytes]) -> bytes:
    """The root over leaf hashes that are at hand, in one pass and O(log n) memory."""
    peaks: list[tuple[int, bytes]] = []
    for leaf in leaves:
        level, found = 0, leaf
        while peaks and peaks[-1][0] == level:
            found = node_hash(peaks.pop()[1], found)
            level += 1
        peaks.append((level, found))
    if not peaks:
        return EMPTY_ROOT
    _, found = peaks.pop()
    while peaks:
        found = node_hash(peaks.pop()[1], found)
    return found


def _split(width: int) -> int:
    """The largest power of two below ``width``."""
    return 1 << (width - 1).bit_length() - 1


def _range_root(start: int, end: int, node: NodeReader) -> bytes:
    """The root over leaves ``[start, end)``, a range that the recursion of RFC 6962 comes by."""
    found: bytes | None = None
    while end > start:  # complete subtrees from the right, which is the order they are folded in
        level = min((end & -end).bit_length() - 1, (end - start).bit_length() - 1)
        subtree = node(level, (end >> level) - 1)
        found = subtree if found is None else node_hash(subtree, found)
        end -= 1 << level
    if found is None:
        raise ValueError("an empty range has no root")
    return found
