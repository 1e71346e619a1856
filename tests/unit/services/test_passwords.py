"""Which passwords are taken."""

import pytest

from config.base.errors import InvalidInput
from server.services.people.passwords import check_password_allowed


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short", "password_length"),
        ("x" * 257, "password_length"),
        ("password1234", "password_breached"),
        ("!!!Password123", "password_breached"),
        ("qwertyqwerty", "password_breached"),
        ("123456789012", "password_breached"),
        ("sunshine2026!", "password_breached"),
        ("lin-weiwei-2026", "password_breached"),
    ],
)
def test_what_attackers_try_first_is_refused(password, code):
    with pytest.raises(InvalidInput) as refused:
        check_password_allowed(password, ("lin-weiwei",))
    assert refused.value.code == code


@pytest.mark.parametrize(
    "password", ["little-lamp-at-night", "seven-small-lamps-in-a-row", "一盏小夜灯照亮整个房间的夜晚"]
)
def test_a_long_one_of_ones_own_is_taken(password):
    check_password_allowed(password, ("lin",))
