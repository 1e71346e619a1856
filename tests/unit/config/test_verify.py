"""The offline verifier: what is genuine passes, and every lie, an insider's too, is named."""

import hashlib
import io
import random

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks._mutations import mutate
from config.base.clock import US_PER_S
from config.base.errors import IntegrityViolation
from config.evidence import merkle, package
from config.evidence.entries import GapAttested
from config.evidence.note import ED25519_COSIGNATURE, NoteKey
from config.evidence.verify import Verified, verify
from tests.support.packages import AGENT, CENTRE, DAY_US, Evidence

STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
AGENT_KEY = NoteKey("edge-rainbow", ED25519_COSIGNATURE, AGENT.public_key().public_bytes_raw())


def check(data: bytes, **more: object) -> Verified:
    return verify(io.BytesIO(data), CENTRE.public_key(), **more)


def refusal(evidence: Evidence, **more: object) -> str:
    with pytest.raises(IntegrityViolation) as refused:
        check(evidence.build(), **more)
    return str(refused.value)


def test_a_genuine_package_says_what_it_proves() -> None:
    heard: list[tuple[int, int]] = []
    found = check(Evidence().build(), witnesses=[AGENT_KEY], progress=lambda *at: heard.append(at))
    assert (found.segments, found.covered_us, found.ledger_size) == (5, 300 * US_PER_S, 10)
    assert [gap.cause for gap in found.coverage.gaps] == ["disk_full"]
    assert found.cosigned == {"edge-rainbow": 1_800_000_000}
    assert heard[0] == (0, 23)
    assert heard[-1] == (23, 23)


def test_a_period_without_any_footage_is_genuine_too() -> None:
    assert check(Evidence(count=2, lost=(0, 1)).build()).segments == 0


def test_random_mutations_are_refused() -> None:
    """``drill evidence`` tries a hundred thousand."""
    whole, chance = Evidence().build(), random.Random(20261121)
    donors = [Evidence(camera_id="hall").build(), Evidence(start_us=DAY_US + 86_400 * US_PER_S).build()]
    for _ in range(600):
        done, spoiled = mutate(whole, chance.choice(donors), chance)
        try:
            check(spoiled)
        except IntegrityViolation:
            continue
        pytest.fail(f"{done} was taken for genuine")


def test_a_package_signed_by_another_centre_is_refused() -> None:
    assert "index.json: it is no index of a package by the key you trust" in refusal(Evidence(centre=STRANGER))


def test_the_centre_cannot_make_footage_up() -> None:
    """It holds its own key and not the agent's: the manifests do not verify."""
    evidence = Evidence(agent=STRANGER, cosigned=False)
    agents = [package.AgentKey(agent_id="edge-rainbow", public_key=AGENT.public_key().public_bytes_raw().hex())]
    evidence.index_changes = {"agents": agents}
    assert "it is not signed by its agent" in refusal(evidence)


def test_the_centre_cannot_hide_that_the_witness_saw_nothing() -> None:
    assert "a witness you name has not cosigned it (edge-rainbow)" in refusal(
        Evidence(cosigned=False), witnesses=[AGENT_KEY]
    )


def test_the_centre_cannot_call_covered_what_is_missing() -> None:
    evidence = Evidence()
    whole = [(DAY_US, DAY_US + 360 * US_PER_S)]
    evidence.coverage = msgspec.structs.replace(evidence.coverage, covered=whole, gaps=[])
    assert "of which there is no recording here" in refusal(evidence)


def test_the_centre_cannot_call_the_same_time_covered_and_missing() -> None:
    evidence = Evidence()
    gap = GapAttested(DAY_US, DAY_US + 1, "disk_full", "missing")
    evidence.coverage = msgspec.structs.replace(evidence.coverage, gaps=[gap])
    assert "covered and missing" in refusal(evidence)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"camera_id": "hall"}, "it secures another recording"),
        ({"sha256": "0" * 64}, "it secures another recording"),
        ({"manifest_sha256": "0" * 64}, "it secures another recording"),
        ({"retain_until_us": DAY_US}, "its lock ends before its day"),
    ],
)
def test_a_ledger_entry_of_something_else_secures_nothing(changes: dict[str, object], why: str) -> None:
    assert why in refusal(Evidence(entry_changes=changes))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"camera_id": "hall"}, "it is about another camera"),
        ({"end_us": DAY_US + 60 * US_PER_S}, "it is of another time"),
        ({"end_us": DAY_US}, "an empty period"),
        ({"origin": "nightlight.example/ledger/other"}, "it is of another ledger"),
        ({"agents": []}, "an agent that the index does not name"),
    ],
)
def test_an_index_of_something_else_is_refused(changes: dict[str, object], why: str) -> None:
    assert why in refusal(Evidence(index_changes=changes))


@pytest.mark.parametrize(
    "covered",
    [
        [(DAY_US + 60 * US_PER_S, DAY_US + 120 * US_PER_S), (DAY_US, DAY_US + 60 * US_PER_S)],
        [(DAY_US, DAY_US + 60 * US_PER_S), (DAY_US + 1, DAY_US + 120 * US_PER_S)],
        [(DAY_US - 1, DAY_US + 60 * US_PER_S)],
        [(DAY_US, DAY_US)],
    ],
)
def test_spans_out_of_order_are_refused(covered: list[tuple[int, int]]) -> None:
    evidence = Evidence()
    evidence.coverage = msgspec.structs.replace(evidence.coverage, covered=covered)
    assert "overlap, run backwards or leave the period" in refusal(evidence)


def test_a_broken_chain_is_named() -> None:
    evidence = Evidence()
    evidence.manifests[1] = msgspec.structs.replace(evidence.manifests[1], previous="0" * 64)
    assert "it does not continue the one before it" in refusal(evidence)


def of_leaves(size_bytes: int, root: str | None = None) -> Evidence:
    """One recording of that size, with the root over its leaves in its manifest, or another one."""
    evidence = Evidence(count=1, lost=())
    evidence.footage[0] = content = random.Random(size_bytes).randbytes(size_bytes)
    hashes = [merkle.leaf_hash(content[at : at + 65_536]) for at in range(0, size_bytes, 65_536)]
    evidence.manifests[0] = msgspec.structs.replace(
        evidence.manifests[0],
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=size_bytes,
        leaf_root=root or merkle.root_of(hashes).hex(),
    )
    return evidence


@pytest.mark.parametrize("size_bytes", [1, 65_535, 65_536, 65_537, 1_200_000, 2**21 + 3])
def test_the_root_over_a_recordings_leaves_is_computed_again(size_bytes: int) -> None:
    """Challenges are judged by it: one that is not of these bytes would have let other bytes answer for them."""
    assert check(of_leaves(size_bytes).build()).segments == 1
    said = refusal(of_leaves(size_bytes, root="0" * 64))
    assert "segments/" in said
    assert "it does not lead to the leaf root in its manifest" in said


def test_a_recording_that_is_told_twice_is_refused() -> None:
    evidence = Evidence(count=2, lost=())
    evidence.manifests[1] = msgspec.structs.replace(evidence.manifests[1], sequence=0)
    assert "it does not continue the one before it" in refusal(evidence)


def test_a_recording_that_ends_before_it_begins_is_refused() -> None:
    evidence = Evidence(count=2, lost=())
    first = evidence.manifests[0]
    evidence.manifests[0] = msgspec.structs.replace(first, start_us=first.end_us, end_us=first.start_us + 1)
    assert "it is of another time" in refusal(evidence)
