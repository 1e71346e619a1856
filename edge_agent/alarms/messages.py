"""The data of a DC-09 frame as reports: DC-03 and Contact ID. Pure, and never raises: what is not understood is left out.

A frame may hold several reports. What none can be read from gives one report of kind ``other``, so that nothing a panel
says is lost (I11); the bytes themselves are kept beside it anyway.

Source: SIA DC-07 (data of the tokens), SIA DC-03 (modifiers, codes, texts), SIA DC-05 (QXYZ GG CCC).
"""

import re
from dataclasses import dataclass, replace

from edge_agent.alarms import codes
from edge_agent.alarms.codes import Meaning
from edge_agent.alarms.dc09 import ADM_CID, Content, Frame

REPORTS_MAX = 8
"""Of one frame; more than that is cut, and the cut is told in the last one's text."""
TEXT_CHARS_MAX = 160
UNREAD = Meaning("other", "noted", "")

_ACCOUNT = re.compile(r"(?:#[0-9A-Fa-f]{3,16})?\|?")
_CID = re.compile(r"([136])(\d{3}) ([0-9A-Fa-f]{2}) ([0-9A-Fa-f]{3})")
_DC03_PART = re.compile(
    r"""(?P<slash>/)
      | \^(?P<named>[^^]*)\^
      | \*(?P<quote>['"])(?P<quoted>.*?)(?P=quote)(?:NM)?
      | \|A(?P<ascii>.*)\Z
      | (?P<modifier>[a-z]{2})(?P<value>[^/^*|A-Z]*)
      | (?P<code>[A-Z]{2})(?P<address>[0-9]*)""",
    re.VERBOSE | re.DOTALL,
)


@dataclass(frozen=True)
class Report:
    """One thing that a frame reports; ``point`` is a zone, a door or a user, as the code has it."""

    code: str
    meaning: Meaning
    partition: str = ""
    point: str = ""
    text: str = ""


def reports_of(frame: Frame, content: Content) -> list[Report]:
    """What a frame of ``SIA-DCS`` or ``ADM-CID`` reports; at least one."""
    data = content.data.decode("cp1252", "replace")
    data = data[_match_end(data) :]
    found = _contact_id(data) if frame.token == ADM_CID else _dc03(data)
    text = content.extended.get("I", "")
    if not found:
        return [Report(code="", meaning=UNREAD, text=f"not understood: {data}"[:TEXT_CHARS_MAX])]
    if len(found) > REPORTS_MAX:
        unread = f"{len(found) - REPORTS_MAX} more reports in this frame"
        found = [*found[: REPORTS_MAX - 1], replace(found[REPORTS_MAX - 1], text=unread)]
    return [replace(report, text=_printable(report.text or text)) for report in found]


def _contact_id(data: str) -> list[Report]:
    found = _CID.match(data)
    if found is None:
        return []
    qualifier, event, group, point = found.groups()
    meaning = codes.contact_id(qualifier, event)
    return [Report(f"{qualifier}{event}", meaning, _number(group), _number(point))]


def _dc03(data: str) -> list[Report]:
    if data[:1] not in ("N", "O"):  # a new event, or an old one
        return []
    reports: list[Report] = []
    partition, position, begun = "", 1, True
    while part := _DC03_PART.match(data, position):
        position = part.end()
        if part["modifier"] == "ri":
            partition = _number(part["value"])
        elif part["code"] and begun:  # in ``OP001NM`` the letters after the number are no second code
            reports.append(Report(part["code"], codes.dc03(part["code"]), partition, _number(part["address"])))
        elif reports and (text := part["named"] or part["quoted"] or part["ascii"]):
            reports[-1] = replace(reports[-1], text=text)
        begun = bool(part["slash"] or part["modifier"])
    return reports


def _number(text: str) -> str:
    """``003`` is point 3; zero stands for none."""
    return text.lstrip("0").upper()[:16]


def _printable(text: str) -> str:
    return "".join(char for char in text if char.isprintable()).strip()[:TEXT_CHARS_MAX]


def _match_end(data: str) -> int:
    found = _ACCOUNT.match(data)
    return found.end() if found else 0
