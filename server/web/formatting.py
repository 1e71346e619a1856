"""Instants and durations in words, in the site's own time zone and the reader's language."""

from datetime import date
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_skeleton
from babel.numbers import format_percent

from config.base.clock import US_PER_MINUTE, US_PER_S, to_datetime
from server.web.languages import Language

US_PER_HOUR = 60 * US_PER_MINUTE
_SECONDS_MATTER_US = 10 * US_PER_MINUTE


class Words:
    """Writes times for one reader about one site."""

    def __init__(self, language: Language, timezone: str, *, odd_day: bool = False) -> None:
        """``odd_day``: the day is not 24 h long, so that an hour may come twice and the offset is written beside it."""
        self._language = language
        self._zone = ZoneInfo(timezone)
        self._offset = " ZZZZ" if odd_day else ""

    @property
    def zone(self) -> ZoneInfo:
        """The site's own time zone."""
        return self._zone

    def clock(self, instant_us: int, *, seconds: bool = False) -> str:
        """15:04, or 15:04:05."""
        pattern = ("HH:mm:ss" if seconds else "HH:mm") + self._offset
        return format_datetime(to_datetime(instant_us), pattern, tzinfo=self._zone, locale=self._language.locale)

    def field(self, instant_us: int) -> str:
        """As a field for date and time takes it: 2026-11-22T15:04, with seconds where it is no whole minute."""
        pattern = "%Y-%m-%dT%H:%M:%S" if instant_us % US_PER_MINUTE >= US_PER_S else "%Y-%m-%dT%H:%M"
        return to_datetime(instant_us).astimezone(self._zone).strftime(pattern)

    def hour(self, instant_us: int) -> str:
        """The hour alone: 09."""
        return format_datetime(to_datetime(instant_us), "HH", tzinfo=self._zone, locale=self._language.locale)

    def moment(self, instant_us: int, day: date) -> str:
        """The time, with the date before it where that is not ``day``."""
        if to_datetime(instant_us).astimezone(self._zone).date() == day:
            return self.clock(instant_us)
        on = format_skeleton("MMMd", to_datetime(instant_us), tzinfo=self._zone, locale=self._language.locale)
        return f"{on} {self.clock(instant_us)}"

    def dated(self, instant_us: int) -> str:
        """The date of an instant with its year."""
        return format_skeleton("yMMMd", to_datetime(instant_us), tzinfo=self._zone, locale=self._language.locale)

    def day(self, day: date) -> str:
        """The date in full, with its weekday."""
        return format_date(day, "full", locale=self._language.locale)

    def duration(self, length_us: int) -> str:
        """A length of time, rounded down; seconds show only where they matter. Nothing that there is is called nothing."""
        text = self._language.text
        if 0 < length_us < US_PER_S:
            return text("less than 1 s")
        if length_us < US_PER_MINUTE:
            return text("%(s)d s") % {"s": length_us // US_PER_S}
        if length_us < _SECONDS_MATTER_US and (seconds := length_us % US_PER_MINUTE // US_PER_S):
            return text("%(min)d min %(s)d s") % {"min": length_us // US_PER_MINUTE, "s": seconds}
        return self.minutes(length_us)

    def minutes(self, length_us: int) -> str:
        """A length of time in hours and whole minutes, rounded down."""
        text = self._language.text
        hours, minutes = divmod(length_us // US_PER_MINUTE, 60)
        if hours and minutes:
            return text("%(h)d h %(min)d min") % {"h": hours, "min": minutes}
        if hours:
            return text("%(h)d h") % {"h": hours}
        return text("%(min)d min") % {"min": minutes} if minutes or length_us <= 0 else text("less than 1 min")

    def share(self, part_us: int, whole_us: int) -> str:
        """A percentage, rounded down: only the whole is ever called 100 %."""
        tenths = part_us * 1_000 // whole_us if whole_us else 0
        return format_percent(tenths / 1_000, "0.#%", locale=self._language.locale)
