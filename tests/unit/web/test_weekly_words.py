"""Weekly hours in Chinese mean what the rules read, there and back."""

import pytest

from server.domain.weekly_hours import parse
from server.web.weekly_words import to_code, to_words


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("周一至周五 9:00-11:00", "mon-fri 09:00-11:00"),
        ("星期一到星期五9：00到11：00；周六 09:00～12:00", "mon-fri 09:00-11:00; sat 09:00-12:00"),
        ("每天 08:00-17:30", "mon-sun 08:00-17:30"),
        ("周日 15:00-16:00，周天 10:00-11:00", "sun 15:00-16:00; sun 10:00-11:00"),
        ("mon-fri 08:00-17:30; sat 09:00-12:00", "mon-fri 08:00-17:30; sat 09:00-12:00"),
    ],
)
def test_what_people_write_is_read(written, meant):
    assert parse(to_code(written)) == parse(meant)


@pytest.mark.parametrize("code", ["mon-fri 09:00-11:00", "sat 09:00-12:00; sun 22:00-06:00"])
def test_what_is_shown_can_be_sent_back(code):
    assert parse(to_code(to_words(code, "zh-CN"))) == parse(code)
    assert to_words(code, "en") == code


def test_what_is_not_understood_stays_for_the_reader_of_hours_to_refuse():
    assert to_code("早上") == "早上"
