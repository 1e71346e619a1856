"""Duties that come round: how long ago something was done, and when it is due again. Days of the site's own calendar.

A month ends on the same date of the next one, or on its last day where that date does not exist: what was done on
31 January is a month old on 28 February (29 in a leap year) and older from the day after on.
"""

import calendar
from datetime import date

from config.base.errors import InvalidInput


def add_months(day: date, months: int) -> date:
    """The same date ``months`` later. Raises InvalidInput past the year 9999."""
    years, month0 = divmod(day.month - 1 + months, 12)
    try:
        year = day.year + years
        return date(year, month0 + 1, min(day.day, calendar.monthrange(year, month0 + 1)[1]))
    except ValueError as error:
        raise InvalidInput(f"{months} months after {day} is past every calendar", code="bad_day") from error


def months_between(done: date, today: date) -> float:
    """How many months old something is: whole ones, and a part of the next; 0 where it was done today or later."""
    if today <= done:
        return 0.0
    whole = (today.year - done.year) * 12 + today.month - done.month
    whole -= add_months(done, whole) > today
    begun = add_months(done, whole)
    return whole + (today - begun).days / (add_months(done, whole + 1) - begun).days
