"""The shared calendar as a file that calendar programs subscribe to or open (text/calendar). Pure.

Invariant: an event keeps its UID, so that a calendar that is opened again holds nothing twice. Source: RFC 5545, sections 3.1
(folding at 75 octets), 3.3.11 (escaping), 3.6.1 (an event of a whole day).
"""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import NamedTuple

OCTETS_MAX = 75
_ESCAPED = str.maketrans({"\\": "\\\\", ";": "\\;", ",": "\\,", "\n": "\\n", "\r": None})


class CalendarEvent(NamedTuple):
    """An event of a whole day."""

    uid: str
    day: date
    title: str
    text: str
    cancelled: bool = False


def calendar(name: str, events: Iterable[CalendarEvent], made: str) -> bytes:
    """``made``: the instant in basic form, 20261122T100000Z."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Nightlight//agenda//EN", f"X-WR-CALNAME:{_text(name)}"]
    for event in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{event.uid}@nightlight",
            f"DTSTAMP:{made}",
            f"DTSTART;VALUE=DATE:{event.day:%Y%m%d}",
            f"DTEND;VALUE=DATE:{event.day + timedelta(days=1):%Y%m%d}",
            f"SUMMARY:{_text(event.title)}",
            f"DESCRIPTION:{_text(event.text)}",
            f"STATUS:{'CANCELLED' if event.cancelled else 'CONFIRMED'}",
            "TRANSP:TRANSPARENT",
            "END:VEVENT",
        ]
    lines.append("END:VCALENDAR")
    return "".join(_folded(line) for line in lines).encode()


def _text(text: str) -> str:
    return "".join(char for char in text.translate(_ESCAPED) if char.isprintable())


def _folded(line: str) -> str:
    """Never within a character."""
    parts, held = [""], 0
    for char in line:
        size = len(char.encode())
        if held + size > OCTETS_MAX:
            parts.append(" ")
            held = 1
        parts[-1] += char
        held += size
    return "\r\n".join(parts) + "\r\n"
