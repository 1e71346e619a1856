import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.base.errors import InvalidInput
from storage.objects.retention import from_header, to_date, to_header, whole_second_up


@given(st.integers(0, 4_102_444_800_000_000))
def test_a_lock_date_is_never_earlier_than_asked_and_less_than_a_second_later(until_us: int) -> None:
    assert 0 <= from_header(to_header(until_us)) - until_us < 1_000_000
    assert from_header(to_header(until_us)) == whole_second_up(until_us)
    assert to_date(until_us).microsecond == 0


@pytest.mark.parametrize(
    "text", ["2026-11-22T21:03:07Z", "2026-11-22T21:03:07.000Z", "2026-11-22T22:03:07+01:00", "2026-11-22T21:03:07"]
)
def test_every_stores_way_of_writing_it_is_read(text: str) -> None:
    assert to_header(from_header(text)) == "2026-11-22T21:03:07Z"


@pytest.mark.parametrize("text", ["", "tomorrow", "1795381387"])
def test_no_date_is_an_error(text: str) -> None:
    with pytest.raises(InvalidInput):
        from_header(text)
