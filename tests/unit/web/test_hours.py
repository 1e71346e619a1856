"""Weekly hours as a person says them."""

import pytest

from server.web.hours import hours_in_words
from server.web.languages import load_languages

WORDS = load_languages()


@pytest.mark.parametrize(
    ("text", "chinese", "english"),
    [
        ("mon-fri 09:00-11:00; mon-fri 15:00-17:00", "周一至周五 09:00–11:00、15:00–17:00", "Mon to Fri 09:00–11:00, 15:00–17:00"),
        ("mon-sun 00:00-24:00", "每天 00:00–24:00", "every day 00:00–24:00"),
        ("mon 08:00-09:00; wed 08:00-09:00; sat 22:00-06:00", "周一、周三 08:00–09:00；周六 22:00–06:00", "Mon, Wed 08:00–09:00; Sat 22:00–06:00"),
        ("whenever", "whenever", "whenever"),
    ],
)  # fmt: skip
def test_hours(text, chinese, english):
    assert (hours_in_words(text, WORDS["zh-CN"]), hours_in_words(text, WORDS["en"])) == (chinese, english)
