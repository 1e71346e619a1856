"""Two variants from one decoding: aligned, alike to an eye, apart by the pattern; and no more cameras at once than there are slots."""

import io
import struct

import av
import numpy as np
import pytest

from config.base.errors import ResourceExhausted
from config.wire.live import INIT, IS_KEYFRAME, IS_VARIANT_B, MARKED, MARKED_HEADER_BYTES
from config.wire.marking import CELLS_ACROSS, CELLS_DOWN, GROUP_US, blend, signs
from edge_agent.live.sending import Sending
from edge_agent.live.slots import Slots
from tests.unit.edge_agent.test_live import packets

SEED = "5e" * 16


def sent(frames: int, codec: str = "h264", begin_us: int = 0) -> list[bytes]:
    sending = Sending(marking=SEED, utc_us=lambda at_us: at_us)
    made = [one._replace(captured_us=begin_us + one.presented_us) for one in packets(codec, frames)]
    return [message for one in made for message in sending.take(one, behind=False)]


def frames_of(messages: list[bytes], variant: int) -> list[tuple[int, int, bytes]]:
    """Flags, group and fragment."""
    return [
        (message[1], struct.unpack(">Q", message[2:MARKED_HEADER_BYTES])[0], message[MARKED_HEADER_BYTES:])
        for message in messages
        if message[:1] == MARKED and message[1] & IS_VARIANT_B == variant
    ]


def decoded(initialisation: bytes, frames: list[tuple[int, int, bytes]]) -> np.ndarray:
    whole = initialisation[1:] + b"".join(fragment for _, _, fragment in frames)
    with av.open(io.BytesIO(whole)) as container:
        return np.array([one.to_ndarray()[: one.height] for one in container.decode(video=0)], np.float32)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_both_variants_have_the_same_frames_and_begin_each_slot_with_a_keyframe(codec):
    messages = sent(40, codec, begin_us=7 * GROUP_US + GROUP_US // 2)
    assert messages[0][:1] == INIT
    assert [one[:1] for one in messages[1:]] == [MARKED] * (len(messages) - 1)
    a, b = frames_of(messages, 0), frames_of(messages, 1)
    assert [(flags, group) for flags, group, _ in a] == [(flags & ~1, group) for flags, group, _ in b]
    groups = [group for _, group, _ in a]
    assert groups == sorted(groups)
    assert {*groups} == {7, 8, 9, 10}
    began = [group for flags, group, _ in a if flags & IS_KEYFRAME]
    assert began == sorted({*groups})
    assert decoded(messages[0], a).shape == decoded(messages[0], b).shape


def test_the_variants_differ_by_the_pattern_and_hardly():
    messages = sent(25)
    a, b = (decoded(messages[0], frames_of(messages, variant)) for variant in (0, 1))
    difference = (b - a).mean(axis=0)
    assert 10 * np.log10(255**2 / ((b - a) ** 2).mean()) > 36
    down, across = (np.array(blend(cells, size)) for cells, size in ((CELLS_DOWN, 192), (CELLS_ACROSS, 320)))
    assert np.corrcoef((down @ np.array(signs(SEED)) @ across.T).ravel(), difference.ravel())[0, 1] > 0.7


def test_a_pattern_is_balanced_and_another_cameras_is_another():
    cells = np.array(signs(SEED))
    assert cells.shape == (CELLS_DOWN, CELLS_ACROSS)
    assert cells.sum() == 0
    assert (np.array(signs("ab" * 16)) != cells).any()
    assert np.allclose(np.array(blend(5, 37)).sum(axis=1), 1)


def test_a_camera_beyond_the_slots_is_refused_until_one_is_free(tmp_path):
    slots = Slots(tmp_path / "transcoding", 1)
    packet = packets("hevc", 1)[0]
    first, second = Sending(slots), Sending(slots, marking=SEED)
    list(first.take(packet, behind=False))
    with pytest.raises(ResourceExhausted) as refused:
        list(second.take(packets("h264", 1)[0], behind=False))
    assert refused.value.code == "busy"
    assert "transcodes_max" in str(refused.value)
    list(Sending(slots).take(packets("h264", 1)[0], behind=False))  # what needs no encoder needs no slot
    first.close()
    list(second.take(packets("h264", 1)[0], behind=False))
    second.close()
    second.close()
    assert Slots(tmp_path / "transcoding", 0).take() is None
