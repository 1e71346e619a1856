"""Which passwords are taken."""

import re
from pathlib import Path

import pytest
from argon2 import PasswordHasher, Type

from config.base.errors import InvalidInput
from server.services.people.passwords import check_password_allowed

SERVER = Path(__file__).parents[3] / "server"


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


def test_a_password_costs_whoever_guesses_as_much_as_owasp_asks():
    """Argon2id of 19 MiB and two rounds at least; tests hash for less, so the sources themselves are looked at."""
    made = PasswordHasher()
    assert (made.type, made.memory_cost >= 19_456, made.time_cost >= 2) == (Type.ID, True, True)
    sources = [file.read_text() for file in SERVER.rglob("*.py")]
    assert {found for text in sources for found in re.findall(r"PasswordHasher\([^)]*\)?", text)} == {
        "PasswordHasher()"
    }
