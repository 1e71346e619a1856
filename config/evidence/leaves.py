"""The Merkle tree of one recording: leaves of 64 KiB of its bytes, in order, the last one as short as it is.

Whoever holds the root can ask for any leaf and needs nothing else to know whether the answer is right.

Source: RFC 6962, section 2.1; as the ledger's tree (``config.evidence.merkle``).
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO

from config.evidence import merkle

LEAF_BYTES = 1 << 16


def leaf_count(size_bytes: int) -> int:
    """How many leaves so many bytes have."""
    return -(-size_bytes // LEAF_BYTES)


def root_of_file(opened: BinaryIO) -> bytes:
    """The root over a regular file from where it stands to its end, in O(log n) memory."""
    return merkle.root_of(merkle.leaf_hash(leaf) for leaf in iter(lambda: opened.read(LEAF_BYTES), b""))


@dataclass
class LeafTree:
    """The tree over bytes that come block by block, of any lengths; 32 bytes of memory a leaf."""

    hashes: list[bytes] = field(default_factory=list)
    sha256: str = ""
    """Of all bytes; there after ``close``."""
    size_bytes: int = 0

    @classmethod
    def over(cls, blocks: Iterable[bytes], *, keep: int = -1) -> "tuple[LeafTree, bytes]":
        """The tree of a whole recording, and the bytes of leaf ``keep`` (none where there is no such leaf)."""
        tree, whole, rest, kept = cls(), hashlib.sha256(), b"", b""
        for block in blocks:
            whole.update(block)
            tree.size_bytes += len(block)
            view = memoryview(rest + block if rest else block)
            whole_leaves = len(view) - len(view) % LEAF_BYTES
            for start in range(0, whole_leaves, LEAF_BYTES):
                kept = tree._add(view[start : start + LEAF_BYTES], keep) or kept
            rest = bytes(view[whole_leaves:])
        if rest:
            kept = tree._add(memoryview(rest), keep) or kept
        tree.sha256 = whole.hexdigest()
        return tree, kept

    def root(self) -> bytes:
        """The root over all leaves."""
        return merkle.root_of(self.hashes)

    def path(self, index: int) -> list[bytes]:
        """What leads from leaf ``index`` to the root. Raises ValueError out of range."""
        known: dict[tuple[int, int], bytes] = {}

        def node(level: int, number: int) -> bytes:
            if level == 0:
                return self.hashes[number]
            if (level, number) not in known:
                known[level, number] = merkle.node_hash(node(level - 1, 2 * number), node(level - 1, 2 * number + 1))
            return known[level, number]

        return merkle.inclusion_proof(index, len(self.hashes), node)

    def _add(self, leaf: memoryview, keep: int) -> bytes:
        self.hashes.append(merkle.leaf_hash(leaf))
        return bytes(leaf) if len(self.hashes) - 1 == keep else b""


def is_leaf_of(root: bytes, size_bytes: int, index: int, leaf: bytes, path: list[bytes]) -> bool:
    """Whether ``leaf`` are the bytes at place ``index`` of the recording that this root was taken of."""
    count = leaf_count(size_bytes)
    if not 0 <= index < count:
        return False
    length = min(LEAF_BYTES, size_bytes - index * LEAF_BYTES)
    return len(leaf) == length and merkle.includes(root, count, index, merkle.leaf_hash(leaf), path)
