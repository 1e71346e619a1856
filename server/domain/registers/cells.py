"""One cell: from what somebody typed to a value, or a fault with a code and what was wanted instead.

Invariant: nothing is guessed. What a spreadsheet has rounded is refused, not repaired.
Source: GB/T 28181-2022, annex E (device ids), IEEE 802 (MAC addresses).
"""

import re
import unicodedata
from collections.abc import Callable
from datetime import date

from config.base.errors import InvalidInput
from config.base.ids import is_slug

Value = str | int | float | bool | tuple[str, ...] | None
Reader = Callable[[str], Value]
CELL_CHARS_MAX = 400
MANY_MAX = 64
GB28181_CAMERA_TYPES = ("131", "132")
"""Digits 11 to 13 of a device's id: 131 camera, 132 network camera."""
_ROUNDED = re.compile(r"[0-9](\.[0-9]+)?[Ee]\+?[0-9]+")
_DAY = re.compile(
    r"([0-9]{4})(?:[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})|年([0-9]{1,2})月([0-9]{1,2})日|([0-9]{2})([0-9]{2}))"
)
_ERRORS = frozenset({"#REF!", "#N/A", "#NAME?", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!"})
"""What a spreadsheet shows where a formula fails."""
_YES, _NO = ("yes", "y", "true", "1", "是", "有"), ("no", "n", "false", "0", "否", "无")
_HOURS = re.compile(
    r"(mon|tue|wed|thu|fri|sat|sun)(-(mon|tue|wed|thu|fri|sat|sun))? ([01][0-9]|2[0-3]):[0-5][0-9]-"
    r"(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)"
)


class CellFault(InvalidInput):
    """A cell that cannot stand; ``wanted`` fills in the words of ``code``."""

    def __init__(self, code: str, wanted: str = "") -> None:
        super().__init__(f"{code} {wanted}".rstrip(), code=code)
        self.wanted = wanted


def clean(given: str) -> str:
    """What was meant as text: without blanks around it, and without the apostrophe that an export puts before ``=+-@``.

    Raises CellFault for what no text may hold.
    """
    text = given.strip()
    if text[:1] == "'" and text[1:2] in ("=", "+", "-", "@"):
        text = text[1:]
    if len(text) > CELL_CHARS_MAX:
        raise CellFault("too_long", str(CELL_CHARS_MAX))
    if text in _ERRORS:
        raise CellFault("formula_error")
    if not text.isprintable():
        raise CellFault("unprintable")
    return text


def plain(text: str) -> str:
    """For codes and numbers: full-width digits and letters become plain ones. Raises CellFault for a rounded number."""
    narrow = unicodedata.normalize("NFKC", text).strip()
    if _ROUNDED.fullmatch(narrow):
        raise CellFault("rounded_number")
    return narrow


def words(chars_max: int = 120) -> Reader:
    """Free text."""

    def read(text: str) -> Value:
        if len(text) > chars_max:
            raise CellFault("too_long", str(chars_max))
        return text

    return read


def slug(text: str) -> Value:
    """An id."""
    narrow = plain(text).lower()
    if not is_slug(narrow):
        raise CellFault("not_an_id")
    return narrow


def point(text: str) -> Value:
    """What a panel calls a partition or point: at most 32 letters, digits and hyphens."""
    narrow = plain(text)
    if not re.fullmatch(r"[0-9A-Za-z-]{1,32}", narrow):
        raise CellFault("not_a_point")
    return narrow


def many(text: str) -> Value:
    """Several ids, with semicolons, commas or blanks between them; sorted, each once."""
    found = tuple(sorted({str(slug(part)) for part in re.split(r"[;,、\s]+", plain(text)) if part}))
    if len(found) > MANY_MAX:
        raise CellFault("too_many", str(MANY_MAX))
    return found


def whole(low: int, high: int) -> Reader:
    """A whole number."""

    def read(text: str) -> Value:
        narrow = plain(text)
        if not re.fullmatch(r"[0-9]{1,9}", narrow) or not low <= int(narrow) <= high:
            raise CellFault("not_in_range", f"{low}–{high}")
        return int(narrow)

    return read


def area(text: str) -> Value:
    """Square metres, at most 1,000,000 and to a tenth."""
    narrow = plain(text)
    if not re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,4})?", narrow) or float(narrow) > 1_000_000:
        raise CellFault("not_in_range", "0–1000000")
    return round(float(narrow), 1)


def yes_no(text: str) -> Value:
    """``yes`` or ``no``, in either language."""
    narrow = plain(text).lower()
    if narrow not in _YES + _NO:
        raise CellFault("not_yes_no")
    return narrow in _YES


def day(text: str) -> Value:
    """A day as ISO text; also as 2026/1/31, 2026.1.31, 2026年1月31日 or 20260131."""
    found = _DAY.fullmatch(plain(text))
    if found is None:
        raise CellFault("not_a_day")
    year, month, number = (int(part) for part in found.groups() if part)
    try:
        read = date(year, month, number)
    except ValueError as error:
        raise CellFault("not_a_day") from error
    if not 1950 <= year <= 2100:
        raise CellFault("not_a_day")
    return read.isoformat()


def gb28181(text: str) -> Value:
    """A camera's id of 20 digits: 8 of the place, 2 of the trade, 3 of the type, 1 of the network, 6 of the device."""
    narrow = plain(text)
    if not re.fullmatch(r"[0-9]{20}", narrow):
        raise CellFault("not_gb28181")
    if narrow[10:13] not in GB28181_CAMERA_TYPES:
        raise CellFault("not_a_camera_type", narrow[10:13])
    return narrow


def mac(text: str) -> Value:
    """Six bytes in hexadecimal, with colons, hyphens, dots or nothing between them."""
    digits = re.sub(r"[:.-]", "", plain(text)).lower()
    if not re.fullmatch(r"[0-9a-f]{12}", digits):
        raise CellFault("not_a_mac")
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def hours(text: str) -> Value:
    """Weekly hours such as ``mon-fri 19:00-07:00``, several with semicolons."""
    lines = [re.sub(r"\s+", " ", line.strip().lower()) for line in plain(text).split(";") if line.strip()]
    if not lines or not all(_HOURS.fullmatch(line) for line in lines):
        raise CellFault("not_hours")
    return "; ".join(lines)


def contact(text: str) -> Value:
    """One e-mail address or telephone number."""
    narrow = plain(text)
    if not re.fullmatch(r"[^@\s]{1,64}@[^@\s]{1,54}|\+?[0-9][0-9 -]{5,18}[0-9]", narrow):
        raise CellFault("not_a_contact")
    return narrow


def region_code(text: str) -> Value:
    """An administrative code: digits and, outside China, letters."""
    narrow = plain(text).upper()
    if not re.fullmatch(r"[0-9A-Z]{1,12}(-[0-9A-Z]{1,3})?", narrow):
        raise CellFault("not_a_code")
    return narrow


def region_path(text: str) -> Value:
    """A path such as ``cn/sichuan/luzhou``."""
    narrow = plain(text).strip("/").lower()
    if len(narrow) > 64 or not all(is_slug(step) for step in narrow.split("/")):
        raise CellFault("not_a_path")
    return narrow
