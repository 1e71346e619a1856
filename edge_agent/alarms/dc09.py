r"""DC-09 frames: taken apart, deciphered, and made. Pure; bytes in, bytes out.

Invariants: nothing in a frame is believed before its CRC and length fit. A frame that cannot be one raises
``InvalidInput`` and nothing else, whatever the bytes are. A deciphered frame counts only where it ends in a well-formed
time stamp: that is all the standard offers against a wrong key, for its CBC carries no authentication code.

    >>> frame = parse(b'\nCE110032"SIA-DCS"9876R579BDFL789ABC#12345A[#12345A|NFA129]\r')
    >>> frame.token, frame.sequence, frame.content
    ('SIA-DCS', '9876', b'#12345A|NFA129]')

Source: ANSI/SIA DC-09-2013, 5.4.4 padding, 5.4.6 CBC, 5.5.1 event frames, 5.5.2 null message, 5.5.3 acknowledgements.
"""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from config.base.clock import from_datetime, to_datetime
from config.base.errors import ConfigurationError, InvalidInput

LF, CR = b"\n", b"\r"
BODY_BYTES_MAX = 0xFFF
"""The length field is a zero and three hexadecimal digits."""
FRAME_BYTES_MAX = BODY_BYTES_MAX + 10
KEY_BYTES = (16, 24, 32)
NULL, SIA_DCS, ADM_CID = "NULL", "SIA-DCS", "ADM-CID"
BLOCK_BYTES = 16
NOT_PADDING = frozenset(b"|[]")

_FRAME = re.compile(rb"\n([0-9A-Fa-f]{4})(0[0-9A-Fa-f]{3})(\".*)\r", re.DOTALL)
_HEAD = re.compile(
    rb'"(?P<cipher>\*?)(?P<token>[A-Z0-9-]{2,10})"(?P<sequence>[0-9]{4})'
    rb"(?:R(?P<receiver>[0-9A-Fa-f]{1,6}))?(?:L(?P<line>[0-9A-Fa-f]{1,6}))?(?:#(?P<account>[0-9A-Fa-f]{3,16}))?\["
)
_STAMP = re.compile(rb"_(\d\d:\d\d:\d\d,\d\d-\d\d-\d{4})\Z")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{32})+")
_INNER_ACCOUNT = re.compile(rb"#([0-9A-Fa-f]{3,16})\|")


@dataclass(frozen=True)
class Frame:
    """A frame whose CRC and length fit. ``content`` is what follows the opening bracket, still enciphered or plain."""

    raw: bytes
    token: str
    encrypted: bool
    sequence: str
    receiver: str | None
    line: str | None
    account: str
    content: bytes


@dataclass(frozen=True)
class Content:
    """What a frame says: ``data`` before the first closing bracket, extended data by its letter, the panel's time."""

    data: bytes
    extended: dict[str, str]
    stamp_us: int | None
    plain: bytes
    """All of it as it stood in the frame, without the padding."""


def crc(body: bytes) -> int:
    """CRC-16 (reflected 0x8005, from zero). Source: SIA DC-07, as DC-09 5.5.1.2 asks for."""
    found = 0
    for byte in body:
        found ^= byte
        for _ in range(8):
            found = (found >> 1) ^ 0xA001 if found & 1 else found >> 1
    return found


def framed(body: bytes) -> bytes:
    """A body with its line feed, CRC, length and carriage return."""
    return b"\n%04X%04X%s\r" % (crc(body), len(body), body)


def parse(raw: bytes) -> Frame:
    """Raises InvalidInput: ``not_a_frame``, ``bad_length``, ``bad_crc``, ``bad_head``."""
    found = _FRAME.fullmatch(raw) if len(raw) <= FRAME_BYTES_MAX else None
    if found is None:
        raise InvalidInput("not a DC-09 frame", code="not_a_frame")
    body = found[3]
    if int(found[2], 16) != len(body):
        raise InvalidInput(f"the frame says {int(found[2], 16)} bytes and has {len(body)}", code="bad_length")
    if int(found[1], 16) != crc(body):
        raise InvalidInput("the frame's CRC does not fit", code="bad_crc")
    head = _HEAD.match(body)
    if head is None:
        raise InvalidInput("the frame's head is not of DC-09", code="bad_head")
    content = body[head.end() :]
    inner = _INNER_ACCOUNT.match(content)
    account = head["account"] or (inner[1] if inner and not head["cipher"] else b"")
    return Frame(
        raw=raw,
        token=head["token"].decode(),
        encrypted=bool(head["cipher"]),
        sequence=head["sequence"].decode(),
        receiver=_text(head["receiver"]),
        line=_text(head["line"]),
        account=account.decode().upper(),
        content=content,
    )


def read(frame: Frame, key: bytes | None) -> Content:
    """What the frame says; ``key`` deciphers it where it is enciphered.

    Raises InvalidInput: ``bad_key`` where it cannot be deciphered, or not with this key; ``bad_content``.
    """
    if not frame.encrypted:
        return _content(frame.content)
    if key is None or not _HEX.fullmatch(frame.content):
        raise InvalidInput("the frame is enciphered and cannot be deciphered", code="bad_key")
    plain = _deciphered(key, bytes.fromhex(frame.content.decode()))
    if _STAMP.search(plain) is None or b"]" not in plain:
        raise InvalidInput("the frame was enciphered with another key", code="bad_key")
    padding, bar, rest = plain.partition(b"|")
    # Some panels leave the bar out of a null message, which has nothing but padding before its closing bracket.
    return _content(rest if bar and b"]" not in padding else plain[plain.index(b"]") :])


def _content(plain: bytes) -> Content:
    data, bracket, rest = plain.partition(b"]")
    if not bracket:
        raise InvalidInput("the frame's data has no end", code="bad_content")
    stamp = _STAMP.search(rest)
    extended: dict[str, str] = {}
    for part in re.findall(rb"\[([A-Z][^\]]*)\]", rest):
        extended[chr(part[0])] = part[1:].decode("cp1252", "replace")
    return Content(data, extended, instant_of(stamp[1]) if stamp else None, plain)


def instant_of(stamp: bytes) -> int | None:
    """``HH:MM:SS,MM-DD-YYYY`` in UTC; None where there is no such instant."""
    try:
        found = datetime.strptime(stamp.decode("ascii"), "%H:%M:%S,%m-%d-%Y").replace(tzinfo=UTC)
    except (ValueError, UnicodeDecodeError):
        return None
    return max(0, from_datetime(found))


def stamp_of(instant_us: int) -> bytes:
    """The time stamp of an instant, with its leading underscore."""
    return to_datetime(instant_us).strftime("_%H:%M:%S,%m-%d-%Y").encode()


def enciphered(key: bytes, content: bytes) -> bytes:
    """Padding, a bar and ``content``, in CBC from a vector of zeros, as hexadecimal digits."""
    length = BLOCK_BYTES - (len(content) + 1) % BLOCK_BYTES
    padding = bytearray()
    while len(padding) < length:
        padding += bytes(byte for byte in secrets.token_bytes(length) if byte not in NOT_PADDING)
    cipher = Cipher(AES(key), CBC(bytes(BLOCK_BYTES))).encryptor()
    whole = cipher.update(bytes(padding[:length]) + b"|" + content) + cipher.finalize()
    return whole.hex().upper().encode()


def _deciphered(key: bytes, data: bytes) -> bytes:
    cipher = Cipher(AES(key), CBC(bytes(BLOCK_BYTES))).decryptor()
    return cipher.update(data) + cipher.finalize()


def acknowledgement(frame: Frame, key: bytes | None, now_us: int) -> bytes:
    """ACK: received, and kept. Enciphered where the frame was."""
    if frame.encrypted and key is not None:
        return framed(b'"*ACK"%s[%s' % (_echo(frame), enciphered(key, b"]" + stamp_of(now_us))))
    return framed(b'"ACK"%s[]' % _echo(frame))


def negative(now_us: int) -> bytes:
    """NAK: the time stamp is out of the band; here is the time. Never enciphered."""
    return framed(b'"NAK"0000R0L0A0[]%s' % stamp_of(now_us))


def unable(frame: Frame) -> bytes:
    """DUH: received without a fault, and nothing can be done with it. Never enciphered."""
    return framed(b'"DUH"%s[]' % _echo(frame))


def _echo(frame: Frame) -> bytes:
    """Sequence, receiver, line and account as the panel gave them; what it left out stays out."""
    receiver = f"R{frame.receiver}" if frame.receiver is not None else ""
    line = f"L{frame.line}" if frame.line is not None else ""
    account = f"#{frame.account}" if frame.account else ""
    return f"{frame.sequence}{receiver}{line}{account}".encode()


def key_from(text: str, name: str) -> bytes:
    """The AES key in a panel's key file, as hexadecimal digits. Raises ConfigurationError."""
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) not in KEY_BYTES:
        raise ConfigurationError(f"'{name}': the file must hold 32, 48 or 64 hexadecimal digits (AES-128, 192 or 256)")
    return key


def _text(found: bytes | None) -> str | None:
    return found.decode().upper() if found is not None else None
