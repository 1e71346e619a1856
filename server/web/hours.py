"""Weekly hours in words: ``mon-fri 09:00-11:00; mon-fri 15:00-17:00`` as 周一至周五 09:00–11:00、15:00–17:00. Pure."""

from collections import defaultdict
from collections.abc import Sequence
from functools import reduce
from itertools import pairwise

from babel.dates import get_day_names

from config.base.errors import InvalidInput
from server.domain.weekly_hours import DAY_MIN, parse
from server.web.languages import Language


def hours_in_words(text: str, language: Language) -> str:
    """What is no weekly hours stays as it stands."""
    try:
        lines = parse(text).lines
    except InvalidInput:
        return text
    times: dict[int, list[str]] = defaultdict(list)
    for weekday, start, end in sorted(lines):
        times[weekday].append(f"{_clock(start)}–{_clock(end)}")
    days: dict[tuple[str, ...], list[int]] = defaultdict(list)
    for weekday in sorted(times):
        days[tuple(times[weekday])].append(weekday)
    return language.text("; ").join(f"{_days(some, language)} {_list(at, language)}" for at, some in days.items())


def _list(items: Sequence[str], language: Language) -> str:
    return reduce(lambda first, then: language.text("%(first)s, %(then)s") % {"first": first, "then": then}, items)


def _clock(minute: int) -> str:
    minute = minute if minute <= DAY_MIN else minute - DAY_MIN
    return f"{minute // 60:02}:{minute % 60:02}"


def _days(days: list[int], language: Language) -> str:
    names = get_day_names("abbreviated", context="stand-alone", locale=language.locale)
    if len(days) == 7:
        return language.text("every day")
    if len(days) > 2 and all(after == before + 1 for before, after in pairwise(days)):
        return language.text("%(first)s to %(last)s") % {"first": names[days[0]], "last": names[days[-1]]}
    return _list([names[day] for day in days], language)
