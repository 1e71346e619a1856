"""Challenges: when they are due, what an answer proves, and what may be said of the rest."""

import hashlib
import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.base.clock import US_PER_DAY, US_PER_S
from config.base.timespan import Span
from config.evidence.leaves import LEAF_BYTES, LeafTree, is_leaf_of, leaf_count
from server.domain import cells
from server.domain.audit import Drift
from server.domain.cells import Asked, Read, judge

DATA = random.Random(4).randbytes(3 * LEAF_BYTES + 100)
TREE, LEAF = LeafTree.over([DATA], keep=2)
ASKED = Asked(TREE.root(), len(DATA), hashlib.sha256(DATA).hexdigest(), "v", 1_000, 2)
READ = Read("v", len(DATA), ASKED.sha256, 1_000, LEAF, TREE.path(2))


def test_the_right_leaf_under_the_right_lock_proves_it() -> None:
    assert judge(ASKED, READ) == (None, "")


@pytest.mark.parametrize(
    ("read", "drift"),
    [
        (None, Drift.OBJECT_MISSING),
        (replace(READ, version_id="w"), Drift.OBJECT_MISSING),
        (replace(READ, leaf=b""), Drift.OBJECT_CORRUPT),
        (replace(READ, leaf=LEAF[:-1] + bytes([LEAF[-1] ^ 1])), Drift.OBJECT_CORRUPT),
        (replace(READ, leaf=DATA[:LEAF_BYTES], path=TREE.path(0)), Drift.OBJECT_CORRUPT),
        (replace(READ, path=READ.path[:-1]), Drift.OBJECT_CORRUPT),
        (replace(READ, sha256="0" * 64), Drift.OBJECT_CORRUPT),
        (replace(READ, size_bytes=1), Drift.OBJECT_CORRUPT),
        (replace(READ, compliance_until_us=999), Drift.LOCK_SHORT),
        (replace(READ, compliance_until_us=None), Drift.LOCK_SHORT),
    ],
    ids=["gone", "version", "empty", "bit", "another leaf", "path", "the rest", "size", "shorter", "no lock"],
)
def test_anything_else_does_not(read: Read | None, drift: Drift) -> None:
    assert judge(ASKED, read)[0] is drift


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 3 * LEAF_BYTES + 3), st.integers(5_000, 200_000), st.data())
def test_every_leaf_of_any_recording_can_be_answered(size: int, block: int, data: st.DataObject) -> None:
    whole = random.Random(size).randbytes(size)  # no two leaves are alike
    index = data.draw(st.integers(0, leaf_count(size) - 1))
    tree, leaf = LeafTree.over([whole[at : at + block] for at in range(0, size, block)], keep=index)
    assert (tree.size_bytes, tree.sha256) == (size, hashlib.sha256(whole).hexdigest())
    assert is_leaf_of(tree.root(), size, index, leaf, tree.path(index))
    assert not is_leaf_of(tree.root(), size, index + 1, leaf, tree.path(index))


def test_a_draw_is_paid_for_by_what_was_recorded_or_by_time() -> None:
    now_us = 10**15
    assert cells.draw_is_due(cells.BYTES_A_DRAW, now_us, now_us, now_us)
    assert not cells.draw_is_due(cells.BYTES_A_DRAW - 1, now_us, None, now_us)
    assert cells.draw_is_due(1, now_us - cells.WAIT_US_MAX, now_us, now_us)
    assert cells.draw_is_due(0, None, None, now_us)
    assert not cells.draw_is_due(0, None, now_us - 1, now_us)
    assert cells.draw_is_due(0, None, now_us - cells.WAIT_US_MAX, now_us)


def test_the_bound_is_one_minus_f_to_the_k() -> None:
    assert cells.chance_to_miss(0.01, 299) == pytest.approx(0.99**299)
    assert cells.chance_to_miss(0.01, 299) < 0.05 < cells.chance_to_miss(0.01, 298)
    assert cells.lost_at_most(0) == 1.0
    for samples in (1, 59, 299, 10_000):
        assert cells.chance_to_miss(cells.lost_at_most(samples), samples) == pytest.approx(0.05)


def test_a_recording_of_more_than_a_camera_sends_is_too_dense_however_it_is_cut() -> None:
    assert not cells.is_too_dense(cells.BYTES_A_S_MAX * 60, 60 * US_PER_S)
    assert not cells.is_too_dense(3 * 2**20, US_PER_S // 25)  # one key frame and the box around it
    assert cells.is_too_dense(2**32, 60 * US_PER_S)
    assert cells.is_too_dense(cells.BURST_BYTES + 1, 0)


def test_recordings_count_while_somebody_answers_for_them_or_until_the_last_lock_ends() -> None:
    retain_us, now_us, far_us = 90 * US_PER_DAY, 200 * US_PER_DAY, 300 * US_PER_DAY
    assert cells.unproven_from_us(None, far_us, retain_us, now_us) == 0
    assert cells.unproven_from_us(now_us - cells.PROOF_US_MAX, far_us, retain_us, now_us) is None
    proven_us = now_us - cells.PROOF_US_MAX - 1
    assert cells.unproven_from_us(proven_us, far_us, retain_us, now_us) == proven_us - retain_us
    assert cells.unproven_from_us(proven_us, proven_us + US_PER_DAY, retain_us, far_us) is None
    assert cells.unproven_from_us(US_PER_DAY, far_us, retain_us, now_us) == 0


def near(start_s: float, end_s: float, timeline_id: str, size_bytes: int = 1_000_000) -> cells.Neighbour:
    return cells.Neighbour(Span(round(start_s * US_PER_S), round(end_s * US_PER_S)), timeline_id, size_bytes)


def comes(
    start_s: float, end_s: float, timeline_id: str, *before: cells.Neighbour, size_bytes: int = 1_000_000
) -> bool:
    span = Span(round(start_s * US_PER_S), round(end_s * US_PER_S))
    return not cells.is_too_many(span, timeline_id, size_bytes, before)


def test_recordings_beside_each_other_are_as_cameras_make_them() -> None:
    assert comes(100, 160, "a")
    assert comes(100, 160, "a", near(40, 100, "a"), near(160, 220, "a"))
    # Killed, rescued and begun again, its start seen late; and what was cut short.
    assert comes(137, 160, "a", near(100, 140, "a"), near(40, 100, "a"))
    assert comes(100, 160, "a", *(near(100 + n, 101 + n, "a") for n in range(6)))
    # The camera's own memory, read twice, beside what was recorded live before and after the clock was set right.
    assert comes(100, 160, "memory-2", near(100, 160, "a"), near(90, 150, "b"), near(100, 160, "memory-1"))


def test_the_same_time_again_and_again_is_not() -> None:
    assert not comes(100, 160, "a", near(100, 160, "a"))
    assert not comes(100, 160, "a", near(149, 170, "a"))
    assert not comes(100, 160, "a", near(95, 106, "a"), near(110, 115, "a"))
    assert not comes(100, 160, "e", *(near(90 + n, 150 + n, f"{n}") for n in range(cells.DEPTH_MAX)))
    assert comes(100, 160, "e", *(near(100 + 15 * n, 115 + 15 * n, f"{n}") for n in range(cells.DEPTH_MAX)))


def test_a_thousand_splinters_are_no_recordings_of_a_camera() -> None:
    splinters = [near(100 + n / 1_000, 100 + (n + 1) / 1_000, "a", cells.BURST_BYTES) for n in range(1_000)]
    assert not comes(101, 101.001, "a", *splinters, size_bytes=cells.BURST_BYTES)
    assert comes(101, 101.001, "a", *splinters[:100], size_bytes=cells.BURST_BYTES)
    assert not comes(200, 201, "a", *[near(200 + n / 5_000, 200 + (n + 1) / 5_000, "b", 1) for n in range(5_000)])
