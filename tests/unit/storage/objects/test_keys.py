import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.errors import InvalidInput
from storage.objects.keys import CANARY_PREFIX, SegmentKey, day_prefix, parse

SLUGS = st.from_regex(r"[a-z0-9](?:[a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
GOOD = "sunshine/gate/2026/11/21/20261121T205614.123456Z_0123456789abcdef0123456789abcdef.mp4"


def test_a_key_reads_as_site_camera_day_and_start() -> None:
    assert SegmentKey("sunshine", "gate", 1_795_294_574_123_456, "0123456789abcdef" * 2).text == GOOD


@given(SLUGS, SLUGS, st.integers(0, 4_102_444_800_000_000), st.from_regex(r"[0-9a-f]{32}", fullmatch=True))
def test_a_key_is_parsed_back_to_what_it_was_made_from(site: str, camera: str, start_us: int, segment: str) -> None:
    key = SegmentKey(site, camera, start_us, segment)
    assert parse(key.text) == key
    assert key.text.isascii()
    assert not key.text.startswith(CANARY_PREFIX)


@given(SLUGS, st.integers(0, 4_102_444_800_000_000), st.integers(0, 4_102_444_800_000_000))
def test_keys_of_a_camera_sort_by_time(camera: str, one_us: int, other_us: int) -> None:
    one, other = (SegmentKey("s", camera, start_us, "0" * 32).text for start_us in (one_us, other_us))
    assert (one < other) == (one_us < other_us)


def test_the_day_is_a_prefix_of_its_keys() -> None:
    from config.base.clock import to_datetime

    assert GOOD.startswith(day_prefix("sunshine", "gate", to_datetime(1_795_294_574_123_456)))


@pytest.mark.parametrize(
    "key",
    [
        "",
        GOOD + "/",
        GOOD.replace("sunshine", "Sunshine"),
        GOOD.replace("sunshine/", ""),
        GOOD.replace("sunshine", ".."),
        GOOD.replace("/21/", "/22/"),
        GOOD.replace("T205614", "T255614"),
        GOOD.replace(".mp4", ".ts"),
        GOOD.replace("abcdef.mp4", "abcdeF.mp4"),
        GOOD.replace("2026", "٢٠٢٦"),
        GOOD + "\n",
    ],
)
def test_anything_else_is_no_key(key: str) -> None:
    with pytest.raises(InvalidInput):
        parse(key)


@pytest.mark.parametrize(
    ("site", "camera", "start_us", "segment"),
    [("a/b", "c", 0, "0" * 32), ("a", "..", 0, "0" * 32), ("a", "c", -1, "0" * 32), ("a", "c", 0, "0" * 31)],
)
def test_parts_that_could_reach_elsewhere_are_refused(site: str, camera: str, start_us: int, segment: str) -> None:
    with pytest.raises(InvalidInput):
        SegmentKey(site, camera, start_us, segment)
