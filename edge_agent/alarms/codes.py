"""What the codes of alarm panels mean here. Pure tables; a code that stands in none is kept and shown as ``other``.

``about`` pairs an end with its beginning: a restore ends what is open at the same point under a code that starts with
its ``about``. So ``BR`` (about ``B``) ends ``BA`` and ``BT``, and ``AR`` ends ``AT`` and no other trouble.

Source: SIA DC-03-1990.01 (R2003.10), annex of event codes; SIA DC-05-1999.09 (Contact ID), table of event codes.
"""

from typing import NamedTuple

from config.wire.alarms import AlarmKind, AlarmState


class Meaning(NamedTuple):
    """A code in our words."""

    kind: AlarmKind
    state: AlarmState
    about: str


SUBJECTS: dict[str, AlarmKind] = {
    "B": "intrusion",
    "F": "fire",
    "G": "gas",
    "H": "panic",
    "K": "fire",
    "M": "medical",
    "P": "panic",
    "Q": "panic",
    "S": "fire",
    "T": "tamper",
    "U": "intrusion",
    "W": "water",
    "Z": "environment",
}
"""First letter of a DC-03 code that is about a point: burglary, fire, gas, hold-up, heat, medical, panic, emergency,
sprinkler, tamper, untyped, water, freeze."""


def _of_points() -> dict[str, Meaning]:
    made: dict[str, Meaning] = {}
    for letter, kind in SUBJECTS.items():
        trouble: AlarmKind = "tamper" if kind == "tamper" else "trouble"
        made |= {
            f"{letter}A": Meaning(kind, "raised", f"{letter}A"),
            f"{letter}H": Meaning(kind, "restored", f"{letter}A"),
            f"{letter}R": Meaning(kind, "restored", letter),
            f"{letter}T": Meaning(trouble, "raised", f"{letter}T"),
            f"{letter}J": Meaning(trouble, "restored", f"{letter}T"),
            f"{letter}S": Meaning("trouble", "raised", f"{letter}T"),
            f"{letter}B": Meaning("bypass", "raised", f"{letter}B"),
            f"{letter}U": Meaning("bypass", "restored", f"{letter}B"),
            f"{letter}X": Meaning("test", "test", f"{letter}X"),
        }
    return made


def _all(codes: str, kind: AlarmKind, state: AlarmState, about: str = "") -> dict[str, Meaning]:
    return {code: Meaning(kind, state, about or code) for code in codes.split()}


def _pairs(pairs: str, kind: AlarmKind) -> dict[str, Meaning]:
    made: dict[str, Meaning] = {}
    for pair in pairs.split():
        begin, end = pair.split("/")
        made |= {begin: Meaning(kind, "raised", begin), end: Meaning(kind, "restored", begin)}
    return made


DC03: dict[str, Meaning] = {
    **_of_points(),
    **_all("BV BM", "intrusion", "raised", "BA"),
    **_all("EA", "perimeter", "raised"),
    **_all("BC OC", "other", "noted"),
    **_all("BG UG FG", "other", "noted"),
    **_all("OP OA OB OG OH OJ OK OL OQ OR OS", "arming", "disarmed", "OP"),
    **_all("CL CA CF CG CJ CK CP CQ CS CW NL NM NF", "arming", "armed", "OP"),
    **_all("CI CD OT CT OI", "off_schedule", "raised"),
    **_all("RP RX TX TC TP TS TE RY", "test", "test", "TX"),
    **_pairs("AT/AR YT/YR YP/YQ YA/YH YI/YJ YC/YK YX/YZ LT/LR XT/XR XQ/XH ET/ER NT/NR VT/VR VO/VI UY/UJ", "trouble"),
    **_all("YS", "trouble", "raised", "YC"),
    **_all("YM", "trouble", "raised", "YT"),
    **_all("YF YW XL XX EM CM UZ BZ RT", "trouble", "raised"),
    **_pairs("ES/EJ XS/XJ", "tamper"),
    **_pairs("DF/DR DL/DH", "access"),
    **_all("DC DD DE DG DI DJ DK DM DN DO DP DQ DS DT DV DW DX DY DZ", "access", "noted"),
    **_all("JA", "access", "raised"),
}

_CID_SINGLE: dict[int, AlarmKind] = {
    113: "fire",
    130: "intrusion",
    131: "perimeter",
    132: "interior",
    133: "intrusion",
    134: "perimeter",
    135: "perimeter",
    136: "perimeter",
    137: "tamper",
    141: "tamper",
    142: "tamper",
    143: "trouble",
    144: "tamper",
    145: "tamper",
    147: "trouble",
    151: "gas",
    154: "water",
    155: "perimeter",
    156: "trouble",
    157: "gas",
    162: "gas",
    341: "tamper",
    383: "tamper",
    423: "access",
    453: "off_schedule",
    454: "off_schedule",
    455: "off_schedule",
    461: "access",
}
_CID_NOTED = (*range(405, 407), 411, 412, 413, 414, 415, 416, 451, 452, 457, 458, 459, 464, 465, 466)
_CID_RANGES: tuple[tuple[range, AlarmKind], ...] = (
    (range(100, 110), "medical"),
    (range(110, 120), "fire"),
    (range(120, 130), "panic"),
    (range(130, 150), "intrusion"),
    (range(150, 170), "environment"),
    (range(200, 400), "trouble"),
    (range(400, 420), "arming"),
    (range(420, 440), "access"),
    (range(441, 460), "arming"),
    (range(500, 600), "bypass"),
    (range(601, 617), "test"),
)
NEW, RESTORED, STILL = "1", "3", "6"
"""Contact ID's qualifiers: new event or opening, restore or closing, reported before and still so."""


def dc03(code: str) -> Meaning:
    """A two-letter code."""
    return DC03.get(code) or Meaning("other", "noted", code)


def contact_id(qualifier: str, event: str) -> Meaning:
    """An event code of three digits with its qualifier."""
    number = int(event)
    of_range: AlarmKind = next((found for span, found in _CID_RANGES if number in span), "other")
    kind = _CID_SINGLE.get(number, of_range)
    if kind == "other" or number in _CID_NOTED or number in (421, 422):
        return Meaning("access" if kind == "access" else "other", "noted", event)
    if kind == "test":
        return Meaning("test", "test", event)
    if kind == "arming":
        return Meaning("arming", "disarmed" if qualifier == NEW else "armed", "OP")
    return Meaning(kind, "restored" if qualifier == RESTORED else "raised", event)
