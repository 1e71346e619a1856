"""Retention counts from the end of the capture; forbidden places stay forbidden."""

import pytest

from config.base.clock import US_PER_DAY
from config.base.errors import InvalidInput
from server.domain.retention import retain_until_us
from server.domain.zones import ALLOWED_KINDS, FORBIDDEN_KINDS, check_camera_allowed, check_kind


def test_retention_is_the_days_and_one_more_rounded_up_to_a_second() -> None:
    assert retain_until_us(1, 1, 90) == 91 * US_PER_DAY + 1_000_000
    assert retain_until_us(1_000_000, 5 * US_PER_DAY, 90) == 91 * US_PER_DAY + 1_000_000


def test_a_wrong_clock_does_not_choose_the_lock() -> None:
    now_us = 20_000 * US_PER_DAY
    assert retain_until_us(now_us + 25_000 * US_PER_DAY, now_us, 90) == now_us + 91 * US_PER_DAY
    assert retain_until_us(365 * US_PER_DAY, now_us, 90) == now_us + 91 * US_PER_DAY


@pytest.mark.parametrize("kind", sorted(FORBIDDEN_KINDS))
def test_no_camera_in_a_forbidden_place(kind: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_camera_allowed(kind)
    assert caught.value.code == "forbidden_zone"


@pytest.mark.parametrize("kind", sorted(ALLOWED_KINDS))
def test_other_places_are_allowed(kind: str) -> None:
    check_camera_allowed(kind)


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="sleeping"):
        check_kind("garage")
