"""The ledger's tree against the definition of RFC 6962, against itself, and against forgeries."""

import hashlib

from hypothesis import given
from hypothesis import strategies as st

from config.evidence import merkle


def defined_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(defined_root(leaves[:k]), defined_root(leaves[k:]))


class Held:
    """A tree as a ledger holds it: every node once, never changed."""

    def __init__(self, size: int) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        self.leaves = [merkle.leaf_hash(b"%d" % number) for number in range(size)]
        for number, leaf in enumerate(self.leaves):
            for level, index, found in merkle.append(number, leaf, self.node):
                assert (level, index) not in self.nodes
                self.nodes[level, index] = found

    def node(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]


def test_every_root_up_to_seventy_leaves_is_the_defined_one() -> None:
    held = Held(70)
    for size in range(71):
        assert merkle.root(size, held.node) == defined_root(held.leaves[:size])
        assert merkle.root_of(held.leaves[:size]) == merkle.root(size, held.node)


def test_the_root_of_the_rfc_test_vectors() -> None:
    # Certificate Transparency's reference implementation: eight inputs, the roots of the first n.
    inputs = [
        bytes.fromhex(x)
        for x in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
    ]
    roots = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    for size, expected in roots.items():
        assert merkle.root_of(merkle.leaf_hash(x) for x in inputs[:size]).hex() == expected


def test_every_inclusion_and_every_consistency_proof_up_to_forty_leaves() -> None:
    held = Held(40)
    roots = {size: merkle.root(size, held.node) for size in range(41)}
    for size in range(1, 41):
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, held.node)
            assert merkle.includes(roots[size], size, index, held.leaves[index], proof)
        for older in range(size + 1):
            proof = merkle.consistency_proof(older, size, held.node)
            assert merkle.continues((older, roots[older]), (size, roots[size]), proof)


@given(size=st.integers(1, 300), data=st.data())
def test_no_other_leaf_place_root_or_path_is_included(size: int, data: st.DataObject) -> None:
    held = Held(size)
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(index, size, held.node)
    root, leaf = merkle.root(size, held.node), held.leaves[index]
    assert merkle.includes(root, size, index, leaf, proof)
    other = merkle.leaf_hash(b"another")
    assert not merkle.includes(root, size, index, other, proof)
    assert not merkle.includes(other, size, index, leaf, proof)
    assert not merkle.includes(root, size, index, leaf, [*proof, other])
    wrong = data.draw(st.integers(-1, size + 3).filter(lambda number: number != index))
    assert not merkle.includes(root, size, wrong, leaf, proof) or held.leaves[wrong] == leaf
    if proof:
        spoiled = data.draw(st.integers(0, len(proof) - 1))
        assert not merkle.includes(root, size, index, leaf, [*proof[:spoiled], other, *proof[spoiled + 1 :]])
        assert not merkle.includes(root, size, index, leaf, proof[:-1])


@given(newer=st.integers(1, 300), data=st.data())
def test_a_rewritten_past_is_no_continuation(newer: int, data: st.DataObject) -> None:
    held = Held(newer)
    older = data.draw(st.integers(1, newer))
    proof = merkle.consistency_proof(older, newer, held.node)
    old, new = (older, merkle.root(older, held.node)), (newer, merkle.root(newer, held.node))
    assert merkle.continues(old, new, proof)
    other = merkle.leaf_hash(b"another")
    assert not merkle.continues((older, other), new, proof)
    assert not merkle.continues(old, (newer, other), proof)
    if older != newer:
        assert not merkle.continues(old, new, [*proof, other])
        assert not merkle.continues(new, old, proof)
