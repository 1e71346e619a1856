"""Packages by people who hold the keys: every digest and signature holds, and what is signed is odd.

No random damage reaches the parts of a verifier that read what has been signed. Here a document is changed where a decoder
could stumble or two decoders could differ, and everything above it is made to fit. Not every result is a lie: some are
sound and read strangely. What counts is that all verifiers say the same of it, and none falls over.
"""

import base64
import hashlib
import random
import re
from collections.abc import Callable

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from benchmarks._mutations import Files, pack, unpack
from config.evidence import package
from config.evidence.note import NoteSigner, SignedNote
from config.wire.envelope import Signer, open_envelope

_NUMBER = re.compile(rb"(?<=[:,\[])-?[0-9]+")
_STRING = re.compile(rb'"[^"\\]{0,80}"')
_NUMBERS = [
    *(
        b"0",
        b"-0",
        b"1.0",
        b"1e3",
        b"-1",
        b"01",
        b"1.",
        b".5",
        b"+1",
        b"1E400",
        b"NaN",
        b"true",
        b"null",
        b'"1"',
        b"[]",
    ),
    *(b"9007199254740991", b"9007199254740992", b"9007199254740991.0", b"18446744073709551616", b"1" * 400),
]
_STRINGS = [
    *(
        b'""',
        b'"\\ud800"',
        b'"\\ud83d\\ude00"',
        b'"\\ude00"',
        b'"\xff"',
        b'"\xed\xa0\x80"',
        b'"\t"',
        b'"\\/"',
        b'"\\x"',
    ),
    *('"é"'.encode(), '"٣"'.encode(), b'"\\u0000"', b'"' + b"x" * 300 + b'"', b"null", b"1", b"{}"),
]
_ODDITIES = [
    *(b'"odd":' + value for value in (b"1", b"1e400", b'"\xff"', b'"\\ud800"', b"[1,]", b"{}", b"-", b"tru")),
    *(b'"odd":' + b"[" * depth + b"]" * depth for depth in (50, 5_000)),
    *(b'"\\u006fdd":1', b'"\xff":1', b"odd:1", b'"odd" : 1 \n'),
]


def forge(data: bytes, centre: Ed25519PrivateKey, agent: Ed25519PrivateKey, chance: random.Random) -> bytes:
    """A package of which one document was changed and everything that vouches for it was made anew."""
    files = unpack(data)
    name = chance.choice([name for name, _ in files if not name.startswith("segments/") and name != package.CONTENTS])
    files = [
        (each, _changed(each, content, agent, centre, chance) if each == name else content) for each, content in files
    ]
    return pack(_relisted(files, centre))


def _changed(
    name: str, content: bytes, agent: Ed25519PrivateKey, centre: Ed25519PrivateKey, chance: random.Random
) -> bytes:
    folder = package.segment_id_of(name)[0]
    if name == package.CHECKPOINT:
        return _note(content, centre, chance)
    if folder == "manifests" and chance.random() < 0.7:
        opened = open_envelope(content)
        return Signer(agent).seal_payload(opened.payload_type, odd(opened.payload, chance))
    if name == package.INDEX:
        opened = open_envelope(content)
        return Signer(centre).seal_payload(opened.payload_type, odd(opened.payload, chance))
    return odd(content, chance)


def odd(document: bytes, chance: random.Random) -> bytes:
    """A JSON document, changed in one place; it may be none afterwards."""
    return chance.choice(_CHANGES)(document, chance)


def _replaced(pattern: re.Pattern[bytes], values: list[bytes]) -> Callable[[bytes, random.Random], bytes]:
    def change(document: bytes, chance: random.Random) -> bytes:
        found = list(pattern.finditer(document))
        if not found:
            return document + b" "
        place = chance.choice(found)
        return document[: place.start()] + chance.choice(values) + document[place.end() :]

    return change


def _strange_letter(document: bytes, chance: random.Random) -> bytes:
    """Within a string: another letter, a line break at its end, an escape."""
    found = [place for place in _STRING.finditer(document) if place.end() - place.start() > 2]
    if not found:
        return document
    place = chance.choice(found)
    at = chance.randrange(place.start() + 1, place.end() - 1)
    letter = chance.choice(
        [b"\\n", b"\\u0061", b"Z", b"0", b"\\", b"\xc3\xa9", b"\xe2\x80\xa8", document[at : at + 1] * 2]
    )
    if chance.random() < 0.5:
        at = place.end() - 2
        return document[: at + 1] + letter + document[at + 1 :]
    return document[:at] + letter + document[at + 1 :]


def _more(document: bytes, chance: random.Random) -> bytes:
    """A member that nobody knows, or one that is there already, at the front of some object."""
    places = [place.end() for place in re.finditer(rb"\{(?=\")", document)]
    if not places:
        return document + b"\n"
    at = chance.choice(places)
    members = re.findall(rb'"[a-z_]+":(?:[0-9]+|"[^"\\]*"|null)', document)
    new = chance.choice(members) if members and chance.random() < 0.5 else chance.choice(_ODDITIES)
    return document[:at] + new + b"," + document[at:]


def _fewer(document: bytes, chance: random.Random) -> bytes:
    members = list(re.finditer(rb'"[a-z_0-9]+":(?:[0-9]+|"[^"\\]*"|null),', document))
    if not members:
        return document[:-1]
    place = chance.choice(members)
    return document[: place.start()] + document[place.end() :]


def _around(document: bytes, chance: random.Random) -> bytes:
    return chance.choice([b" %s\n", b"\xef\xbb\xbf%s", b"%s\0", b"%sx", b"[%s]", b"%s%%", b""]).replace(b"%s", document)


def _flip(document: bytes, chance: random.Random) -> bytes:
    spoiled = bytearray(document or b"x")
    spoiled[chance.randrange(len(spoiled))] ^= 1 << chance.randrange(8)
    return bytes(spoiled)


_CHANGES: list[Callable[[bytes, random.Random], bytes]] = [
    *(_replaced(_NUMBER, _NUMBERS), _replaced(_NUMBER, _NUMBERS), _replaced(_STRING, _STRINGS)),
    *(_strange_letter, _strange_letter, _more, _more, _fewer, _around, _flip),
]


def _note(data: bytes, centre: Ed25519PrivateKey, chance: random.Random) -> bytes:
    """A checkpoint of odd form, signed as it stands; or sound, with odd signature lines."""
    note = SignedNote.parse(data)
    lines = note.text.split("\n")
    if chance.random() < 0.5:
        values = [
            "0",
            "01",
            " 6",
            "+6",
            "-1",
            "6_0",
            "٣",
            str(2**62),
            str(2**62 + 1),
            "1" * 400,
            "",
            "é",
            "A" * 43 + "=",
        ]
        lines[chance.randrange(len(lines))] = chance.choice(values)
        text = "\n".join(lines)
        return SignedNote(text, ()).plus(NoteSigner(note.signatures[0].name, centre).sign(text)).serialise()
    body = note.serialise()
    signature = chance.choice(body.decode().splitlines()[-len(note.signatures) :]).encode()
    odd_lines = [
        signature,
        b"",
        "\u2014 x AAAAAAA=".encode(),
        "\u2014 x AAAA".encode(),
        b"- x AAAA",
        "\u2014 é AAAAAAA=".encode(),
    ]
    return chance.choice(
        [body + chance.choice(odd_lines) + b"\n", body[:-1], body + b"\n", body.replace(b"=\n", b"\n", 1)]
    )


def _relisted(files: Files, centre: Ed25519PrivateKey) -> Files:
    """With a list of contents and an index that fit what is there now."""
    listed = package.write_contents(
        [
            package.Content(hashlib.sha256(content).hexdigest(), name)
            for name, content in files
            if name not in (package.INDEX, package.CONTENTS)
        ]
    )
    return [
        (
            name,
            listed
            if name == package.CONTENTS
            else _reindexed(content, listed, centre)
            if name == package.INDEX
            else content,
        )
        for name, content in files
    ]


def _reindexed(sealed: bytes, listed: bytes, centre: Ed25519PrivateKey) -> bytes:
    """The index signed for another list; left alone where it is so odd that no list stands in it."""
    try:
        payload = base64.b64decode(msgspec.json.decode(sealed)["payload"])
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError):
        return sealed
    fitted = re.sub(rb'(?<="contents_sha256":")[0-9a-f]{64}', hashlib.sha256(listed).hexdigest().encode(), payload)
    return Signer(centre).seal_payload(package.INDEX_TYPE, fitted)
